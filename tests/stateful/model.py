"""A model of what every party must see of limits, as simple as possible, in the terms of docs/semantics.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tests.stateful.registry_model import Registry

Divide = Callable[[str, str, Decimal, Mapping[str, Decimal]], Mapping[str, Decimal]]
Slot = tuple[datetime, datetime, Decimal]
MINUTE = timedelta(minutes=1)
OPEN = ("active", "ended")


@dataclass(frozen=True)
class Said:
    """The content of a limit: `available` if foreseen, else `action`."""

    asset_ids: tuple[str, ...]
    direction: str
    start: datetime
    end: datetime
    available: tuple[Slot, ...] = ()
    action: str = ""

    @property
    def kind(self) -> str:
        return "unforeseen" if self.action else "foreseen"

    def until(self, end: datetime) -> Said:
        """Return the limit ended at that time. Between two intervals, it ends with the earlier interval."""
        slots = tuple((start, min(each, end), power_kw) for start, each, power_kw in self.available if start < end)
        return replace(self, available=slots, end=slots[-1][1] if slots else min(self.end, end))


@dataclass
class View:
    """A limit as one operator received it last.

    Attributes:
        weight_kw: The operator's weight at the time of the message.
        first_end: The first expected end of an emergency, after which that message is useless.
        is_begun: The first message arrived in time.
        is_lost: No message arrived that can be shown.
        taken_at: When its endpoint took the last message; None while the message is on its way.
        is_known: The platform knows that.
    """

    revision: int
    status: str
    said: Said
    weight_kw: Decimal
    first_end: datetime
    is_begun: bool = False
    is_lost: bool = False
    taken_at: datetime | None = None
    is_known: bool = False


@dataclass
class Limit:
    """A limit as its DSO sent it last.

    Attributes:
        weights: Weights of the known assets at the time of acceptance, by operator.
        views: The limits that each operator received. A cancellation ends a view, and the next message starts another.
        concerned: Views that this revision changes or closes, which it must reach.
        due: Notices that the DSO has not received yet.
    """

    dso: str
    revision: int
    status: str
    said: Said
    accepted_at: datetime
    weights: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    views: dict[str, list[View]] = field(default_factory=dict)
    concerned: dict[str, View] = field(default_factory=dict)
    due: set[str] = field(default_factory=set)
    notices: list[tuple[str, datetime]] = field(default_factory=list)
    all_reached_at: datetime | None = None
    unreached: set[str] = field(default_factory=set)

    def status_at(self, now: datetime) -> str:
        return _at(self.status, self.said.end, now)


@dataclass
class Model:
    """The world; `divide` returns the parts of (DSO, limit id, power, weights)."""

    divide: Divide
    registry: Registry = field(default_factory=Registry)
    limits: dict[str, Limit] = field(default_factory=dict)
    cut_off: dict[str, list[View]] = field(default_factory=dict)
    notices_sent: Counter[str] = field(default_factory=Counter)

    # The platform's decision on a revision

    def judge(self, limit_id: str, dso: str, said: Said | None, now: datetime) -> str:
        """Return accepted or refused; `said` is None for a cancellation or withdrawal."""
        before = self.limits.get(limit_id)
        if before and (before.status_at(now) != "active" or (said and said.kind != before.said.kind)):
            return "refused"
        if said is None or (before and ends(said, now)):
            return "accepted"
        known = {asset_id: each for asset_id, each in self.registry.grid(dso).items() if asset_id in said.asset_ids}
        does_both = any(all(each.power_kw.values()) for each in known.values())
        if said.end <= now or not known or (said.action, said.direction, does_both) == ("start", "both", True):
            return "refused"
        if len(known) == len(said.asset_ids):
            return "accepted"
        return "partly_accepted" if said.kind == "unforeseen" else "refused"

    # The effect of an accepted revision

    def put(self, limit_id: str, dso: str, revision: int, said: Said, now: datetime) -> None:
        """Apply a new limit, a replacement, or a replacement that ends the limit."""
        before = self.limits.get(limit_id)
        is_end = before is not None and ends(said, now)
        limit = self._follow(limit_id, dso, revision, "ended" if is_end else "active", said, now)
        if before and is_end:
            limit.weights = _only(before.weights, said.asset_ids)
        else:
            self._weigh(limit_id, limit)
            limit.due |= {"expires", "expired", "unreached"} if said.action else set()
        self._tell(limit_id, now)

    def close(self, limit_id: str, revision: int, status: str, now: datetime) -> None:
        """Cancel or withdraw a limit."""
        before = self.limits[limit_id]
        self._follow(limit_id, before.dso, revision, status, before.said, now)
        self._tell(limit_id, now)

    def remove(self, limit_id: str, now: datetime, *, in_error: bool) -> None:
        """Apply DELETE: withdrawn, cancelled before its start, or ended at the next full minute."""
        before = self.limits[limit_id]
        if in_error or before.said.start > now:
            self.close(limit_id, before.revision + 1, "withdrawn" if in_error else "cancelled", now)
        else:
            self.put(limit_id, before.dso, before.revision + 1, before.said.until(next_minute(now)), now)

    def _follow(self, limit_id: str, dso: str, revision: int, status: str, said: Said, now: datetime) -> Limit:
        views = self.limits[limit_id].views if limit_id in self.limits else {}
        limit = Limit(dso, revision, status, said, now, views=views, due={"all_reached"})
        self.limits[limit_id] = limit
        return limit

    def _weigh(self, limit_id: str, limit: Limit) -> None:
        """Set the weights at the time of acceptance; an emergency divides nothing."""
        grid, said = self.registry.grid(limit.dso), limit.said
        known = {asset_id for asset_id in said.asset_ids if asset_id in grid}
        weights = dict.fromkeys(known, Decimal(0))
        if said.kind == "foreseen":
            weights = self.registry.weights(known, said.direction, lambda *of: self.divide(limit.dso, limit_id, *of))
        for asset_id, weight in weights.items():
            limit.weights.setdefault(grid[asset_id].operator, {})[asset_id] = weight

    # Messages to operators

    def _tell(self, limit_id: str, now: datetime) -> None:
        limit = self.limits[limit_id]
        if limit.status == "ended":
            limit.weights = {operator: own for operator, own in limit.weights.items() if _standing(limit, operator)}
        divided = [self.divide(limit.dso, limit_id, slot[2], _sums(limit.weights)) for slot in limit.said.available]
        for operator in {*limit.views, *limit.weights}:
            parts_kw = [parts[operator] for parts in divided] if operator in limit.weights else []
            self._tell_one(limit, operator, parts_kw, now)

    def _tell_one(self, limit: Limit, operator: str, parts_kw: list[Decimal], now: datetime) -> None:
        """Send the operator the next revision if its content changed, or a first revision if the operator has none."""
        own, view = limit.weights.get(operator), _standing(limit, operator)
        is_concerned = limit.status in OPEN and own is not None
        if not is_concerned:
            if view:
                closed = limit.status if limit.status not in OPEN else "cancelled"
                self._send(limit, operator, replace(view, status=closed), now)
            return
        assert own is not None
        slots = tuple((*slot[:2], part_kw) for slot, part_kw in zip(limit.said.available, parts_kw, strict=True))
        said = replace(limit.said, asset_ids=tuple(sorted(own)), available=slots)
        if view and (view.status, view.said) == (limit.status, said):
            limit.concerned[operator] = view
            return
        weight_kw = sum(own.values(), Decimal(0))
        before = view or View(0, limit.status, said, weight_kw, said.end)
        self._send(limit, operator, replace(before, status=limit.status, said=said, weight_kw=weight_kw), now)

    def _send(self, limit: Limit, operator: str, news: View, now: datetime) -> None:
        is_there = operator not in self.cut_off
        sent = replace(news, revision=news.revision + 1, is_known=False, taken_at=now if is_there else None)
        sent.is_begun |= is_there
        views = limit.views.setdefault(operator, [])
        views[-1:] = [sent] if _standing(limit, operator) else [*views[-1:], sent]
        limit.concerned[operator] = sent

    def letters(self, operator: str) -> int:
        """Return the number of messages about limits to this operator, which equals the number of revisions."""
        return sum(view.revision for view in self._views(operator))

    def seen_by(self, operator: str, now: datetime) -> list[tuple[View, str]]:
        """Return every limit that the operator received, with its current status."""
        views = self.cut_off.get(operator, self._views(operator))
        return [(view, _at(view.status, view.said.end, now)) for view in views if not view.is_lost]

    def _views(self, operator: str) -> Iterator[View]:
        return (view for limit in self.limits.values() for view in limit.views.get(operator, ()))

    def _all_views(self) -> list[list[View]]:
        return [views for limit in self.limits.values() for views in limit.views.values()]

    # Effects of time

    def cut(self, operator: str) -> None:
        """Disconnect an operator: it keeps the limits that it saw."""
        self.cut_off[operator] = [copy(view) for view in self._views(operator)]

    def join(self, operator: str, now: datetime) -> None:
        """Deliver the delayed messages, except the first message of an emergency that has ended."""
        del self.cut_off[operator]
        for view in self._views(operator):
            if view.taken_at is None:
                view.is_begun |= view.said.kind == "foreseen" or now < view.first_end
                has_more = view.is_begun or view.revision > 1
                view.is_lost = not view.is_begun and not (has_more and view.status in OPEN)
                view.taken_at = now if has_more else None

    def hear(self) -> None:
        """Deliver the acknowledgements of taken messages."""
        for view in (view for views in self._all_views() for view in views):
            view.is_known = view.taken_at is not None

    def tick(self, now: datetime) -> None:
        """Apply changes of operators, then send notices to DSOs; earlier acknowledgements arrive last."""
        taken = [view for views in self._all_views() for view in views if view.taken_at]
        for limit_id, limit in self.limits.items():
            if limit.status_at(now) == "active":
                self._hand_over(limit_id, limit, now)
        for limit in self.limits.values():
            self.notices_sent[limit.dso] += sum(_notices(limit, now))
        for view in taken:
            view.is_known = True

    def _hand_over(self, limit_id: str, limit: Limit, now: datetime) -> None:
        """Pool the parts of two operators and divide them between the two; no other part changes."""
        grid = self.registry.grid(limit.dso)
        pairs: dict[tuple[str, str], list[str]] = {}
        for operator, own in limit.weights.items():
            for asset_id in own:
                if asset_id in grid and grid[asset_id].operator != operator:
                    pairs.setdefault((operator, grid[asset_id].operator), []).append(asset_id)
        for (before, after), asset_ids in sorted(pairs.items()):
            for asset_id in asset_ids:
                limit.weights.setdefault(after, {})[asset_id] = limit.weights[before].pop(asset_id)
            if not limit.weights[before]:
                del limit.weights[before]
            held = [view for one in (before, after) if (view := _standing(limit, one))]
            weights = {one: sum(limit.weights.get(one, {}).values(), Decimal(0)) for one in (before, after)}
            pooled = [
                sum(slots, Decimal(0))
                for slots in zip(*([slot[2] for slot in view.said.available] for view in held), strict=True)
            ]
            divided = [self.divide(limit.dso, limit_id, power_kw, weights) for power_kw in pooled]
            for one in (before, after):
                self._tell_one(limit, one, [parts[one] for parts in divided], now)


def _notices(limit: Limit, now: datetime) -> Iterator[int]:
    """Yield the notices that the DSO receives now, each once."""
    end, due = limit.said.end, limit.due
    views = limit.concerned.values()
    if "all_reached" in due and views and all(view.is_known for view in views):
        due.remove("all_reached")
        limit.all_reached_at = max(view.taken_at for view in views if view.taken_at)
        yield 1
    if "unreached" in due and limit.accepted_at + MINUTE <= now:
        due.remove("unreached")
        without = [one for one in limit.weights if not limit.concerned[one].is_known]
        limit.unreached = {asset_id for one in without for asset_id in limit.weights[one]}
        yield bool(limit.unreached)
    if "expires" in due and end - 15 * MINUTE <= now:
        due.remove("expires")
        limit.notices += [("expires", end)] if now < end else []
        yield now < end
    if "expired" in due and end <= now:
        due.remove("expired")
        limit.notices.append(("expired", end))
        yield 1


def next_minute(now: datetime) -> datetime:
    """Return the first full minute after a moment."""
    return now.replace(second=0, microsecond=0) + MINUTE


def ends(said: Said, now: datetime) -> bool:
    """Return True if a replacement ends its limit, because it ends by the next full minute."""
    return said.end <= next_minute(now)


def _only(weights: Mapping[str, dict[str, Decimal]], asset_ids: Iterable[str]) -> dict[str, dict[str, Decimal]]:
    listed = {operator: {key: own[key] for key in own if key in asset_ids} for operator, own in weights.items()}
    return {operator: own for operator, own in listed.items() if own}


def _sums(weights: Mapping[str, dict[str, Decimal]]) -> dict[str, Decimal]:
    return {operator: sum(own.values(), Decimal(0)) for operator, own in weights.items()}


def _standing(limit: Limit, operator: str) -> View | None:
    """Return the operator's current view; a cancelled view is never continued."""
    views = limit.views.get(operator)
    return views[-1] if views and views[-1].status in OPEN else None


def _at(status: str, end: datetime, now: datetime) -> str:
    return "expired" if status == "active" and end <= now else status
