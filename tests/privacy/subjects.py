"""The subject families of the table, filled in for one caller: the owner of each subject, and the caller's rights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.privacy.table_stores import STREAMS, SUBJECTS, SubjectRow
from tps.mades.subjects import consumer_name

GROUPS = ("agr", "dso", "tps", "ecp")
NAME = "0" * 32
STRANGER = "5790000009992"
# An operator that runs its own group.
OWN_CODE = "5799900000023"
OWN_GROUP = f"agr-{OWN_CODE}"
_TYPES = {"agr": "TPS-LIMIT-FORESEEN", "dso": "TPS-ASSET-LIST", "tps": "TPS-ASSET", "ecp": "TPS-ASSET"}


@dataclass(frozen=True)
class Caller:
    """A group's user at the broker, with one component of the group."""

    group: str
    code: str

    def relation(self, group: str) -> str:
        """Return the caller's relation to the owner of a subject."""
        if self.group == group:
            return "owner"
        return {"tps": "platform", "ecp": "directory"}.get(self.group, "other")


@dataclass(frozen=True)
class Instance:
    """One subject, its row, and the caller's rights."""

    row: SubjectRow
    subject: str
    verbs: frozenset[str]

    def may(self, verb: str) -> bool:
        """Return True if the caller may `publish` or `subscribe`."""
        return verb in self.verbs


def instances(
    caller: Caller, *, groups: Iterable[str] = GROUPS, consumers: Iterable[tuple[str, str]] = ()
) -> list[Instance]:
    """Return every row for every group that has it, and for each of the group's consumers, as this caller sees it."""
    known = list(consumers)
    return [
        _instance(row, caller, group, values)
        for row in SUBJECTS
        for group in groups
        if group.partition("-")[0] in row.of.split()
        for values in _values(row, caller, group, [each for each in known if each[0] == group])
    ]


def is_matched(pattern: str, subject: str) -> bool:
    """Return True if a subject matches a pattern: `*` is one token, a final `>` all following tokens."""
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted, given = wanted[:-1], given[: len(wanted) - 1] if len(given) >= len(wanted) else []
    return len(wanted) == len(given) and all(one in ("*", other) for one, other in zip(wanted, given, strict=True))


def _instance(row: SubjectRow, caller: Caller, group: str, values: dict[str, str]) -> Instance:
    relations = {caller.relation(group)} | ({"platform"} if caller.group == "tps" else set())
    verbs = {"publish": row.publishers, "subscribe": row.listeners}
    may = frozenset(verb for verb, allowed in verbs.items() if relations & allowed)
    return Instance(row, row.family.format(**values), may)


def _values(row: SubjectRow, caller: Caller, group: str, consumers: list[tuple[str, str]]) -> list[dict[str, str]]:
    kind = _TYPES[group.partition("-")[0]]
    common = {"group": group, "code": STRANGER, "type": kind, "name": NAME, "chunk": "0", "rest": "x"}
    common["sender"] = caller.code if row.sender == "own" else STRANGER
    if "{consumer}" in row.family:
        return [{**common, "consumer": consumer_name(*each)} for each in consumers]
    return [{**common, "stream": stream} for stream in (STREAMS if "{stream}" in row.family else ("MADES",))]
