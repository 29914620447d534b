"""Becomes a server that dies with its supervisor: `child.py PARENT DEATH_SIGNAL UID GID PROGRAM ARGUMENTS...`.

The wrapper is a program, not a hook between fork and exec: the supervisor has threads, so a forked copy of it must not
run Python. The wrapper needs only the standard library. UID and GID are -1 to keep the current user.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def _become(uid: int, gid: int) -> None:
    if gid >= 0:
        os.setgroups([])
        os.setgid(gid)
    if uid >= 0:
        os.setuid(uid)


def _die_with(parent: int, death_signal: int) -> None:
    """Ask the kernel for a signal when the parent ends. On other systems, the next start ends leftover servers."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        sys.exit("the supervisor ended before its child started")


def main(arguments: list[str]) -> None:
    parent, death_signal, uid, gid = (int(argument) for argument in arguments[:4])
    command = arguments[4:]
    _become(uid, gid)
    # After the change of user, which clears the death signal.
    _die_with(parent, death_signal)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
