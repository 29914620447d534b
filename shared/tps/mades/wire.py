"""The metadata of messages and acknowledgements as signed JSON.

Source: docs/mades.md, "Wire form".
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from tps.mades import codes
from tps.mades.message import (
    ACKNOWLEDGEMENT_TYPE,
    AcknowledgedMessage,
    AcknowledgementKind,
    MadesAcknowledgement,
    Message,
    Metadata,
)
from tps.mades.states import refusal
from tps.mades.strict_json import check_fields, read_object

_NEEDED = (
    "message_id",
    "type",
    "sender",
    "receiver",
    "sent_at",
    "expires_at",
    "sequence",
    "content_size",
    "content_sha256",
)
_OPTIONAL = ("ba_message_id", "in_reply_to", "sender_application")
_ACKNOWLEDGEMENT = frozenset({"message_id", "type", "kind", "sender", "receiver", "sent_at", "messages"})
_ACKNOWLEDGED = frozenset({"message_id", "at"})
_DETAIL = frozenset({"detail"})


def write_message(message: Message) -> bytes:
    """Return the metadata of a message, with size and SHA-256 of its content."""
    value = {name: getattr(message, name) for name in (*_NEEDED[:7], *_OPTIONAL)}
    value["content_size"] = len(message.content)
    value["content_sha256"] = hashlib.sha256(message.content).hexdigest()
    return _write(value)


def read_message(payload: bytes) -> Metadata:
    """Return the metadata that `write_message` wrote.

    Raises:
        MessageRefused: `malformed`: the payload is not such metadata.
    """
    value = read_object(payload, "the metadata")
    check_fields(value, "the metadata", needed=frozenset(_NEEDED), allowed=frozenset(_OPTIONAL))
    for name in ("sent_at", "expires_at"):
        value[name] = codes.utc_time(value[name], name)
    return Metadata(**value)


def write_acknowledgement(acknowledgement: MadesAcknowledgement) -> bytes:
    """Return an acknowledgement as JSON."""
    names = _ACKNOWLEDGED | _DETAIL
    messages = [_present({name: getattr(message, name) for name in names}) for message in acknowledgement.messages]
    fields = ("message_id", "kind", "sender", "receiver", "sent_at")
    value = {name: getattr(acknowledgement, name) for name in fields}
    return _write({**value, "type": ACKNOWLEDGEMENT_TYPE, "messages": messages})


def read_acknowledgement(payload: bytes) -> MadesAcknowledgement:
    """Return the acknowledgement that `write_acknowledgement` wrote.

    Raises:
        MessageRefused: `malformed`: the payload is not such an acknowledgement.
    """
    value = read_object(payload, "the acknowledgement")
    check_fields(value, "the acknowledgement", needed=_ACKNOWLEDGEMENT, allowed=frozenset())
    if value.pop("type") != ACKNOWLEDGEMENT_TYPE or not isinstance(value["messages"], list):
        raise refusal("malformed", "invalid acknowledgement")
    return MadesAcknowledgement(
        message_id=value["message_id"],
        kind=_kind(value["kind"]),
        sender=value["sender"],
        receiver=value["receiver"],
        sent_at=codes.utc_time(value["sent_at"], "sent_at"),
        messages=tuple(_acknowledged(message) for message in value["messages"]),
    )


def _kind(value: Any) -> AcknowledgementKind:
    try:
        return AcknowledgementKind(value)
    except ValueError as error:
        raise refusal("malformed", "unknown kind of acknowledgement") from error


def _acknowledged(value: Any) -> AcknowledgedMessage:
    if not isinstance(value, dict):
        raise refusal("malformed", "an acknowledged message must be a JSON object")
    check_fields(value, "an acknowledged message", needed=_ACKNOWLEDGED, allowed=_DETAIL)
    return AcknowledgedMessage(value["message_id"], codes.utc_time(value["at"], "at"), value.get("detail"))


def _write(value: dict[str, Any]) -> bytes:
    return json.dumps(_present(value), ensure_ascii=False, separators=(",", ":")).encode()


def _present(value: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(field) for name, field in value.items() if field is not None}


def _plain(value: Any) -> Any:
    return codes.utc_text(value) if isinstance(value, datetime) else value
