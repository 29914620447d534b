"""The metadata of messages and acknowledgements as the JSON that is signed."""

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
    """The metadata of a message, with size and SHA-256 of its content."""
    value = {name: getattr(message, name) for name in (*_NEEDED[:7], *_OPTIONAL)}
    value["content_size"] = len(message.content)
    value["content_sha256"] = hashlib.sha256(message.content).hexdigest()
    return _write(value)


def read_message(payload: bytes) -> Metadata:
    """The metadata that `write_message` wrote.

    Raises:
        MessageRefused: `malformed`: it did not.
    """
    value = read_object(payload, "the metadata")
    check_fields(value, "the metadata", needed=frozenset(_NEEDED), allowed=frozenset(_OPTIONAL))
    for name in ("sent_at", "expires_at"):
        value[name] = codes.utc_time(value[name], name)
    return Metadata(**value)


def write_acknowledgement(acknowledgement: MadesAcknowledgement) -> bytes:
    """An acknowledgement as JSON."""
    messages = [
        _present({name: getattr(each, name) for name in _ACKNOWLEDGED | _DETAIL}) for each in acknowledgement.messages
    ]
    names = ("message_id", "kind", "sender", "receiver", "sent_at")
    value = {name: getattr(acknowledgement, name) for name in names}
    return _write({**value, "type": ACKNOWLEDGEMENT_TYPE, "messages": messages})


def read_acknowledgement(payload: bytes) -> MadesAcknowledgement:
    """The acknowledgement that `write_acknowledgement` wrote.

    Raises:
        MessageRefused: `malformed`: it did not.
    """
    value = read_object(payload, "the acknowledgement")
    check_fields(value, "the acknowledgement", needed=_ACKNOWLEDGEMENT, allowed=frozenset())
    if value.pop("type") != ACKNOWLEDGEMENT_TYPE or not isinstance(value["messages"], list):
        raise refusal("malformed", "the acknowledgement does not have its form")
    return MadesAcknowledgement(
        message_id=value["message_id"],
        kind=_kind(value["kind"]),
        sender=value["sender"],
        receiver=value["receiver"],
        sent_at=codes.utc_time(value["sent_at"], "sent_at"),
        messages=tuple(_acknowledged(each) for each in value["messages"]),
    )


def _acknowledged_fields(message: AcknowledgedMessage) -> dict[str, Any]:
    return _present({"message_id": message.message_id, "at": message.at, "detail": message.detail})


def _kind(value: Any) -> AcknowledgementKind:
    try:
        return AcknowledgementKind(value)
    except ValueError as error:
        raise refusal("malformed", "no such kind of acknowledgement") from error


def _acknowledged(value: Any) -> AcknowledgedMessage:
    if not isinstance(value, dict):
        raise refusal("malformed", "an acknowledged message does not have its form")
    check_fields(value, "an acknowledged message", needed=_ACKNOWLEDGED, allowed=_DETAIL)
    return AcknowledgedMessage(value["message_id"], codes.utc_time(value["at"], "at"), value.get("detail"))


def _write(value: dict[str, Any]) -> bytes:
    return json.dumps(_present(value), ensure_ascii=False, separators=(",", ":")).encode()


def _present(value: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(each) for name, each in value.items() if each is not None}


def _plain(value: Any) -> Any:
    return codes.utc_text(value) if isinstance(value, datetime) else value
