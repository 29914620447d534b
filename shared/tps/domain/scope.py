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


@dataclass(frozen=True, slots=True)
class DirectoryScope:
    """Whoever asks the Component Directory: a party about itself, or the platform operator about all.

    Attributes:
        role: agr, brp, dso or tps.
        component: The component whose key proved who asks; None if a token did.
    """

    party: str
    role: str
    component: str | None = None

    @property
    def is_operator(self) -> bool:
        """Whether it is the platform operator."""
        return self.role == "tps"


Scope = AgrScope | DsoScope | TpsScope | DirectoryScope
