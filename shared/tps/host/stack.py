"""The content of stack.yml, the one list of functions, routes and triggers."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class CheckoutMissing(Exception):  # noqa: N818 - reads like the errors of tps.errors
    """The package runs from a wheel, which has no stack.yml, functions or GUI."""

    def __init__(self) -> None:
        super().__init__("this command needs the source checkout (stack.yml, functions, gui): run ./tps there")


def checkout() -> Path:
    """Return the folder that holds stack.yml, the functions and the GUI: a source checkout, or the image's.

    Raises:
        CheckoutMissing: The package runs from a wheel.
    """
    if not (ROOT / "stack.yml").is_file():
        raise CheckoutMissing
    return ROOT


@dataclass(frozen=True, slots=True)
class FunctionEntry:
    """One function of stack.yml.

    Attributes:
        name: Name of its folder, with underscores.
        groups: Groups that it serves.
        routes: Path prefixes at the gateway.
        topics: (group, message type) pairs that it takes.
        serves: Requirement ids.
        tick_s: Seconds between ticks; None without ticks.
        waits: True if its routes may hold a connection open.
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
        """Return the name with hyphens, as function platforms require."""
        return self.name.replace("_", "-")


@cache
def load_stack(path: Path | None = None) -> tuple[FunctionEntry, ...]:
    """Return all functions, in the order of the file.

    Args:
        path: Another file than stack.yml of the checkout.

    Raises:
        CheckoutMissing: There is no checkout, and no other file is given.
    """
    text = (path or checkout() / "stack.yml").read_text()
    import yaml

    declared = yaml.safe_load(text)["functions"]
    return tuple(_entry(spec) for spec in declared.values())


def consumers(stack: tuple[FunctionEntry, ...]) -> tuple[tuple[str, str], ...]:
    """Return every (group, message type) that a function takes."""
    return tuple(topic for entry in stack for topic in entry.topics)


def _entry(spec: dict[str, object]) -> FunctionEntry:
    notes = spec.get("annotations") or {}
    assert isinstance(notes, dict)
    tick = notes.get("tps.tick")
    return FunctionEntry(
        name=Path(str(spec["handler"])).name,
        groups=tuple(str(notes.get("tps.groups", "")).split()),
        routes=tuple(str(notes.get("tps.routes", "")).split()),
        topics=tuple(_topic(text) for text in str(notes.get("topic", "")).split()),
        serves=tuple(str(notes.get("tps.serves", "")).split()),
        tick_s=float(tick) if tick else None,
        waits=notes.get("tps.waits") == "true",
    )


def _topic(text: str) -> tuple[str, str]:
    group, _, message_type = text.partition("/")
    return group, message_type
