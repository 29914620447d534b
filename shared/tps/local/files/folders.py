"""The folders of file exchange. Every step is one rename or one whole file, synced, so a crash leaves no half step.

OUT         files to send; `NAME.tmp` is still being written
OUT_ERROR   refused files, each with its reason in `NAME.error`
OUT_LOG     `NAME.MESSAGEID.log` for each sent file, with the states of its message
IN          received messages
.work       internal files
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tps.errors import Finding, Malformed, Refused, TooLarge
from tps.local.embedded.failure import StackError
from tps.mades.file_names import safe_name
from tps.mades.jose import MAXIMUM_CONTENT_BYTES
from tps.mades.service_client import Status

FINAL = ("RECEIVED", "FAILED")
_NOT_A_FILE = "not_a_file"
_VISIBLE = ("OUT", "OUT_ERROR", "OUT_LOG", "IN")
_HIDDEN = (".work/sending", ".work/receiving")


@dataclass(frozen=True, slots=True)
class Seen:
    """The state of a file. If it is the same later, the file is no longer being written."""

    name: str
    inode: int
    size_bytes: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Following:
    """A sent file and the id of its message."""

    name: str
    message_id: str


class Folders:
    """The folders below a root; missing folders are created.

    Raises:
        StackError: The folders cannot be created, or lie on different file systems, so that renaming is impossible.
    """

    def __init__(self, root: Path):
        self.root = root
        try:
            for name in (*_VISIBLE, *_HIDDEN):
                (root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(f"cannot create folders in {root}: {error.strerror}") from error
        if len({(root / name).stat().st_dev for name in (*_VISIBLE, *_HIDDEN)}) > 1:
            raise StackError(f"the folders in {root} must lie on one file system")
        self._out, self._error, self._log, self._in = (root / name for name in _VISIBLE)
        self._sending, self._receiving = (root / name for name in _HIDDEN)

    # --- sending

    def to_send(self) -> list[Seen]:
        """Return the files in OUT, oldest first, without `.tmp` files and folders."""
        seen = [_look(entry) for entry in os.scandir(self._out) if not entry.name.endswith(".tmp")]
        return sorted((file for file in seen if file), key=lambda file: (file.changed_ns, file.name))

    def claimed(self) -> list[str]:
        """Return the names of claimed files that are not finished."""
        return sorted(entry.name for entry in os.scandir(self._sending))

    def claim(self, seen: Seen) -> bool:
        """Take a file out of OUT; return False if a file of this name is unfinished, or the file is gone."""
        if os.path.lexists(self._sending / seen.name):
            return False
        try:
            (self._out / seen.name).rename(self._sending / seen.name)
        except FileNotFoundError:
            return False
        _sync(self._sending, self._out)
        return True

    def read(self, name: str) -> bytes:
        """Return the content of a claimed file.

        Raises:
            TooLarge: The file exceeds 50 MB.
            Malformed: Not a regular file.
        """
        try:
            # A link could point to a file that the application must not read. A pipe could block us.
            descriptor = os.open(self._sending / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise _no_file() from None
            raise
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _no_file()
            if status.st_size > MAXIMUM_CONTENT_BYTES:
                raise TooLarge("the content exceeds 50 MB", [Finding("content_too_large", "", "at most 50 MB")])
            return file.read()

    def refuse(self, name: str, error: Refused) -> None:
        """Write the reason to OUT_ERROR, then move the claimed file there."""
        named = self._free_error_name(safe_name(name))
        reason = {
            "code": error.findings[0].code if error.findings else "refused",
            "detail": error.detail or error.title,
        }
        self._write(self._error / f"{named}.error", _json({"file": name, **reason}))
        (self._sending / name).rename(self._error / named)
        _sync(self._error, self._sending)

    def done(self, name: str) -> None:
        """Remove a claimed file after it was sent."""
        (self._sending / name).unlink(missing_ok=True)
        _sync(self._sending)

    def write_log(self, sent: Following, status: Status) -> None:
        """Replace the log of a sent file."""
        record = {"file": sent.name, "message_id": sent.message_id, **asdict(status)}
        self._write(self._log / f"{sent.name}.{sent.message_id}.log", _json(record))

    def unfinished(self) -> list[Following]:
        """Return sent files whose message may still change its state, from their logs. Skips other files."""
        unfinished = []
        for path in sorted(self._log.glob("*.log")):
            with suppress(OSError, ValueError, KeyError, TypeError):
                known = json.loads(path.read_text())
                if known["state"] not in FINAL:
                    unfinished.append(Following(str(known["file"]), str(known["message_id"])))
        return unfinished

    # --- receiving

    def stage(self, message_id: str, content: bytes) -> None:
        """Store a received content, whole and synced, where the application does not see it yet."""
        self._write(self._receiving / f"{message_id}.content", content)

    def note_given(self, message_id: str) -> None:
        """Note a message as given: from now on, if the staged content is gone, the application has it."""
        self._write(self._receiving / f"{message_id}.given", b"")

    def give(self, message_id: str, name: str) -> None:
        """Move the staged content to IN."""
        (self._receiving / f"{message_id}.content").rename(self._in / name)
        _sync(self._in, self._receiving)

    def is_given(self, message_id: str) -> bool:
        """Return True if the application already received the content; it may have removed the file."""
        is_noted = (self._receiving / f"{message_id}.given").exists()
        return is_noted and not (self._receiving / f"{message_id}.content").exists()

    def given(self) -> list[str]:
        """Return messages that were given and are not known to be confirmed."""
        noted = sorted(path.stem for path in self._receiving.glob("*.given"))
        return [message_id for message_id in noted if self.is_given(message_id)]

    def forget_given(self, message_id: str) -> None:
        """Forget a confirmed message, which the endpoint does not deliver again."""
        (self._receiving / f"{message_id}.given").unlink(missing_ok=True)

    # --- helpers

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file atomically, under a `.tmp` name first."""
        temporary = self.root / ".work" / "writing.tmp"
        with _removed_on_failure(temporary), temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(path.parent)

    def _free_error_name(self, name: str) -> str:
        number, free = 1, name
        while os.path.lexists(self._error / free):
            number += 1
            free = f"{name}.{number}"
        return free


def _look(entry: os.DirEntry[str]) -> Seen | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return None
    return Seen(entry.name, status.st_ino, status.st_size, status.st_mtime_ns)


def _no_file() -> Malformed:
    return Malformed("not a regular file", [Finding(_NOT_A_FILE, "", "not a regular file")])


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True, indent=1).encode() + b"\n"


def _sync(*folders: Path) -> None:
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError:
        path.unlink(missing_ok=True)
        raise
