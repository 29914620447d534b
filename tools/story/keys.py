"""Keys pressed in the terminal, and a default key after a pause."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Generator

ONCE = "pee"
"""The keys that are played without a terminal."""
_PACE_S = 90.0


def pressed_keys() -> Generator[str]:
    """Yield keys as they are pressed, and `p` after a pause without keys; without a terminal, yield `ONCE`."""
    if not sys.stdin.isatty():
        yield from ONCE
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        while True:
            ready, _, _ = select.select([sys.stdin], [], [], _PACE_S)
            yield os.read(sys.stdin.fileno(), 1).decode(errors="replace") if ready else "p"
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
