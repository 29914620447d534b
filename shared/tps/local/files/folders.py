"""The folders of file exchange: every step is one rename or one whole file, synced, so that a crash is between steps.

OUT         what the application wants sent; `NAME.tmp` is still being written
OUT_ERROR   what was refused, and beside it `NAME.error` with the reason
OUT_LOG     one `NAME.MESSAGEID.log` for each that was sent, with its states
IN          what was received
.work       files on their way; nobody else's business
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
    """A file as it was looked at; if it looks so again, nobody is writing it any more."""

    name: str
    inode: int
    size_bytes: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Following:
    """A file that was sent, and as which message."""

    name: str
    message_id: str


class Folders:
    """The folders below one; made if they are not there.

    Raises:
        StackError: They cannot be made, or lie on different file systems, between which nothing can be renamed.
    """

    def __init__(self, root: Path):
        self.root = root
        try:
            for name in (*_VISIBLE, *_HIDDEN):
                (root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(f"cannot make folders in {root}: {error.strerror}") from error
        if len({(root / name).stat().st_dev for name in (*_VISIBLE, *_HIDDEN)}) > 1:
            raise StackError(f"the folders in {root} must lie on one file system")
        self._out, self._error, self._log, self._in = (root / name for name in _VISIBLE)
        self._sending, self._receiving = (root / name for name in _HIDDEN)

    # --- out

    def to_send(self) -> list[Seen]:
        """What lies in OUT, oldest first; files that say they are still being written, and folders, are left out."""
        seen = [_look(entry) for entry in os.scandir(self._out) if not entry.name.endswith(".tmp")]
        return sorted((each for each in seen if each), key=lambda each: (each.changed_ns, each.name))

    def claimed(self) -> list[str]:
        """What was taken out of OUT and is not done with."""
        return sorted(entry.name for entry in os.scandir(self._sending))

    def claim(self, seen: Seen) -> bool:
        """Take a file out of OUT; False if one of its name is not done with, or it is gone."""
        if os.path.lexists(self._sending / seen.name):
            return False
        try:
            (self._out / seen.name).rename(self._sending / seen.name)
        except FileNotFoundError:
            return False
        _sync(self._sending, self._out)
        return True

    def read(self, name: str) -> bytes:
        """A claimed file.

        Raises:
            TooLarge: Above 50 MB.
            Malformed: No plain file.
        """
        try:
            # A link could lead to what the application may not read, a pipe could keep us waiting.
            descriptor = os.open(self._sending / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise _no_file() from None
            raise
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise _no_file()
            if found.st_size > MAXIMUM_CONTENT_BYTES:
                raise TooLarge("a content has at most 50 MB", [Finding("content_too_large", "", "at most 50 MB")])
            return file.read()

    def refuse(self, name: str, error: Refused) -> None:
        """A claimed file goes to OUT_ERROR; the reason is there before it."""
        named = self._free_error_name(safe_name(name))
        reason = {
            "code": error.findings[0].code if error.findings else "refused",
            "detail": error.detail or error.title,
        }
        self._write(self._error / f"{named}.error", _json({"file": name, **reason}))
        (self._sending / name).rename(self._error / named)
        _sync(self._error, self._sending)

    def done(self, name: str) -> None:
        """A claimed file was sent."""
        (self._sending / name).unlink(missing_ok=True)
        _sync(self._sending)

    def write_log(self, sent: Following, status: Status) -> None:
        """The log of a sent file, anew."""
        record = {"file": sent.name, "message_id": sent.message_id, **asdict(status)}
        self._write(self._log / f"{sent.name}.{sent.message_id}.log", _json(record))

    def unfinished(self) -> list[Following]:
        """Of each log whose message may still change its state; files that are no logs of ours are left alone."""
        found = []
        for path in sorted(self._log.glob("*.log")):
            with suppress(OSError, ValueError, KeyError, TypeError):
                known = json.loads(path.read_text())
                if known["state"] not in FINAL:
                    found.append(Following(str(known["file"]), str(known["message_id"])))
        return found

    # --- in

    def stage(self, message_id: str, content: bytes) -> None:
        """A received content, whole and synced, where nobody sees it yet."""
        self._write(self._receiving / f"{message_id}.content", content)

    def note_given(self, message_id: str) -> None:
        """From here on, that the staged content is gone means that the application has it."""
        self._write(self._receiving / f"{message_id}.given", b"")

    def give(self, message_id: str, name: str) -> None:
        """The application has the staged content."""
        (self._receiving / f"{message_id}.content").rename(self._in / name)
        _sync(self._in, self._receiving)

    def is_given(self, message_id: str) -> bool:
        """Whether the application was given it already, and may have taken it away."""
        is_noted = (self._receiving / f"{message_id}.given").exists()
        return is_noted and not (self._receiving / f"{message_id}.content").exists()

    def given(self) -> list[str]:
        """Messages that were given and are not known to be confirmed."""
        noted = sorted(path.stem for path in self._receiving.glob("*.given"))
        return [message_id for message_id in noted if self.is_given(message_id)]

    def forget_given(self, message_id: str) -> None:
        """It is confirmed, and will not be offered again."""
        (self._receiving / f"{message_id}.given").unlink(missing_ok=True)

    # --- both

    def _write(self, path: Path, content: bytes) -> None:
        """Whole or not at all, under a `.tmp` name first."""
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
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        return None
    return Seen(entry.name, found.st_ino, found.st_size, found.st_mtime_ns)


def _no_file() -> Malformed:
    return Malformed("not a plain file", [Finding(_NOT_A_FILE, "", "not a plain file")])


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
