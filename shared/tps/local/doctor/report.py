"""An examination: all looks at once, what needs others after them, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tps.local.doctor.checks import Check
    from tps.local.doctor.patient import Patient


@dataclass(frozen=True, slots=True)
class Result:
    """What a look found.

    Attributes:
        is_well: None if it was not looked at, because something else is wrong.
        found: A sentence for each thing that is wrong.
        remedy: Told where something is wrong.
    """

    name: str
    is_well: bool | None
    found: tuple[str, ...] = ()
    remedy: str | None = None


def examine(patient: Patient, checks: Sequence[Check]) -> list[Result]:
    """Look at everything; the results are in the order of the checks."""
    results: dict[str, Result] = {}
    with ThreadPoolExecutor(max_workers=16) as pool:
        left = list(checks)
        while left:
            ready = [each for each in left if all(need in results for need in each.needs)]
            assert ready, "needs in a circle, or of a check that is not there"
            futures = {
                each.name: pool.submit(_look, each, patient, all(results[need].is_well for need in each.needs))
                for each in ready
            }
            results |= {name: future.result() for name, future in futures.items()}
            left = [each for each in left if each.name not in results]
    return [results[each.name] for each in checks]


def examined(data: Path, port: int, sender: str | None, receiver: str | None) -> list[Result]:
    """The installation in a data folder; and a connectivity test if one of its two ends is named."""
    from tps.local.doctor.checks import CHECKS, TESTING_NEEDS
    from tps.local.doctor.connectivity import try_connectivity
    from tps.local.doctor.patient import patient_of

    patient = patient_of(data, port)
    results = examine(patient, CHECKS)
    can_test = all(each.is_well for each in results if each.name in TESTING_NEEDS)
    if can_test and (sender or receiver):
        results.append(try_connectivity(patient, sender or patient.platform, receiver or patient.platform))
    return results


def _look(check: Check, patient: Patient, can_look: bool) -> Result:
    if not can_look:
        return Result(check.name, None)
    try:
        found = tuple(check.look(patient))
    except Exception as error:
        # Its text may hold an address with its password.
        found = (f"does not answer as it should ({type(error).__name__})",)
    return Result(check.name, not found, found, check.remedy if found else None)


def is_well(results: Sequence[Result]) -> bool:
    """Whether nothing is wrong; what was not looked at has its cause among the others."""
    return not any(each.is_well is False for each in results)


def as_json(results: Sequence[Result]) -> str:
    """`{"is_well": ..., "checks": [...]}`."""
    return json.dumps({"is_well": is_well(results), "checks": [asdict(each) for each in results]}, indent=1)


def as_lines(results: Sequence[Result]) -> Iterator[str]:
    """For people: what is well in a word, what is wrong with its remedy."""
    words = {True: "well", False: "WRONG", None: "-"}
    for each in results:
        yield f"{words[each.is_well]:6} {each.name}{': ' + each.found[0] if each.found else ''}"
        yield from (f"{'':7}{further}" for further in each.found[1:])
        if each.remedy:
            yield f"{'':7}-> {each.remedy}"
