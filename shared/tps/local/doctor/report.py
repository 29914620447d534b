"""The examination: runs all checks in parallel, in the order of their needs, and reports the results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tps.local.doctor.checks import Check
    from tps.local.doctor.installation import Installation


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check.

    Attributes:
        is_well: None if the check was skipped because a check that it needs failed.
        found: A sentence for each problem.
        remedy: Set if there is a problem.
    """

    name: str
    is_well: bool | None
    found: tuple[str, ...] = ()
    remedy: str | None = None


def examine(installation: Installation, checks: Sequence[Check]) -> list[Result]:
    """Run all checks. The results are in the order of the checks."""
    results: dict[str, Result] = {}
    with ThreadPoolExecutor(max_workers=16) as pool:
        left = list(checks)
        while left:
            ready = [check for check in left if all(need in results for need in check.needs)]
            assert ready, "needs form a cycle, or name an unknown check"
            futures = {
                check.name: pool.submit(_look, check, installation, all(results[need].is_well for need in check.needs))
                for check in ready
            }
            results |= {name: future.result() for name, future in futures.items()}
            left = [check for check in left if check.name not in results]
    return [results[check.name] for check in checks]


def examined(data: Path, port: int, sender: str | None, receiver: str | None) -> list[Result]:
    """Examine the installation in a data folder. If sender or receiver is given, also test connectivity."""
    from tps.local.doctor.checks import CHECKS, TESTING_NEEDS
    from tps.local.doctor.connectivity import try_connectivity
    from tps.local.doctor.installation import installation_in

    installation = installation_in(data, port)
    results = examine(installation, CHECKS)
    can_test = all(result.is_well for result in results if result.name in TESTING_NEEDS)
    if can_test and (sender or receiver):
        results.append(
            try_connectivity(installation, sender or installation.platform, receiver or installation.platform)
        )
    return results


def _look(check: Check, installation: Installation, can_look: bool) -> Result:
    if not can_look:
        return Result(check.name, None)
    try:
        found = tuple(check.look(installation))
    except Exception as error:
        # The text of the error may contain an address with its password.
        found = (f"the check failed ({type(error).__name__})",)
    return Result(check.name, not found, found, check.remedy if found else None)


def is_well(results: Sequence[Result]) -> bool:
    """Return True if no check found a problem. The cause of a skipped check is among the others."""
    return not any(result.is_well is False for result in results)


def as_json(results: Sequence[Result]) -> str:
    """Return `{"is_well": ..., "checks": [...]}`."""
    return json.dumps({"is_well": is_well(results), "checks": [asdict(result) for result in results]}, indent=1)


def as_lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield the report for people: a line for each check, with the remedy of each problem."""
    outcomes = {True: "ok", False: "FAILED", None: "-"}
    for result in results:
        yield f"{outcomes[result.is_well]:6} {result.name}{': ' + result.found[0] if result.found else ''}"
        yield from (f"{'':7}{problem}" for problem in result.found[1:])
        if result.remedy:
            yield f"{'':7}-> {result.remedy}"
