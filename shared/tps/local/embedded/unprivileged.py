"""Running a program as somebody with no rights, where we are root and the program refuses root.

That somebody often cannot pass the folders above ours (a home folder, a test's temporary one). No folder is opened
for it: the data folder is handed over as an open file descriptor, named `/proc/self/fd/N`, which needs no right to the
folders above; programs that lie out of reach are copied once to where everybody can read them.
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
    """Whom a server that refuses root becomes; None if we are not root.

    Raises:
        StackError: We are root where an open folder cannot be handed over.
    """
    if os.geteuid() != 0:
        return None
    if sys.platform != "linux":
        raise StackError("Postgres does not run as root; start the stack as an ordinary user")
    for name in _NAMES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(found.pw_uid, found.pw_gid)
    return User(65534, 65534)


def own(folder: Path, user: User | None) -> None:
    """Make a private folder that belongs to this user."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user is not None and folder.stat().st_uid != user.uid:
        os.chown(folder, user.uid, user.gid)


def run_as(user: User | None, command: Sequence[str], kept_fds: tuple[int, ...] = ()) -> None:
    """Run a program to its end.

    Raises:
        StackError: It failed; the message has the end of what it said.
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
        raise StackError(f"{command[0]} may not be executed here; is its folder mounted noexec?") from error
    if done.returncode != 0:
        raise StackError(f"{Path(command[0]).name} failed: {_end_of(done.stderr or done.stdout)}")


def can_run(user: User | None, command: Sequence[str]) -> bool:
    """True if the program starts and ends well as this user."""
    try:
        run_as(user, command)
    except StackError:
        return False
    return True


def public_copy(name: str, sources: Sequence[Path]) -> Path:
    """A copy of these folders, side by side, that everybody can read and only we can write; made once."""
    copy = _CACHE / f"{name}-{os.geteuid()}"
    if not copy.exists():
        _copy(copy, sources)
    found = copy.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise StackError(f"{copy} is not ours; remove it")
    return copy


def _copy(copy: Path, sources: Sequence[Path]) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=copy.parent))
    try:
        for source in sources:
            shutil.copytree(source, temporary / source.name, symlinks=True)
        subprocess.run(["chmod", "-R", "u+rwX,go=rX", str(temporary)], check=True)
        temporary.rename(copy)
    except OSError as error:
        # Somebody else finished the same copy first, or the disk is full.
        shutil.rmtree(temporary, ignore_errors=True)
        if not copy.exists():
            raise StackError(f"cannot copy programs to {copy}: {error.strerror}") from error


def _end_of(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-3:])
