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
    """Registers points, lists assets and schedules, sends limits (F4c, F5b, F6b, F9b). Based on `PartyClient`."""

    _GROUP: ClassVar[str] = "dso"

    def set_points(
        self, points: Iterable[ConnectionPoint], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Create or replace one or thousands. All others stay unchanged. The platform accepts all or none."""
        return self._send(
            "PUT", _POINTS, {"connection_points": [point.to_json() for point in points]}, key=key, query=dry(dry_run)
        )

    def change_points(
        self, changes: Iterable[PointChange], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Change the given fields. None removes a field."""
        return self._send("PATCH", _POINTS, {"connection_points": list(changes)}, key=key, query=dry(dry_run))

    def points(self, ids: Iterable[str] | None = None) -> list[ConnectionPoint]:
        """Return own points, all or those with `ids`, sorted by id. Ids of other parties are left out."""
        return [ConnectionPoint.from_json(body) for body in self._own(_POINTS, "connection_points", ids)]

    def remove_points(self, ids: Iterable[str], *, dry_run: bool = False, key: str | None = None) -> Outcome:
        """Remove by id. If one id is unknown or not own, nothing is removed (NotFound)."""
        return self._send("POST", f"{_POINTS}/removal", {"ids": list(ids)}, key=key, query=dry(dry_run))

    def list_assets(self) -> AssetList:
        """Return all assets in the own grid, sorted by id. If the platform does not answer, return the cached list."""
        return AssetList.from_json(self._connection.listed(_ASSETS, "assets"))

    def wait_asset_changes(
        self, *, after: str | None = None, timeout_s: int = WAIT_S, reader: str | None = None
    ) -> AssetChanges:
        """Wait for new, changed and removed assets after a cursor. Arguments as for `OperatorClient.wait_limits`."""
        return self._changes(waiting(after, timeout_s, reader), forever=False)

    def asset_changes(self, *, after: str | None = None, reader: str | None = None) -> Iterator[AssetChanges]:
        """Yield new, changed and removed assets without end. Arguments as for `OperatorClient.limits`."""
        return self._follow(lambda cursor: self._changes(waiting(cursor, WAIT_S, reader), forever=True), after)

    def send_limit(
        self, limit: ForeseenLimit | UnforeseenLimit, *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Send a limit. With `dry_run`, only return the expected outcome."""
        return self._send("POST", f"{_LIMITS}/{limit.kind}", limit.to_json(), key=key, query=dry(dry_run))

    def update_limit(
        self, id: str, limit: ForeseenLimit | UnforeseenLimit, *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Replace the whole limit, as its next revision. Only operators with a change get a message."""
        return self._send("PUT", _path(limit.kind, id), limit.to_json(), key=key, query=dry(dry_run))

    def end_limit(
        self, id: str, kind: LimitKind, *, reason: str | None = None, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Cancel a limit before its start; after its start, end the limit at the next full minute."""
        return self._send("DELETE", _path(kind, id), key=key, query={"reason": reason, **dry(dry_run)})

    def withdraw_limit(
        self, id: str, kind: LimitKind, reason: str, *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Withdraw a limit that was sent in error, with a reason."""
        query = {"sent_in_error": "true", "reason": reason, **dry(dry_run)}
        return self._send("DELETE", _path(kind, id), key=key, query=query)

    def list_limits(
        self,
        *,
        applies_from: datetime | None = None,
        applies_to: datetime | None = None,
        all_revisions: bool = False,
    ) -> list[CapacityLimit]:
        """Return own limits, optionally those that apply in a half-open period; latest revisions with delivery."""
        query = {
            **moments({"from": applies_from, "to": applies_to}),
            "all_revisions": "true" if all_revisions else None,
        }
        return [CapacityLimit.from_json(body) for body in self._connection.listed(_LIMITS, "limits", query)["limits"]]

    def limit(self, id: str) -> CapacityLimit:
        """Return the latest revision of an own limit. Raises NotFound for an unknown id."""
        return CapacityLimit.from_json(self._connection.ask(f"{_LIMITS}/{segment(id)}"))

    def list_schedules(
        self,
        asset_ids: Iterable[str] | None = None,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> ScheduleList:
        """Return the schedules of assets in the own grid, optionally of some assets or in a half-open period."""
        period = moments({"from": start, "to": end})
        if asset_ids is None:
            return ScheduleList.from_json(self._connection.listed(_SCHEDULES, "schedules", period))
        body = {"asset_ids": list(asset_ids), **period}
        return ScheduleList.from_json(self._connection.ask(f"{_SCHEDULES}/query", body=body))

    def wait_schedules(
        self, *, after: str | None = None, timeout_s: int = WAIT_S, reader: str | None = None
    ) -> ScheduleBatch:
        """Wait for schedules that changed after a cursor. Arguments as for `OperatorClient.wait_limits`."""
        return self._plans(waiting(after, timeout_s, reader), forever=False)

    def schedules(self, *, after: str | None = None, reader: str | None = None) -> Iterator[ScheduleBatch]:
        """Yield changed schedules without end. Arguments as for `OperatorClient.limits`."""
        return self._follow(lambda cursor: self._plans(waiting(cursor, WAIT_S, reader), forever=True), after)

    def _changes(self, query: dict[str, Any], *, forever: bool) -> AssetChanges:
        return AssetChanges.from_json(self._connection.ask(f"{_ASSETS}/changes", query, forever=forever))

    def _plans(self, query: dict[str, Any], *, forever: bool) -> ScheduleBatch:
        return ScheduleBatch.from_json(self._connection.ask(f"{_SCHEDULES}/wait", query, forever=forever))


def _path(kind: LimitKind, id: str) -> str:
    return f"{_LIMITS}/{kind}/{segment(id)}"
