"""stack.yml, read: the one list of functions, routes and triggers."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class FunctionEntry:
    """One function of the set.

    Attributes:
        name: As its folder is called, with underscores.
        groups: Groups it serves.
        routes: Path prefixes at the gateway.
        topics: (group, message type) pairs that wake it.
        serves: Requirement ids.
        tick_s: Seconds between ticks, None if it is sent none.
        waits: Its routes may hold a connection open.
    """

    name: str
    groups: tuple[str, ...]
    routes: tuple[str, ...]
    topics: tuple[tuple[str, str], ...]
    serves: tuple[str, ...]
    tick_s: float | None
    waits: bool

    @property
    def deployed_name(self) -> str:
        """With hyphens, as hosts want it."""
        return self.name.replace("_", "-")


@cache
def load_stack(path: Path = ROOT / "stack.yml") -> tuple[FunctionEntry, ...]:
    """All functions, in the order of the file."""
    import yaml

    declared = yaml.safe_load(path.read_text())["functions"]
    return tuple(_entry(spec) for spec in declared.values())


def consumers(stack: tuple[FunctionEntry, ...]) -> tuple[tuple[str, str], ...]:
    """Every (group, message type) that some function takes."""
    return tuple(topic for entry in stack for topic in entry.topics)


def _entry(spec: dict[str, object]) -> FunctionEntry:
    notes = spec.get("annotations") or {}
    assert isinstance(notes, dict)
    tick = notes.get("tps.tick")
    return FunctionEntry(
        name=Path(str(spec["handler"])).name,
        groups=tuple(str(notes.get("tps.groups", "")).split()),
        routes=tuple(str(notes.get("tps.routes", "")).split()),
        topics=tuple(_topic(word) for word in str(notes.get("topic", "")).split()),
        serves=tuple(str(notes.get("tps.serves", "")).split()),
        tick_s=float(tick) if tick else None,
        waits=notes.get("tps.waits") == "true",
    )


def _topic(word: str) -> tuple[str, str]:
    group, _, message_type = word.partition("/")
    return group, message_type
