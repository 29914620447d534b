"""The client of an aggregator or balance responsible party: `/agr/v1`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar

from tps.client.limits import Bound, CapacityLimit, LimitBatch
from tps.client.outcome import Outcome
from tps.client.party import WAIT_S, PartyClient, dry, segment, waiting
from tps.client.registration import Asset, AssetChange
from tps.client.schedules import Schedule, SentSchedules
from tps.client.wire import moments

_ASSETS, _LIMITS, _SCHEDULES = "/flexibility-assets", "/capacity-limits", "/operational-schedules"


class OperatorClient(PartyClient):
    """Registers assets, sends schedules and receives limits (F4b, F7a, F8b). `PartyClient` has the common methods."""

    _GROUP: ClassVar[str] = "agr"

    def set_assets(self, assets: Iterable[Asset], *, dry_run: bool = False, key: str | None = None) -> Outcome:
        """Create or replace one or thousands. All others stay unchanged. The platform accepts all or none."""
        return self._send(
            "PUT", _ASSETS, {"assets": [asset.to_json() for asset in assets]}, key=key, query=dry(dry_run)
        )

    def change_assets(
        self, changes: Iterable[AssetChange], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Change the given fields. None removes a field."""
        return self._send("PATCH", _ASSETS, {"assets": list(changes)}, key=key, query=dry(dry_run))

    def assets(self, ids: Iterable[str] | None = None) -> list[Asset]:
        """Return own assets, all or those with `ids`, sorted by id. Ids of other parties are left out."""
        return [Asset.from_json(body) for body in self._own(_ASSETS, "assets", ids)]

    def remove_assets(self, ids: Iterable[str], *, dry_run: bool = False, key: str | None = None) -> Outcome:
        """Remove by id. If one id is unknown or not own, nothing is removed (NotFound)."""
        return self._send("POST", f"{_ASSETS}/removal", {"ids": list(ids)}, key=key, query=dry(dry_run))

    def send_schedules(
        self, schedules: Iterable[Schedule], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Send the schedules of assets. `rejected` names schedules that are not accepted; the others are accepted."""
        return self._send("POST", _SCHEDULES, _plans(schedules), key=key, query=dry(dry_run))

    def update_schedules(
        self, id: str, schedules: Iterable[Schedule], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Replace all schedules with this id. Assets that are left out have no schedule any more."""
        return self._send("PUT", f"{_SCHEDULES}/{segment(id)}", _plans(schedules), key=key, query=dry(dry_run))

    def cancel_schedules(self, id: str, *, dry_run: bool = False, key: str | None = None) -> Outcome:
        """Cancel all schedules with this id."""
        return self._send("DELETE", f"{_SCHEDULES}/{segment(id)}", key=key, query=dry(dry_run))

    def sent_schedules(
        self,
        asset_ids: Iterable[str] | None = None,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> list[SentSchedules]:
        """Return the schedules that were sent, optionally in a half-open period or of at most 50 assets."""
        query = {**moments({"from": start, "to": end}), "asset_id": None if asset_ids is None else list(asset_ids)}
        bodies = self._connection.listed(_SCHEDULES, "schedules", query)["schedules"]
        return [SentSchedules.from_json(body) for body in bodies]

    def sent_schedule(self, id: str) -> SentSchedules:
        """Return the schedules with this id. Raises NotFound for an unknown id."""
        return SentSchedules.from_json(self._connection.ask(f"{_SCHEDULES}/{segment(id)}"))

    def list_limits(
        self,
        *,
        received_from: datetime | None = None,
        received_to: datetime | None = None,
        applies_from: datetime | None = None,
        applies_to: datetime | None = None,
        all_revisions: bool = False,
        per_asset: bool = False,
    ) -> list[CapacityLimit]:
        """Return received limits, optionally by time of receipt or of application (half-open); latest revisions."""
        times = {"from": received_from, "to": received_to, "applies_from": applies_from, "applies_to": applies_to}
        flags = {"all_revisions": all_revisions, "per_asset": per_asset}
        return self._limits(_LIMITS, {**moments(times), **{name: "true" for name, is_set in flags.items() if is_set}})

    def active_limits(self, *, per_asset: bool = False) -> list[CapacityLimit]:
        """Return limits in force or starting later. `per_asset` divides the own part by the same rule."""
        return self._limits(f"{_LIMITS}/active", {"per_asset": "true"} if per_asset else {})

    def bounds(self) -> list[Bound]:
        """Return the binding restriction of each own asset over all active limits, by asset, direction and time."""
        answer = self._connection.ask(f"{_LIMITS}/active", {"per_asset": "true", "limit": 1})
        return [Bound.from_json(body) for body in answer["bounds"]]

    def wait_limits(
        self, *, after: str | None = None, timeout_s: int = WAIT_S, reader: str | None = None, per_asset: bool = False
    ) -> LimitBatch:
        """Wait for limits after a cursor and return them; empty if the time runs out.

        Args:
            after: Cursor; None for the position that the server remembers for this reader.
            timeout_s: Longest wait in seconds, 0 to 55; 0 answers at once.
            reader: Name that separates several readers of a party.
            per_asset: As for `active_limits`.
        """
        return self._wait(waiting(after, timeout_s, reader), per_asset=per_asset, forever=False)

    def limits(
        self, *, after: str | None = None, reader: str | None = None, per_asset: bool = False
    ) -> Iterator[LimitBatch]:
        """Yield limits, cancellations and endings without end, also across restarts of the platform.

        Without `after`, the server remembers the position of this reader. A program that must not lose a batch before
        it is processed stores `batch.cursor` with its results, and starts with `after=cursor` the next time.
        """
        return self._follow(
            lambda cursor: self._wait(waiting(cursor, WAIT_S, reader), per_asset=per_asset, forever=True), after
        )

    def _limits(self, path: str, query: dict[str, Any]) -> list[CapacityLimit]:
        return [CapacityLimit.from_json(body) for body in self._connection.listed(path, "limits", query)["limits"]]

    def _wait(self, query: dict[str, Any], *, per_asset: bool, forever: bool) -> LimitBatch:
        parameters = {**query, "per_asset": "true" if per_asset else None}
        return LimitBatch.from_json(self._connection.ask(f"{_LIMITS}/wait", parameters, forever=forever))


def _plans(schedules: Iterable[Schedule]) -> dict[str, Any]:
    return {"schedules": [schedule.to_json() for schedule in schedules]}
