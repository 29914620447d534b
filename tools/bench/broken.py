"""Figures of runs in which things are broken on purpose (`tools.faults`); a violation ends the command with 1."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.figures import Figure, Sizes
from tools.bench.parties import assets_of
from tools.faults import power as power_loss
from tools.faults.run import Plan, Report, run_faults
from tools.faults.silence import run_silence
from tools.story.grid import make_gln
from tps.errors import TpsError

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

_LOSSES = 5
_SILENT, _SILENT_PARTY = 89, 95_000


class ViolatedError(TpsError):
    """Something was lost, done twice, or told to somebody it is not for."""

    title = "the system did not keep its promises"


def faults(seconds: float | None) -> list[Figure]:
    """200 limits to 10 operators; each process killed in turn, 100 times; some paused; each store away for a minute; in
    the end every message that crossed the broker comes again.

    Raises:
        ViolatedError: What the run found, each on a line.
    """
    plan = Plan() if seconds is None else _scaled(Plan(), seconds)
    with tempfile.TemporaryDirectory(prefix="tps-faults-") as folder:
        return _told("faults", run_faults(Path(folder) / "data", plan))


def power(seconds: float | None) -> list[Figure]:
    """60 limits to 5 operators; five times everything ends at once and what was not synced is dropped.

    Raises:
        ViolatedError: As `faults`, and where this machine cannot stand in for power loss.
    """
    reason = power_loss.why_not()
    if reason:
        raise ViolatedError(f"power loss cannot be stood in for here: {reason}")
    plan = Plan(limits=60, operators=5, seconds=seconds or 40)
    with tempfile.TemporaryDirectory(prefix="tps-power-") as folder:
        return _told("power", power_loss.run_power_loss(Path(folder) / "power", plan, _LOSSES))


def silence(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Messages to a receiver that is down, over two restarts of the broker.

    Raises:
        ViolatedError: As `faults`.
    """
    assets = [each.to_asset() for each in assets_of(_SILENT, sizes.silent)]
    seen = run_silence(stack, make_gln(_SILENT_PARTY), assets)
    if seen.violations:
        raise ViolatedError("\n".join(seen.violations))
    values = {
        "messages taken while the receiver was down": (seen.sent, ""),
        "broker killed and started anew meanwhile": (seen.restarts, "times"),
        "messages that the broker held then": (seen.waiting, ""),
        "all were taken in": (seen.sending_s, "s"),
        "RECEIVED once the receiver was back, each once": (seen.received, ""),
        "came more than once, without effect": (seen.came_again, ""),
        "the last was RECEIVED after": (seen.settled_s, "s"),
        "violations": (0, ""),
    }
    return [Figure("silence", name, float(value), unit) for name, (value, unit) in values.items()]


def _scaled(plan: Plan, seconds: float) -> Plan:
    """The same mix in another time."""
    share = seconds / plan.seconds
    return replace(
        plan,
        seconds=seconds,
        limits=max(round(plan.limits * share), 10),
        kills=max(round(plan.kills * share), 1),
        pauses=round(plan.pauses * share),
        outage_s=min(plan.outage_s, seconds / 4),
    )


def _told(bench: str, report: Report) -> list[Figure]:
    if report.violations:
        raise ViolatedError("\n".join(report.violations))
    values = {
        "limits accepted": (report.accepted, ""),
        "limits in effect at operators, each once": (report.deliveries, ""),
        "registrations, the last of each asset in effect": (report.registrations, ""),
        **{f"killed: {name}": (count, "times") for name, count in report.kills.items()},
        "paused": (report.pauses, "times"),
        "stores away for a while": (report.outages, "times"),
        "messages that came again, shuffled": (report.replayed, ""),
        "dead letters": (report.dead_letters, ""),
        "faults lasted": (report.faults_s, "s"),
        "all was in its place after the last fault in": (report.settled_s, "s"),
        "limit to operator, median": (report.median_delivery_s, "s"),
        "limit to operator, slowest": (report.slowest_delivery_s, "s"),
        "violations": (0, ""),
    }
    return [Figure(bench, name, float(value), unit) for name, (value, unit) in values.items()]
