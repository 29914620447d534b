"""Figures of runs with deliberate faults (`tools.faults`). A violation ends the command with exit code 1."""

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
    """A message was lost, processed twice, or sent to the wrong party."""

    title = "the system violated an invariant"


def faults(seconds: float | None) -> list[Figure]:
    """Send 200 limits to 10 operators while processes and stores fail.

    The run kills each process in turn, 100 times, pauses some, and stops each store for a minute. At the end, every
    message that crossed the broker is sent again.

    Raises:
        ViolatedError: The violations of the run, one per line.
    """
    plan = Plan() if seconds is None else _scaled(Plan(), seconds)
    with tempfile.TemporaryDirectory(prefix="tps-faults-") as folder:
        return _figures("faults", run_faults(Path(folder) / "data", plan))


def power(seconds: float | None) -> list[Figure]:
    """Send 60 limits to 5 operators over five power losses: all processes end at once, and unsynced data is dropped.

    Raises:
        ViolatedError: As `faults`, or this machine cannot simulate a power loss.
    """
    reason = power_loss.why_not()
    if reason:
        raise ViolatedError(f"this machine cannot simulate a power loss: {reason}")
    plan = Plan(limits=60, operators=5, seconds=seconds or 40)
    with tempfile.TemporaryDirectory(prefix="tps-power-") as folder:
        return _figures("power", power_loss.run_power_loss(Path(folder) / "power", plan, _LOSSES))


def silence(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """Send messages to a receiver that is down, over two restarts of the broker.

    Raises:
        ViolatedError: As `faults`.
    """
    assets = [asset.to_asset() for asset in assets_of(_SILENT, sizes.silent)]
    seen = run_silence(stack, make_gln(_SILENT_PARTY), assets)
    if seen.violations:
        raise ViolatedError("\n".join(seen.violations))
    values = {
        "messages sent while the receiver was down": (seen.sent, ""),
        "broker killed and restarted": (seen.restarts, "times"),
        "messages waiting in the broker": (seen.waiting, ""),
        "time to send all": (seen.sending_s, "s"),
        "RECEIVED after the receiver returned, each once": (seen.received, ""),
        "duplicates received, without effect": (seen.came_again, ""),
        "time until the last was RECEIVED": (seen.settled_s, "s"),
        "violations": (0, ""),
    }
    return [Figure("silence", name, float(value), unit) for name, (value, unit) in values.items()]


def _scaled(plan: Plan, seconds: float) -> Plan:
    """Return the same mix for another duration."""
    share = seconds / plan.seconds
    return replace(
        plan,
        seconds=seconds,
        limits=max(round(plan.limits * share), 10),
        kills=max(round(plan.kills * share), 1),
        pauses=round(plan.pauses * share),
        outage_s=min(plan.outage_s, seconds / 4),
    )


def _figures(bench: str, report: Report) -> list[Figure]:
    if report.violations:
        raise ViolatedError("\n".join(report.violations))
    values = {
        "limits accepted": (report.accepted, ""),
        "limits in effect at operators, each once": (report.deliveries, ""),
        "registrations, the last of each asset in effect": (report.registrations, ""),
        **{f"killed: {name}": (count, "times") for name, count in report.kills.items()},
        "paused": (report.pauses, "times"),
        "outages of a store": (report.outages, "times"),
        "messages replayed in random order": (report.replayed, ""),
        "dead letters": (report.dead_letters, ""),
        "duration of the faults": (report.faults_s, "s"),
        "time from the last fault until all was right": (report.settled_s, "s"),
        "limit to operator, median": (report.median_delivery_s, "s"),
        "limit to operator, slowest": (report.slowest_delivery_s, "s"),
        "violations": (0, ""),
    }
    return [Figure(bench, name, float(value), unit) for name, (value, unit) in values.items()]
