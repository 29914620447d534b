"""The client of a distribution system operator: `/dso/v1`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar

from tps.client.limits import CapacityLimit, ForeseenLimit, LimitKind, UnforeseenLimit
from tps.client.outcome import Outcome
from tps.client.party import WAIT_S, PartyClient, dry, segment, waiting
from tps.client.registration import AssetChanges, AssetList, ConnectionPoint, PointChange
from tps.client.schedules import ScheduleBatch, ScheduleList
from tps.client.wire import moments

_POINTS, _ASSETS = "/connection-points", "/flexibility-assets"
_LIMITS, _SCHEDULES = "/capacity-limits", "/operational-schedules"


class DsoClient(PartyClient):
    """Registers points, sees assets and plans, sends limits (F4c, F5b, F6b, F9b); `PartyClient` for what is common."""

    _GROUP: ClassVar[str] = "dso"

    def set_points(
        self, points: Iterable[ConnectionPoint], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Set one or thousands; those not named stay as they are. All are accepted, or none."""
        return self._send(
            "PUT", _POINTS, {"connection_points": [point.to_json() for point in points]}, key=key, query=dry(dry_run)
        )

    def change_points(
        self, changes: Iterable[PointChange], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Change the given fields; None takes one away."""
        return self._send("PATCH", _POINTS, {"connection_points": list(changes)}, key=key, query=dry(dry_run))

    def points(self, ids: Iterable[str] | None = None) -> list[ConnectionPoint]:
        """Own points, all or those named, sorted by id; ids that are not own are left out."""
        return [ConnectionPoint.from_json(each) for each in self._own(_POINTS, "connection_points", ids)]

    def remove_points(self, ids: Iterable[str], *, dry_run: bool = False, key: str | None = None) -> Outcome:
        """Remove; one that is not own voids the call (NotFound)."""
        return self._send("POST", f"{_POINTS}/removal", {"ids": list(ids)}, key=key, query=dry(dry_run))

    def list_assets(self) -> AssetList:
        """All assets in the own grid, sorted by id; if the platform does not answer, the last list, with its age."""
        return AssetList.from_json(self._connection.listed(_ASSETS, "assets"))

    def wait_asset_changes(
        self, *, after: str | None = None, timeout_s: int = WAIT_S, reader: str | None = None
    ) -> AssetChanges:
        """New, changed and removed assets after a cursor; empty when time is up. As `OperatorClient.wait_limits`."""
        return self._changes(waiting(after, timeout_s, reader), forever=False)

    def asset_changes(self, *, after: str | None = None, reader: str | None = None) -> Iterator[AssetChanges]:
        """New, changed and removed assets as they come, for ever. As `OperatorClient.limits`."""
        return self._follow(lambda cursor: self._changes(waiting(cursor, WAIT_S, reader), forever=True), after)

    def send_limit(
        self, limit: ForeseenLimit | UnforeseenLimit, *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Send a limit; with `dry_run` only learn what would become of it."""
        return self._send("POST", f"{_LIMITS}/{limit.kind}", limit.to_json(), key=key, query=dry(dry_run))

    def update_limit(
        self, id: str, limit: ForeseenLimit | UnforeseenLimit, *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Replace the whole limit, as its next revision; only those whom it concerns are told."""
        return self._send("PUT", _path(limit.kind, id), limit.to_json(), key=key, query=dry(dry_run))

    def end_limit(
        self, id: str, kind: LimitKind, *, reason: str | None = None, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Cancel it before its start; after, end it at the next full minute."""
        return self._send("DELETE", _path(kind, id), key=key, query={"reason": reason, **dry(dry_run)})

    def withdraw_limit(
        self, id: str, kind: LimitKind, reason: str, *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """It was sent in error: take it back, and say why."""
        query = {"sent_in_error": "true", "reason": reason, **dry(dry_run)}
        return self._send("DELETE", _path(kind, id), key=key, query=query)

    def list_limits(
        self,
        *,
        applies_from: datetime | None = None,
        applies_to: datetime | None = None,
        all_revisions: bool = False,
    ) -> list[CapacityLimit]:
        """Own limits that apply in a half-open period, the latest revision of each, with their delivery."""
        query = {
            **moments({"from": applies_from, "to": applies_to}),
            "all_revisions": "true" if all_revisions else None,
        }
        return [CapacityLimit.from_json(each) for each in self._connection.listed(_LIMITS, "limits", query)["limits"]]

    def limit(self, id: str) -> CapacityLimit:
        """One own limit, its latest revision; NotFound if there is none."""
        return CapacityLimit.from_json(self._connection.ask(f"{_LIMITS}/{segment(id)}"))

    def list_schedules(
        self,
        asset_ids: Iterable[str] | None = None,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> ScheduleList:
        """Plans for assets in the own grid, all or those named, within a half-open period."""
        period = moments({"from": start, "to": end})
        if asset_ids is None:
            return ScheduleList.from_json(self._connection.listed(_SCHEDULES, "schedules", period))
        body = {"asset_ids": list(asset_ids), **period}
        return ScheduleList.from_json(self._connection.ask(f"{_SCHEDULES}/query", body=body))

    def wait_schedules(
        self, *, after: str | None = None, timeout_s: int = WAIT_S, reader: str | None = None
    ) -> ScheduleBatch:
        """Plans that came after a cursor; empty when the time is up. As `OperatorClient.wait_limits`."""
        return self._plans(waiting(after, timeout_s, reader), forever=False)

    def schedules(self, *, after: str | None = None, reader: str | None = None) -> Iterator[ScheduleBatch]:
        """Plans as they come, for ever. As `OperatorClient.limits`."""
        return self._follow(lambda cursor: self._plans(waiting(cursor, WAIT_S, reader), forever=True), after)

    def _changes(self, query: dict[str, Any], *, forever: bool) -> AssetChanges:
        return AssetChanges.from_json(self._connection.ask(f"{_ASSETS}/changes", query, forever=forever))

    def _plans(self, query: dict[str, Any], *, forever: bool) -> ScheduleBatch:
        return ScheduleBatch.from_json(self._connection.ask(f"{_SCHEDULES}/wait", query, forever=forever))


def _path(kind: LimitKind, id: str) -> str:
    return f"{_LIMITS}/{kind}/{segment(id)}"
