"""Keys pressed in a terminal control the demo."""

from __future__ import annotations

import os
import pty
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from tools.story import keys


def test_keys_come_one_by_one_without_enter_and_an_operator_plans_by_itself_when_none_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(keys, "_PACE_S", 0.05)
        with closing(keys.pressed_keys()) as pressed:
            first = next(pressed)
            os.write(ours, b"ex")

            assert [first, *islice(pressed, 3)] == ["p", "e", "x", "p"]
    os.close(ours)


def test_without_a_terminal_it_is_played_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)

        assert "".join(keys.pressed_keys()) == keys.ONCE
