"""Readiness as the platform operator reads it: the health of parties, and missing data.

Source: docs/requirements.md, F3.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tps.api.types import moment_json
from tps.domain.limit import Interval
from tps.mades.certificates import CertificateUse
from tps.mades.states import State, shown_to_application
from tps.platform.overview_parties import Holdings
from tps.platform.readiness_rows import LOOK_BACK, SLOW_AFTER, ComponentHealth, Horizon
from tps.platform.registry import Party

NEAR_EXPIRY = timedelta(days=30)
_NOTHING = Holdings(0, 0, 0, Decimal(0), Decimal(0))
_DAY = timedelta(days=1)


def horizon_at(now: datetime, component: str) -> Horizon:
    """Return the horizon now: plans until the end of tomorrow (UTC), and messages of the last two weeks."""
    tomorrow_ends = now.replace(hour=0, minute=0, second=0, microsecond=0) + 2 * _DAY
    return Horizon(Interval(now, tomorrow_ends), now - LOOK_BACK, now - SLOW_AFTER, component)


def readiness_json(
    party: Party, health: ComponentHealth | None, held: Holdings | None, *, undelivered: int, now: datetime
) -> dict[str, Any]:
    """Return a party, its component's health, and its needs."""
    until = None if health is None else _certificates_until(health, now)
    is_near = until is None or until - now < NEAR_EXPIRY
    needs = {
        "never_heard": health is None or health.last_message_at is None,
        "certificate_expires": is_near,
        "undelivered": undelivered > 0,
        "no_assets": party.role in ("agr", "brp") and not (held or _NOTHING).asset_count,
        "no_points": party.role == "dso" and not (held or _NOTHING).point_count,
    }
    return {
        "code": party.code,
        "role": party.role,
        "name": party.name,
        "component": _component_json(party.component, health, until, is_near=is_near),
        "undelivered_count": undelivered,
        "needs": [need for need, is_so in needs.items() if is_so],
    }


def item_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one entry of a list of missing data."""
    body = {name: value for name, value in row.items() if name not in ("peer", "state", "sent_at")}
    if "peer" in row:
        body["to"] = row["peer"]
        body["state"] = str(shown_to_application(State(row["state"])))
        body["sent_at"] = moment_json(row["sent_at"])
    return body


def _component_json(
    code: str, health: ComponentHealth | None, until: datetime | None, *, is_near: bool
) -> dict[str, Any]:
    names = ("last_message_at", "last_sent_at", "synchronised_at")
    times = {name: getattr(health, name) if health else None for name in names}
    return {
        "code": code,
        **{name: None if at is None else moment_json(at) for name, at in times.items()},
        "certificates_until": None if until is None else moment_json(until),
        "is_certificate_near_expiry": is_near,
    }


def _certificates_until(health: ComponentHealth, now: datetime) -> datetime | None:
    """Return when the first use loses its valid certificate. Return None if a use has none now."""
    if health.entry is None:
        return None
    certificates = [health.entry.find_certificate(use, now) for use in CertificateUse]
    ends = [certificate.valid_to for certificate in certificates if certificate is not None]
    return min(ends) if len(ends) == len(certificates) else None
