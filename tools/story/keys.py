"""Keys pressed in the terminal, one by one; and what time brings when nobody presses any."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Generator

ONCE = "pee"
"""What is played where nobody sits at a terminal."""
_PACE_S = 90.0


def pressed_keys() -> Generator[str]:
    """For ever the keys as they are pressed, and `p` when none was for a while; without a terminal `ONCE`."""
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
