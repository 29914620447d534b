"""Scopes: the caller's identity, established once at the edge. Every read of a store requires a scope.

Source: docs/requirements.md, NF3.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AgrScope:
    """The scope of an aggregator or balance responsible party: its own data only."""

    party: str


@dataclass(frozen=True, slots=True)
class DsoScope:
    """The scope of a distribution system operator: its own grid only."""

    party: str


@dataclass(frozen=True, slots=True)
class TpsScope:
    """The scope of the platform operator."""

    party: str


@dataclass(frozen=True, slots=True)
class DirectoryScope:
    """The scope of a caller of the Component Directory: a party for itself, or the platform operator for all parties.

    Attributes:
        role: agr, brp, dso or tps.
        component: The component whose key authenticated the caller. None if a token authenticated the caller.
    """

    party: str
    role: str
    component: str | None = None

    @property
    def is_operator(self) -> bool:
        """Return True if the caller is the platform operator."""
        return self.role == "tps"


Scope = AgrScope | DsoScope | TpsScope | DirectoryScope
