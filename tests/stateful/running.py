"""Plays random histories. A history that differs from the model is shortened and printed step by step.

The histories are the same on each run. `TPS_STATEFUL_STEPS=20000` plays that many steps of new histories.
`TPS_STATEFUL_REPLAY='[...]'` plays the one history that an earlier failure printed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

SHORTENED_FOR_S = 60
Step = tuple[str, dict[str, Any]]
Draw = Callable[[Random], Any]


class History(Protocol):
    """A system with its model. Each step is possible after any other step, if only without effect."""

    def begin(self) -> None:
        """Start with an empty world, or with the common beginning of all histories."""

    def look(self, *, is_last: bool) -> None:
        """Check that every party sees what the model says; called after each step."""


def pick(*options: Any) -> Draw:
    """Draw one of the options."""
    return lambda chance: chance.choice(options)


def some(*options: Any) -> Draw:
    """Draw some of the options, at least one, in any order."""
    return lambda chance: chance.sample(options, chance.randint(1, len(options)))


def together(*draws: Draw) -> Draw:
    """Draw one value of each."""
    return lambda chance: tuple(draw(chance) for draw in draws)


def step(often: int = 1, **values: Draw) -> Callable[[Any], Any]:
    """Mark a method of a history as a step with random values; `often` is its relative frequency."""

    def mark(function: Any) -> Any:
        function.drawn = (often, values)
        return function

    return mark


def run(history: Callable[[], History], *, steps: int, steps_each: int) -> None:
    """Play about this many steps in histories of `steps_each`.

    Raises:
        AssertionError: The shortest history that differs, and its difference.
    """
    if "TPS_STATEFUL_REPLAY" in os.environ:
        play(history, json.loads(os.environ["TPS_STATEFUL_REPLAY"]))
        return
    chosen, latest = os.environ.get("TPS_STATEFUL_STEPS"), []

    @settings(
        max_examples=max(int(chosen or steps) // steps_each, 1),
        deadline=None,
        derandomize=chosen is None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    # Histories drawn value by value would be similar, and most would lack rare steps.
    @given(st.randoms(use_true_random=True))
    def each(chance: Random) -> None:
        latest[:] = _drawn(history(), chance, steps_each)
        play(history, latest)

    try:
        each()
    except Exception as error:
        shortest, found = shortened(history, latest, error)
    else:
        return
    raise AssertionError(told(shortest, found)) from found


def play(history: Callable[[], History], steps: Sequence[Step]) -> None:
    """Play these steps, with a check after each step."""
    one = history()
    one.begin()
    one.look(is_last=not steps)
    for number, (name, values) in enumerate(steps, start=1):
        getattr(one, name)(**values)
        one.look(is_last=number == len(steps))


def shortened(history: Callable[[], History], steps: list[Step], error: Exception) -> tuple[list[Step], Exception]:
    """Remove steps that the difference does not need, larger pieces first, until the time is up."""
    until, size = time.monotonic() + SHORTENED_FOR_S, len(steps) // 2
    while size:
        for start in range(len(steps) - size, -size, -size):
            without = steps[: max(start, 0)] + steps[max(start, 0) + size :]
            if time.monotonic() > until:
                return steps, error
            try:
                play(history, without)
            except Exception as found:
                steps, error = without, found
        size //= 2
    return steps, error


def told(steps: Sequence[Step], error: Exception) -> str:
    """Return a readable history, and the command to replay it."""
    lines = [f"  {name}({', '.join(f'{key}={value!r}' for key, value in values.items())})" for name, values in steps]
    again = f"TPS_STATEFUL_REPLAY='{json.dumps(steps)}' python -m pytest tests/stateful"
    return "\n".join([f"after {len(steps)} steps: {error}", *lines, "", "again, with -k for this test:", again])


def _drawn(one: History, chance: Random, length: int) -> list[Step]:
    marked = {name: each.drawn for name in dir(one) if hasattr(each := getattr(one, name), "drawn")}
    names = chance.choices(list(marked), [often for often, _ in marked.values()], k=length)
    return [(name, {key: draw(chance) for key, draw in marked[name][1].items()}) for name in names]
