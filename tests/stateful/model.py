"""What everybody must see, said as plainly as possible: dicts, and the words of docs/semantics.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

Divide = Callable[[str, str, Decimal, Mapping[str, Decimal]], Mapping[str, Decimal]]


@dataclass
class Asset:
    """Who has it, where it is, what it can."""

    operator: str
    dso: str
    power_kw: dict[str, int]


@dataclass
class View:
    """A limit as one operator was told of it last."""

    revision: int
    status: str
    content: dict[str, Any]
    ends_at: datetime


@dataclass
class Limit:
    """A limit as its DSO sent it last; `weights` are those of the moment when it was accepted."""

    dso: str
    kind: str
    revision: int
    status: str
    content: dict[str, Any]
    weights: dict[str, dict[str, Decimal]]
    start: datetime
    end: datetime
    views: dict[str, list[View]] = field(default_factory=dict)

    def status_at(self, now: datetime) -> str:
        return _at(self.status, self.end, now)


@dataclass
class Model:
    """The world; `divide` says the parts of (DSO, limit id, power, weights by operator)."""

    divide: Divide
    assets: dict[str, Asset] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)
    claims: dict[str, dict[str, Asset]] = field(default_factory=dict)
    last_holder: dict[str, str] = field(default_factory=dict)
    handed_over: set[str] = field(default_factory=set)

    def claim(self, asset_id: str, asset: Asset) -> None:
        """Whoever claims first has it; the others stand in line, and keep their place when they change something."""
        self.claims.setdefault(asset_id, {})[asset.operator] = asset
        self._settle_claims(asset_id)

    def release(self, asset_id: str, operator: str) -> None:
        del self.claims[asset_id][operator]
        self._settle_claims(asset_id)

    def _settle_claims(self, asset_id: str) -> None:
        line = self.claims[asset_id]
        if not line:
            self.assets.pop(asset_id, None)
            return
        before = self.assets.get(asset_id)
        holder = before.operator if before and before.operator in line else next(iter(line))
        self.assets[asset_id] = line[holder]
        if self.last_holder.setdefault(asset_id, holder) != holder:
            self.handed_over.add(asset_id)
        self.last_holder[asset_id] = holder

    def tick(self, now: datetime) -> None:
        """Limits on assets that changed hands are divided anew, between the two operators concerned."""
        moved = {asset_id for asset_id in self.handed_over if asset_id in self.assets}
        self.handed_over = {asset_id for asset_id in self.handed_over if self._is_missed(asset_id, now)}
        for limit_id, limit in self.limits.items():
            if limit.status_at(now) != "active":
                continue
            pairs: dict[tuple[str, str], list[str]] = {}
            for operator, own in limit.weights.items():
                for asset_id in moved & set(own):
                    holder = self.assets[asset_id]
                    if holder.operator != operator and holder.dso == limit.dso:
                        pairs.setdefault((operator, holder.operator), []).append(asset_id)
            for pair, asset_ids in sorted(pairs.items()):
                self._divide_between(limit_id, pair, asset_ids)

    def _is_missed(self, asset_id: str, now: datetime) -> bool:
        """Whether a limit holds it while it is not in that grid: who brings it back may be who held it last."""
        asset = self.assets.get(asset_id)
        holding = (limit for limit in self.limits.values() if any(asset_id in own for own in limit.weights.values()))
        return any(limit.status_at(now) == "active" and not (asset and asset.dso == limit.dso) for limit in holding)

    def _divide_between(self, limit_id: str, pair: tuple[str, str], asset_ids: Iterable[str]) -> None:
        limit, (before, after) = self.limits[limit_id], pair
        for asset_id in asset_ids:
            limit.weights.setdefault(after, {})[asset_id] = limit.weights[before].pop(asset_id)
        if not limit.weights[before]:
            del limit.weights[before]
        held = {one: view for one in pair if (view := _standing(limit.views.get(one, []))) is not None}
        weights = {one: sum(limit.weights.get(one, {}).values(), Decimal(0)) for one in pair}
        contents = {one: {**limit.content, "asset_ids": sorted(limit.weights.get(one, {}))} for one in pair}
        if limit.kind == "foreseen":
            slots = limit.content["available"]
            pooled = [
                sum((view.content["available"][i][2] for view in held.values()), Decimal(0)) for i in range(len(slots))
            ]
            divided = [self.divide(limit.dso, limit_id, power_kw, weights) for power_kw in pooled]
            for one in pair:
                contents[one]["available"] = [
                    (start, end, parts[one]) for (start, end, _), parts in zip(slots, divided, strict=True)
                ]
        for one in pair:
            if one in limit.weights:
                self._tell_one(limit, limit.views.setdefault(one, []), held.get(one), contents[one])
            elif one in held:
                held[one].revision += 1
                held[one].status = "cancelled"

    def of_grid(self, dso: str) -> set[str]:
        return {asset_id for asset_id, asset in self.assets.items() if asset.dso == dso}

    def expected(self, kind: str, dso: str, asset_ids: Iterable[str]) -> str:
        """What the platform says to a limit over these assets."""
        asked, known = set(asset_ids), self.of_grid(dso)
        if asked <= known:
            return "accepted"
        return "partly_accepted" if kind == "unforeseen" and asked & known else "refused"

    def put(self, limit_id: str, limit: Limit, asset_ids: Iterable[str]) -> None:
        """A new limit, or a new revision of one: accepted, frozen, told."""
        if limit_id in self.limits:
            limit.views = self.limits[limit_id].views
        limit.weights = {}
        for asset_id in sorted(set(asset_ids) & self.of_grid(limit.dso)):
            asset = self.assets[asset_id]
            weight = Decimal(asset.power_kw[limit.content["direction"]]) if limit.kind == "foreseen" else Decimal(0)
            limit.weights.setdefault(asset.operator, {})[asset_id] = weight
        self.limits[limit_id] = limit
        self._tell(limit_id)

    def remove(self, limit_id: str, now: datetime, *, in_error: bool) -> None:
        """Withdrawn, cancelled before its start, or ended at the next full minute."""
        limit = self.limits[limit_id]
        limit.revision += 1
        if in_error or limit.start > now:
            limit.status = "withdrawn" if in_error else "cancelled"
        else:
            limit.status, limit.end = "ended", now.replace(second=0, microsecond=0) + timedelta(minutes=1)
            limit.content = cut(limit.content, limit.end)
        self._tell(limit_id)

    def seen_by_operator(self, operator: str, now: datetime) -> list[tuple[Any, ...]]:
        """What it must see: revision, status and content of every limit it was ever told."""
        views = [view for limit in self.limits.values() for view in limit.views.get(operator, [])]
        return [(view.revision, _at(view.status, view.ends_at, now), view.content) for view in views]

    def _tell(self, limit_id: str) -> None:
        limit = self.limits[limit_id]
        is_standing = limit.status in ("active", "ended")
        parts = self._parts(limit_id)
        for operator in {*limit.views, *limit.weights}:
            views = limit.views.setdefault(operator, [])
            last = _standing(views)
            if is_standing and operator in limit.weights and not (limit.status == "ended" and last is None):
                self._tell_one(limit, views, last, parts[operator])
            elif last is not None:
                last.revision += 1
                last.status = limit.status if not is_standing else "cancelled"

    @staticmethod
    def _tell_one(limit: Limit, views: list[View], last: View | None, content: dict[str, Any]) -> None:
        if last is None:
            views.append(View(1, limit.status, content, limit.end))
        elif (last.content, last.status) != (content, limit.status):
            last.revision += 1
            last.status, last.content, last.ends_at = limit.status, content, limit.end

    def _parts(self, limit_id: str) -> dict[str, dict[str, Any]]:
        limit = self.limits[limit_id]
        found: dict[str, dict[str, Any]] = {}
        weights = {operator: sum(own.values(), Decimal(0)) for operator, own in limit.weights.items()}
        for operator, own in limit.weights.items():
            content = {**limit.content, "asset_ids": sorted(own)}
            if limit.kind == "foreseen":
                content["available"] = [
                    (start, end, self.divide(limit.dso, limit_id, power_kw, weights)[operator])
                    for start, end, power_kw in limit.content["available"]
                ]
            found[operator] = content
        return found


def cut(content: dict[str, Any], end: datetime) -> dict[str, Any]:
    """A limit's content when it ends earlier."""
    if "available" not in content:
        return {**content, "expected_end": end}
    slots = [(start, min(until, end), power_kw) for start, until, power_kw in content["available"] if start < end]
    return {**content, "available": slots}


def _standing(views: list[View]) -> View | None:
    """What an operator stands with; nothing follows after a cancellation."""
    return views[-1] if views and views[-1].status in ("active", "ended") else None


def _at(status: str, end: datetime, now: datetime) -> str:
    return "expired" if status == "active" and end <= now else status
