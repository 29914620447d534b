"""Names of message files for applications that exchange files (FSSF). No I/O.

    out   SENDERAPP_RECEIVER_TYPE_BAMESSAGEID.EXT
    in    SENDERAPP_SENDER_TYPE_BAMESSAGEID_MESSAGEID.EXT

No part is empty, and no part contains an underscore.

Source: docs/mades.md, "File exchange"; docs/how-to-files.md.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote

from tps.errors import Finding, Malformed, MessageRefused
from tps.mades.codes import component_code, message_type

MAXIMUM_BYTES = 200
BAD_NAME = "bad_name"
_PARTS = 4
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,16}", re.ASCII)
_MAXIMUM_APPLICATION = 60
_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class OutgoingName:
    """The parts of the name of an outgoing file."""

    sender_application: str
    receiver: str
    type: str
    ba_message_id: str


def read_outgoing(name: str) -> OutgoingName:
    """Return the parts of an outgoing file's name.

    Raises:
        Malformed: `bad_name`: the name has another form. The application that writes the files must change it.
    """
    if len(name.encode(errors="surrogateescape")) > MAXIMUM_BYTES:
        _refuse(f"the file name must have at most {MAXIMUM_BYTES} bytes")
    if not name.isprintable() or name.startswith(".") or ".." in name or "/" in name:
        _refuse("the file name must be printable, must not start with a dot, and must not contain .. or /")
    stem, dot, extension = name.rpartition(".")
    parts = stem.split("_")
    if not dot or not _EXTENSION.fullmatch(extension) or len(parts) != _PARTS or not all(map(str.strip, parts)):
        _refuse("the file name must be SENDERAPP_RECEIVER_TYPE_BAMESSAGEID.EXT, without underscores inside a part")
    if len(parts[0]) > _MAXIMUM_APPLICATION:
        _refuse(f"SENDERAPP must have at most {_MAXIMUM_APPLICATION} characters")
    try:
        return OutgoingName(parts[0], component_code(parts[1], "RECEIVER"), message_type(parts[2], "TYPE"), parts[3])
    except MessageRefused as error:
        _refuse(error.detail)


def incoming_name(
    *,
    sender_application: str | None,
    sender: str,
    type: str,
    ba_message_id: str | None,
    message_id: str,
    content: bytes,
) -> str:
    """Return the file name of a received message. Every repeat returns the same name.

    Characters that a part cannot hold are percent-encoded (`%5F` for an underscore). An absent part is `-`. The
    baMessageID is cut if the name would be too long. The message id keeps the name unique.
    """
    extension = "xml" if content[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else "bin"
    head = f"{_part(sender_application)[:_MAXIMUM_APPLICATION]}_{_part(sender)}_{_part(type)}_"
    tail = f"_{_part(message_id)}.{extension}"
    room = MAXIMUM_BYTES - len(head) - len(tail)
    return f"{head}{_part(ba_message_id)[: max(room, 1)]}{tail}"


def conversation_of(name: str, content: bytes) -> str:
    """Return the conversation id of a file. The same name with the same content is the same message."""
    parts = (name.encode(errors="surrogateescape"), hashlib.sha256(content).digest())
    return f"file {hashlib.sha256(b'/'.join(parts)).hexdigest()}"


def safe_name(name: str) -> str:
    """Return a printable, visible name for a file with a bad name, short enough to write a reason file beside it."""
    encoded = name.encode(errors="surrogateescape")
    if name.isprintable() and not name.startswith(".") and len(encoded) <= MAXIMUM_BYTES:
        return name
    readable = quote(encoded[:40], safe="@-").replace(".", "%2E")
    return f"{readable}-{hashlib.sha256(encoded).hexdigest()[:16]}"


def _part(text: str | None) -> str:
    if not text:
        return _ABSENT
    quoted = quote(text, safe="@").replace("_", "%5F")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _refuse(detail: str) -> NoReturn:
    raise Malformed(detail, [Finding(BAD_NAME, "", detail)])
