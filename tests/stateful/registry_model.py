"""Who has which asset, and what it counts for, as docs/semantics.md says under Registrations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

Divide = Callable[[Decimal, Mapping[str, Decimal]], Mapping[str, Decimal]]
DIRECTIONS = ("production", "consumption")


@dataclass(frozen=True)
class Claim:
    """What an operator says of an asset; a power of 0: it cannot."""

    operator: str
    point_id: str
    power_kw: Mapping[str, int]


@dataclass(frozen=True)
class Point:
    """A connection point that a DSO has registered, and the maxima that it stated."""

    dso: str
    max_kw: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Registry:
    """Registered points by id; per asset the claims of operators, in the order of their coming."""

    points: dict[str, Point] = field(default_factory=dict)
    claims: defaultdict[str, dict[str, Claim]] = field(default_factory=lambda: defaultdict(dict))

    def holder(self, asset_id: str) -> Claim | None:
        """Whoever came first and has not let go."""
        return next(iter(self.claims[asset_id].values()), None)

    def is_active(self, asset_id: str) -> bool:
        return (holder := self.holder(asset_id)) is not None and holder.point_id in self.points

    def state(self, asset_id: str, operator: str) -> str:
        """What the operator is told of its own claim."""
        holder = self.holder(asset_id)
        is_its = self.is_active(asset_id) and holder is not None and holder.operator == operator
        return "active" if is_its else "waiting"

    def grid(self, dso: str) -> dict[str, Claim]:
        """Active assets at the DSO's points."""
        found = {asset_id: self.holder(asset_id) for asset_id in self.claims if self.is_active(asset_id)}
        return {asset_id: each for asset_id, each in found.items() if each and self.points[each.point_id].dso == dso}

    def neighbours(self, point_id: str) -> dict[str, Claim]:
        """Active assets at one point, whoever operates them."""
        return {
            asset_id: claim
            for asset_id, claim in self.grid(self.points[point_id].dso).items()
            if claim.point_id == point_id
        }

    def is_capped(self, asset_id: str) -> bool:
        """Whether the asset, in a direction that it has, weighs less than registered."""
        claim = self.holder(asset_id)
        if claim is None or not self.is_active(asset_id):
            return False
        point, together = self.points[claim.point_id], self.neighbours(claim.point_id).values()
        return any(
            claim.power_kw[direction] and sum(each.power_kw[direction] for each in together) > point.max_kw[direction]
            for direction in point.max_kw
        )

    def weights(self, asset_ids: set[str], direction: str, divide: Divide) -> dict[str, Decimal]:
        """What each of these active assets weighs: its maximum, or its part of what its point can carry."""
        found: dict[str, Decimal] = {}
        for point_id, point in self.points.items():
            registered = {
                asset_id: Decimal(claim.power_kw[direction]) for asset_id, claim in self.neighbours(point_id).items()
            }
            is_bounded = direction in point.max_kw
            found |= divide(Decimal(point.max_kw[direction]), registered) if is_bounded else registered
        return {asset_id: weight for asset_id, weight in found.items() if asset_id in asset_ids}
