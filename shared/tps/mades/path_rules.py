"""Rules for the message paths of a component. No I/O.

A party receives messages from the platform only (F1), so no path may admit another party. A party may narrow its own
paths. Only the platform operator may widen them.

Source: docs/mades.md, "Paths".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tps.errors import Finding
from tps.mades.paths import MessagePath, conflicts

_TYPE = re.compile(r"[A-Za-z0-9-]{1,60}\*?|\*", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9@-]{1,60}", re.ASCII)


def path_findings(paths: Sequence[MessagePath], senders: frozenset[str] | None, broker: str) -> Iterator[Finding]:
    """Yield the faults of the paths of one component.

    Args:
        paths: All paths of the component.
        senders: The components that may appear as sender. None means any component.
        broker: Code of the only broker.

    Yields:
        `bad_type`: an invalid message type or code. `A04`: the validity ends before it begins. `A59`: a sender or
        broker that is not allowed.
    """
    for index, path in enumerate(paths):
        yield from _findings(path, senders, broker, f"/paths/{index}")


def _findings(path: MessagePath, senders: frozenset[str] | None, broker: str, pointer: str) -> Iterator[Finding]:
    if not _TYPE.fullmatch(path.message_type):
        detail = "must be letters, digits and -, with an optional * at the end, or only *"
        yield Finding("bad_type", f"{pointer}/message_type", detail)
    if path.valid_to is not None and path.valid_to <= path.valid_from:
        yield Finding("A04", f"{pointer}/valid_to", "valid_to must be after valid_from")
    if path.broker not in (None, broker):
        yield Finding("A59", f"{pointer}/broker", "broker must be the code of the platform's broker")
    if senders is not None and not (path.allowed_senders and path.allowed_senders <= senders):
        yield Finding("A59", f"{pointer}/allowed_senders", "a party's path must allow the platform's component only")
    elif not all(_CODE.fullmatch(sender) for sender in path.allowed_senders or ()):
        yield Finding("bad_type", f"{pointer}/allowed_senders", "must be component codes")


def conflict_findings(paths: Sequence[MessagePath]) -> Iterator[Finding]:
    """Yield `path_conflict` for each path with an earlier path of the same type that is valid at the same time."""
    for index, path in enumerate(paths):
        for rival in conflicts(paths[:index], path):
            detail = f"the path {name_of(rival)} is valid at the same time"
            yield Finding("path_conflict", f"/paths/{index}", detail)


def name_of(path: MessagePath) -> str:
    """Return a readable name of a path: its type and its validity."""
    end = "" if path.valid_to is None else f" to {path.valid_to:%Y-%m-%dT%H:%M:%SZ}"
    return f"{path.message_type} from {path.valid_from:%Y-%m-%dT%H:%M:%SZ}{end}"


def widening_findings(old: Sequence[MessagePath], new: Sequence[MessagePath]) -> Iterator[Finding]:
    """Yield `A59` for each new path that allows more than the old paths. Only the platform operator may widen paths."""
    for index, path in enumerate(new):
        if not any(covers(old_path, path) for old_path in old):
            detail = "the path allows more than the current paths; ask the platform operator"
            yield Finding("A59", f"/paths/{index}", detail)


def covers(wide: MessagePath, narrow: MessagePath) -> bool:
    """Return True if the first path allows everything that the second path allows: types, senders and time."""
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
    """Return the message types that no currently valid path covers."""
    valid = [path for path in paths if path.is_valid_at(now)]
    return sorted(message_type for message_type in types if not any(path.is_for_type(message_type) for path in valid))
