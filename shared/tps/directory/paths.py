"""Message paths of components: the owner may narrow them, and the platform operator may set any.

Source: docs/mades.md, "Paths".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from tps.directory.directory import NO_COMPONENT, Directory, find_visible, for_change, rewrite, with_entry
from tps.directory.entries import Registered
from tps.domain.scope import DirectoryScope
from tps.errors import Conflict, Finding, Forbidden, NotFound, RuleBroken
from tps.mades.directory import ComponentEntry
from tps.mades.path_rules import conflict_findings, path_findings, uncovered_types, widening_findings
from tps.mades.paths import MessagePath
from tps.mades.types import types_received_by

Change = Callable[[Registered], Sequence[MessagePath]]


def paths_of(directory_: Directory, scope: DirectoryScope, code: str) -> tuple[MessagePath, ...]:
    """Return the paths of a component that this viewer may see.

    Raises:
        NotFound: The component is unknown, or not visible to this caller.
    """
    visible = find_visible(directory_, scope, code)
    return visible.entry.paths if isinstance(visible, Registered) else ()


def set_paths(directory_: Directory, scope: DirectoryScope, code: str, paths: Sequence[MessagePath]) -> Registered:
    """Replace all paths of a component.

    Raises:
        NotFound, Forbidden: The caller may not change this component.
        RuleBroken: `bad_type`, `A04`, `A59`: an invalid path, or one that is wider than its owner may set.
            `unreachable`: no path is left.
        Conflict: `path_conflict`: two paths of the same type are valid at once.
    """
    return _change(directory_, scope, code, lambda _known: paths)


def add_path(directory_: Directory, scope: DirectoryScope, code: str, path: MessagePath) -> Registered:
    """Add a path to a component.

    Raises:
        As in `set_paths`.
    """
    return _change(directory_, scope, code, lambda known: (*known.entry.paths, path))


def remove_path(
    directory_: Directory,
    scope: DirectoryScope,
    code: str,
    *,
    message_type: str | None = None,
    valid_from: datetime | None = None,
) -> Registered:
    """Remove the paths of one type, or those that begin at this time.

    Raises:
        NotFound: The component has no such path.
        Otherwise as in `set_paths`.
    """

    def without(known: Registered) -> Sequence[MessagePath]:
        remaining = [path for path in known.entry.paths if not _is_named(path, message_type, valid_from)]
        if len(remaining) == len(known.entry.paths):
            raise NotFound("the component has no path that matches the parameters")
        return remaining

    return _change(directory_, scope, code, without)


def _is_named(path: MessagePath, message_type: str | None, valid_from: datetime | None) -> bool:
    return message_type in (None, path.message_type) and valid_from in (None, path.valid_from)


def _change(directory_: Directory, scope: DirectoryScope, code: str, change: Change) -> Registered:
    _check_may_change(directory_, scope, code)
    with directory_.transaction() as tx:
        known = for_change(tx, code)
        if known.status == "revoked":
            raise Conflict("the component is revoked", [Finding("taken", "", "the component is revoked")])
        paths = tuple(change(known))
        _check(directory_, scope, known, paths)
        if paths == known.entry.paths:
            return known
        return rewrite(directory_, tx, with_entry(known, paths=paths), directory_.clock())


def _check_may_change(directory_: Directory, scope: DirectoryScope, code: str) -> None:
    visible = find_visible(directory_, scope, code)
    if not isinstance(visible, Registered):
        raise NotFound(NO_COMPONENT)
    if not scope.is_operator and visible.component.party != scope.party:
        raise Forbidden("only the platform operator may do this")


def _check(directory_: Directory, scope: DirectoryScope, known: Registered, paths: tuple[MessagePath, ...]) -> None:
    senders = None if known.component.role == "tps" else frozenset({directory_.platform})
    findings = list(path_findings(paths, senders, directory_.broker))
    if not scope.is_operator:
        findings += widening_findings(known.entry.paths, paths)
    if not _is_ever_valid(paths, directory_.clock()):
        findings.append(
            Finding("unreachable", "/paths", "a component without a path is unreachable; keep at least one path")
        )
    if findings:
        raise RuleBroken(findings[0].detail, findings)
    clashes = list(conflict_findings(paths))
    if clashes:
        raise Conflict(clashes[0].detail, clashes)


def _is_ever_valid(paths: Sequence[MessagePath], now: datetime) -> bool:
    return any(path.valid_to is None or now < path.valid_to for path in paths)


def warnings_of(entry: ComponentEntry, role: str, now: datetime) -> list[dict[str, str]]:
    """Return warnings about message types that no component may send to this component now."""
    missing = uncovered_types(entry.paths, types_received_by("agr" if role == "brp" else role), now)
    if not missing:
        return []
    if not any(path.is_valid_at(now) for path in entry.paths):
        return [{"code": "unreachable", "detail": "no path is valid now, so the component cannot receive messages"}]
    return [{"code": "unreachable", "detail": f"no path is valid now for {', '.join(missing)}"}]
