"""Figures of runs in which things are broken on purpose (`tps.runtime.faults`); a violation ends the command with 1."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from tps.errors import TpsError
from tps.runtime.bench.figures import Figure
from tps.runtime.faults import power as power_loss
from tps.runtime.faults.run import Plan, Report, run_faults

_LOSSES = 5


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
