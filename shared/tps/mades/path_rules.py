"""What a component's message paths may be, and what follows of them; pure.

A party takes messages from the platform alone (F1), so nobody can write a path that lets another party in; the party
itself may narrow what it has, and never widen it.

Source: STANDARDS.md section 3, "Paths".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tps.errors import Finding
from tps.mades.paths import MessagePath, conflicts

MAXIMUM_PATHS = 100
_TYPE = re.compile(r"[A-Za-z0-9-]{1,60}\*?|\*", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9@-]{1,60}", re.ASCII)


def path_findings(paths: Sequence[MessagePath], senders: frozenset[str] | None, broker: str) -> Iterator[Finding]:
    """What is wrong with the paths of one component, each by its place.

    Args:
        paths: All of them.
        senders: Who may stand in them; None for anybody.
        broker: The one broker there is.

    Yields:
        `bad_type`: a message type or code that is none; `A04`: it ends before it begins; `A59`: a sender or broker
        that cannot be.
    """
    for index, path in enumerate(paths):
        yield from _findings(path, senders, broker, f"/paths/{index}")


def _findings(path: MessagePath, senders: frozenset[str] | None, broker: str, pointer: str) -> Iterator[Finding]:
    if not _TYPE.fullmatch(path.message_type):
        yield Finding("bad_type", f"{pointer}/message_type", "letters, digits and -, with * at the end or alone")
    if path.valid_to is not None and path.valid_to <= path.valid_from:
        yield Finding("A04", f"{pointer}/valid_to", "it ends before it begins")
    if path.broker not in (None, broker):
        yield Finding("A59", f"{pointer}/broker", "there is one broker, and this is not its code")
    if senders is not None and not (path.allowed_senders and path.allowed_senders <= senders):
        yield Finding("A59", f"{pointer}/allowed_senders", "a party takes messages from the platform alone")
    elif not all(_CODE.fullmatch(each) for each in path.allowed_senders or ()):
        yield Finding("bad_type", f"{pointer}/allowed_senders", "component codes")


def conflict_findings(paths: Sequence[MessagePath]) -> Iterator[Finding]:
    """`path_conflict` for each that stands beside an earlier one of the same type while both are valid."""
    for index, path in enumerate(paths):
        for rival in conflicts(paths[:index], path):
            detail = f"{name_of(rival)} is valid at the same time"
            yield Finding("path_conflict", f"/paths/{index}", detail)


def name_of(path: MessagePath) -> str:
    """A path for people: its type and its validity."""
    end = "" if path.valid_to is None else f" to {path.valid_to:%Y-%m-%dT%H:%M:%SZ}"
    return f"{path.message_type} from {path.valid_from:%Y-%m-%dT%H:%M:%SZ}{end}"


def widening_findings(old: Sequence[MessagePath], new: Sequence[MessagePath]) -> Iterator[Finding]:
    """`A59` for each new path that allows what no old one does: only the platform operator widens."""
    for index, path in enumerate(new):
        if not any(covers(each, path) for each in old):
            yield Finding("A59", f"/paths/{index}", "wider than what is allowed now; ask the platform operator")


def covers(wide: MessagePath, narrow: MessagePath) -> bool:
    """Whether the first allows whatever the second does: types, senders and time."""
    return (
        _covers_types(wide.message_type, narrow.message_type)
        and (wide.allowed_senders is None or (narrow.allowed_senders or {""}) <= wide.allowed_senders)
        and wide.valid_from <= narrow.valid_from
        and (wide.valid_to is None or (narrow.valid_to is not None and narrow.valid_to <= wide.valid_to))
        and wide.broker == narrow.broker
    )


def _covers_types(wide: str, narrow: str) -> bool:
    return narrow.startswith(wide[:-1]) if wide.endswith("*") else narrow == wide


def uncovered_types(paths: Iterable[MessagePath], types: Iterable[str], now: datetime) -> list[str]:
    """Message types that no path speaks of which is valid now."""
    valid = [path for path in paths if path.is_valid_at(now)]
    return sorted(each for each in types if not any(path.is_for_type(each) for path in valid))
