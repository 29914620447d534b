"""Runs a program as an unprivileged user, where we are root and the program refuses root.

Often, this user cannot enter the parents of our folders (a home folder, a temporary folder of a test). No permission is
changed. The data folder is passed as an open file descriptor, named `/proc/self/fd/N`, which needs no access to its
parents. Programs that the user cannot reach are copied once to a folder that everybody can read.
"""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tps.local.embedded.failure import StackError
from tps.local.embedded.process import User

_NAMES = ("postgres", "nobody")
_CACHE = Path("/var/tmp")


def server_user() -> User | None:
    """Return the user for a server that refuses root; None if we are not root.

    Raises:
        StackError: We are root on a system where an open folder cannot be passed.
    """
    if os.geteuid() != 0:
        return None
    if sys.platform != "linux":
        raise StackError("Postgres does not run as root; start the stack as an ordinary user")
    for name in _NAMES:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(account.pw_uid, account.pw_gid)
    return User(65534, 65534)


def own(folder: Path, user: User | None) -> None:
    """Create a private folder that belongs to this user."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user is not None and folder.stat().st_uid != user.uid:
        os.chown(folder, user.uid, user.gid)


def run_as(user: User | None, command: Sequence[str], kept_fds: tuple[int, ...] = ()) -> None:
    """Run a program and wait for its end.

    Raises:
        StackError: The program failed. The message has the end of its output.
    """
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            cwd="/",
            env={"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C"},
            pass_fds=kept_fds,
            user=None if user is None else user.uid,
            group=None if user is None else user.gid,
            extra_groups=None if user is None else [],
        )
    except PermissionError as error:
        raise StackError(f"{command[0]} cannot be executed; is its folder mounted noexec?") from error
    if done.returncode != 0:
        raise StackError(f"{Path(command[0]).name} failed: {_end_of(done.stderr or done.stdout)}")


def can_run(user: User | None, command: Sequence[str]) -> bool:
    """Return True if the program succeeds as this user."""
    try:
        run_as(user, command)
    except StackError:
        return False
    return True


def public_copy(name: str, sources: Sequence[Path]) -> Path:
    """Return a copy of these folders, side by side, that everybody can read and only we can write; made once."""
    copy = _CACHE / f"{name}-{os.geteuid()}"
    if not copy.exists():
        _copy(copy, sources)
    status = copy.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise StackError(f"{copy} belongs to another user, or others can write to it; remove it")
    return copy


def _copy(copy: Path, sources: Sequence[Path]) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=copy.parent))
    try:
        for source in sources:
            shutil.copytree(source, temporary / source.name, symlinks=True)
        subprocess.run(["chmod", "-R", "u+rwX,go=rX", str(temporary)], check=True)
        temporary.rename(copy)
    except OSError as error:
        # Another process finished the same copy first, or the disk is full.
        shutil.rmtree(temporary, ignore_errors=True)
        if not copy.exists():
            raise StackError(f"cannot copy programs to {copy}: {error.strerror}") from error


def _end_of(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-3:])
