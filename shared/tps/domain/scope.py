"""Who asks: the caller, turned into a scope once at the edge (NF3). Every read of a store takes one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AgrScope:
    """An aggregator or balance responsible party, and nobody else's things."""

    party: str


@dataclass(frozen=True, slots=True)
class DsoScope:
    """A distribution system operator, and nobody else's grid."""

    party: str


@dataclass(frozen=True, slots=True)
class TpsScope:
    """The platform operator."""

    party: str


Scope = AgrScope | DsoScope | TpsScope
