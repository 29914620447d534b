"""Names of files that carry messages for applications which only have folders (FSSF); pure.

out   SENDERAPP_RECEIVER_TYPE_BAMESSAGEID.EXT
in    SENDERAPP_SENDER_TYPE_BAMESSAGEID_MESSAGEID.EXT

No part is empty and no part holds an underscore. Source: STANDARDS.md section 3, "File exchange".
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
_NOBODY = "-"


@dataclass(frozen=True, slots=True)
class OutgoingName:
    """What the name of a file to be sent says."""

    sender_application: str
    receiver: str
    type: str
    ba_message_id: str


def read_outgoing(name: str) -> OutgoingName:
    """The message that a file's name tells of.

    Raises:
        Malformed: `bad_name`: not of the form; whoever writes the files must name them otherwise.
    """
    if len(name.encode(errors="surrogateescape")) > MAXIMUM_BYTES:
        _refuse(f"a name has at most {MAXIMUM_BYTES} bytes")
    if not name.isprintable() or name.startswith(".") or ".." in name or "/" in name:
        _refuse("a name is printable, does not begin with a dot and has no two dots in a row")
    stem, dot, extension = name.rpartition(".")
    parts = stem.split("_")
    if not dot or not _EXTENSION.fullmatch(extension) or len(parts) != _PARTS or not all(map(str.strip, parts)):
        _refuse("the form is SENDERAPP_RECEIVER_TYPE_BAMESSAGEID.EXT, with no underscore within a part")
    if len(parts[0]) > _MAXIMUM_APPLICATION:
        _refuse(f"SENDERAPP has at most {_MAXIMUM_APPLICATION} characters")
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
    """The name under which a received message lies in its folder: the same at every repeat.

    Whatever a part could not hold is written as in addresses (`%5F` for an underscore); a part that is not there is
    `-`. What would make the name too long is cut; the message id keeps the name apart from others.
    """
    extension = "xml" if content[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else "bin"
    head = f"{_part(sender_application)[:_MAXIMUM_APPLICATION]}_{_part(sender)}_{_part(type)}_"
    tail = f"_{_part(message_id)}.{extension}"
    room = MAXIMUM_BYTES - len(head) - len(tail)
    return f"{head}{_part(ba_message_id)[: max(room, 1)]}{tail}"


def conversation_of(name: str, content: bytes) -> str:
    """What makes sending a file again send nothing: the same name with the same content is the same message."""
    parts = (name.encode(errors="surrogateescape"), hashlib.sha256(content).digest())
    return f"file {hashlib.sha256(b'/'.join(parts)).hexdigest()}"


def safe_name(name: str) -> str:
    """A name for a file that had a bad one: printable, not hidden, and short enough to write a reason beside it."""
    encoded = name.encode(errors="surrogateescape")
    if name.isprintable() and not name.startswith(".") and len(encoded) <= MAXIMUM_BYTES:
        return name
    readable = quote(encoded[:40], safe="@-").replace(".", "%2E")
    return f"{readable}-{hashlib.sha256(encoded).hexdigest()[:16]}"


def _part(text: str | None) -> str:
    if not text:
        return _NOBODY
    quoted = quote(text, safe="@").replace("_", "%5F")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _refuse(detail: str) -> NoReturn:
    raise Malformed(detail, [Finding(BAD_NAME, "", detail)])
