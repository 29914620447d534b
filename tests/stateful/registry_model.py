"""A model of the registry: the operator and weight of each asset, as docs/semantics.md states the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

Divide = Callable[[Decimal, Mapping[str, Decimal]], Mapping[str, Decimal]]
DIRECTIONS = ("production", "consumption")


@dataclass(frozen=True)
class Claim:
    """An operator's claim on an asset; a power of 0 means no capability in this direction."""

    operator: str
    point_id: str
    power_kw: Mapping[str, int]


@dataclass(frozen=True)
class Point:
    """A connection point that a DSO has registered, with its stated maxima."""

    dso: str
    max_kw: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Registry:
    """Registered points by id, and the claims of operators per asset, in their order."""

    points: dict[str, Point] = field(default_factory=dict)
    claims: defaultdict[str, dict[str, Claim]] = field(default_factory=lambda: defaultdict(dict))

    def holder(self, asset_id: str) -> Claim | None:
        """Return the first claim that still exists."""
        return next(iter(self.claims[asset_id].values()), None)

    def is_active(self, asset_id: str) -> bool:
        return (holder := self.holder(asset_id)) is not None and holder.point_id in self.points

    def state(self, asset_id: str, operator: str) -> str:
        """Return the state of an operator's own claim."""
        holder = self.holder(asset_id)
        is_its = self.is_active(asset_id) and holder is not None and holder.operator == operator
        return "active" if is_its else "waiting"

    def grid(self, dso: str) -> dict[str, Claim]:
        """Return the active assets at the DSO's points."""
        found = {asset_id: self.holder(asset_id) for asset_id in self.claims if self.is_active(asset_id)}
        return {asset_id: each for asset_id, each in found.items() if each and self.points[each.point_id].dso == dso}

    def neighbours(self, point_id: str) -> dict[str, Claim]:
        """Return the active assets at one point, of all operators."""
        return {
            asset_id: claim
            for asset_id, claim in self.grid(self.points[point_id].dso).items()
            if claim.point_id == point_id
        }

    def is_capped(self, asset_id: str) -> bool:
        """Return True if the weight of the asset is below its registered power in one of its directions."""
        claim = self.holder(asset_id)
        if claim is None or not self.is_active(asset_id):
            return False
        point, together = self.points[claim.point_id], self.neighbours(claim.point_id).values()
        return any(
            claim.power_kw[direction] and sum(each.power_kw[direction] for each in together) > point.max_kw[direction]
            for direction in point.max_kw
        )

    def weights(self, asset_ids: set[str], direction: str, divide: Divide) -> dict[str, Decimal]:
        """Return the weight of each of these active assets: its maximum, or its part of its point's maximum."""
        found: dict[str, Decimal] = {}
        for point_id, point in self.points.items():
            registered = {
                asset_id: Decimal(claim.power_kw[direction]) for asset_id, claim in self.neighbours(point_id).items()
            }
            is_bounded = direction in point.max_kw
            found |= divide(Decimal(point.max_kw[direction]), registered) if is_bounded else registered
        return {asset_id: weight for asset_id, weight in found.items() if asset_id in asset_ids}
