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
    """Registers assets, sends schedules, receives limits (F4b, F7a, F8b); see `PartyClient` for what is common."""

    _GROUP: ClassVar[str] = "agr"

    def set_assets(self, assets: Iterable[Asset], *, dry_run: bool = False, key: str | None = None) -> Outcome:
        """Set one or thousands; those not named stay as they are. All are accepted, or none."""
        return self._send(
            "PUT", _ASSETS, {"assets": [asset.to_json() for asset in assets]}, key=key, query=dry(dry_run)
        )

    def change_assets(
        self, changes: Iterable[AssetChange], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Change the given fields; None takes one away."""
        return self._send("PATCH", _ASSETS, {"assets": list(changes)}, key=key, query=dry(dry_run))

    def assets(self, ids: Iterable[str] | None = None) -> list[Asset]:
        """Own assets, all or those named, sorted by id; ids that are not own are left out."""
        return [Asset.from_json(each) for each in self._own(_ASSETS, "assets", ids)]

    def remove_assets(self, ids: Iterable[str], *, dry_run: bool = False, key: str | None = None) -> Outcome:
        """Remove; one that is not own voids the call (NotFound)."""
        return self._send("POST", f"{_ASSETS}/removal", {"ids": list(ids)}, key=key, query=dry(dry_run))

    def send_schedules(
        self, schedules: Iterable[Schedule], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Send the plans of one or more assets; bad ones are named in `rejected`, the others stand."""
        return self._send("POST", _SCHEDULES, _plans(schedules), key=key, query=dry(dry_run))

    def update_schedules(
        self, id: str, schedules: Iterable[Schedule], *, dry_run: bool = False, key: str | None = None
    ) -> Outcome:
        """Replace what was sent under this id; an asset that is left out plans nothing any more."""
        return self._send("PUT", f"{_SCHEDULES}/{segment(id)}", _plans(schedules), key=key, query=dry(dry_run))

    def cancel_schedules(self, id: str, *, dry_run: bool = False, key: str | None = None) -> Outcome:
        """Cancel what was sent under this id."""
        return self._send("DELETE", f"{_SCHEDULES}/{segment(id)}", key=key, query=dry(dry_run))

    def sent_schedules(
        self,
        asset_ids: Iterable[str] | None = None,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> list[SentSchedules]:
        """What was sent, as it stands: of a half-open period, and of at most 50 assets, if told."""
        query = {**moments({"from": start, "to": end}), "asset_id": None if asset_ids is None else list(asset_ids)}
        found = self._connection.listed(_SCHEDULES, "schedules", query)["schedules"]
        return [SentSchedules.from_json(each) for each in found]

    def sent_schedule(self, id: str) -> SentSchedules:
        """What was sent under this id; NotFound if nothing was."""
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
        """Limits that the platform received, or that apply, within a half-open period; the latest revision of each."""
        times = {"from": received_from, "to": received_to, "applies_from": applies_from, "applies_to": applies_to}
        flags = {"all_revisions": all_revisions, "per_asset": per_asset}
        return self._limits(_LIMITS, {**moments(times), **{name: "true" for name, is_set in flags.items() if is_set}})

    def active_limits(self, *, per_asset: bool = False) -> list[CapacityLimit]:
        """Limits in force or ahead; `per_asset` divides the own part on by the same rule."""
        return self._limits(f"{_LIMITS}/active", {"per_asset": "true"} if per_asset else {})

    def bounds(self) -> list[Bound]:
        """What binds each own asset, all active limits taken together; sorted by asset, direction, time."""
        found = self._connection.ask(f"{_LIMITS}/active", {"per_asset": "true", "limit": 1})
        return [Bound.from_json(each) for each in found["bounds"]]

    def wait_limits(
        self, *, after: str | None = None, timeout_s: int = WAIT_S, reader: str | None = None, per_asset: bool = False
    ) -> LimitBatch:
        """What came after a cursor, as soon as there is something; empty when the time is up.

        Args:
            after: A cursor; None for where the server remembers that this reader was.
            timeout_s: 0 to 55; 0 looks once.
            reader: Keeps several readers of a party apart.
            per_asset: As for `active_limits`.
        """
        return self._wait(waiting(after, timeout_s, reader), per_asset=per_asset, forever=False)

    def limits(
        self, *, after: str | None = None, reader: str | None = None, per_asset: bool = False
    ) -> Iterator[LimitBatch]:
        """Limits, cancellations and endings as they come, for ever; goes on when the platform was away.

        Without `after`, the server remembers what this reader was handed. Who must not lose what it was handed and
        did not finish keeps `batch.cursor` with what it did, and begins with it the next time.
        """
        return self._follow(
            lambda cursor: self._wait(waiting(cursor, WAIT_S, reader), per_asset=per_asset, forever=True), after
        )

    def _limits(self, path: str, query: dict[str, Any]) -> list[CapacityLimit]:
        return [CapacityLimit.from_json(each) for each in self._connection.listed(path, "limits", query)["limits"]]

    def _wait(self, query: dict[str, Any], *, per_asset: bool, forever: bool) -> LimitBatch:
        asked = {**query, "per_asset": "true" if per_asset else None}
        return LimitBatch.from_json(self._connection.ask(f"{_LIMITS}/wait", asked, forever=forever))


def _plans(schedules: Iterable[Schedule]) -> dict[str, Any]:
    return {"schedules": [schedule.to_json() for schedule in schedules]}
