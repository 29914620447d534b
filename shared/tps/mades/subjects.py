"""The subjects of messages at the broker. No other module builds or parses a subject.

Each token is checked: a code with a dot, a wildcard or a space is refused.

Source: docs/mades.md, "Wire form".
"""

import re
from dataclasses import dataclass

from tps.mades import codes
from tps.mades.message import ACKNOWLEDGEMENT_TYPE, MadesAcknowledgement, Message, Metadata
from tps.mades.states import refusal

TICK = "tps.tick"
ATTEMPTS_HEADER, REASON_HEADER = "Tps-Attempts", "Tps-Reason"
"""Headers of a dead letter: the number of failed attempts, and the result of the last delivery."""
_GROUP = re.compile(r"(agr|dso|tps|ecp)|(agr|dso)-[A-Za-z0-9@-]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MessageSubject:
    """The parts of a subject: group of the receiver, message type, receiver and sender."""

    group: str
    type: str
    receiver: str
    sender: str


def group_name(value: str) -> str:
    """Return the group: `agr`, `dso`, `tps`, `ecp`, or `agr-CODE`, `dso-CODE` of a party with its own group."""
    if not isinstance(value, str) or not _GROUP.fullmatch(value):
        raise refusal("malformed", "unknown group")
    return value


def message_subject(group: str, type: str, receiver: str, sender: str) -> str:
    """Return the subject of a message: `mades.<group>.<type>.<receiver>.<sender>`. The group is the receiver's."""
    return "mades." + _message_tokens(group, type, receiver, sender)


def dead_subject(group: str, type: str, receiver: str, sender: str) -> str:
    """Return the subject of a dead letter: `dead.<group>.<type>.<receiver>.<sender>`."""
    return "dead." + _message_tokens(group, type, receiver, sender)


def dead_filter(type: str | None = None) -> str:
    """Return the filter for all dead letters, or for the dead letters of one message type."""
    return f"dead.*.{codes.message_type(type) if type else '*'}.>"


def revived_subject(dead: str) -> str:
    """Return the original `mades.` subject of a dead letter."""
    parts = parse_subject(dead)
    return message_subject(parts.group, parts.type, parts.receiver, parts.sender)


def _message_tokens(group: str, type: str, receiver: str, sender: str) -> str:
    return ".".join(
        (
            group_name(group),
            codes.message_type(type),
            codes.component_code(receiver, "receiver"),
            codes.component_code(sender, "sender"),
        )
    )


def parse_subject(subject: str) -> MessageSubject:
    """Return the parts of a `mades.` or `dead.` subject.

    Raises:
        MessageRefused: `malformed`: the text is not such a subject.
    """
    tokens = subject.split(".")
    if len(tokens) != 5 or tokens[0] not in ("mades", "dead"):
        raise refusal("malformed", "the subject is not the subject of a message")
    _, group, type_, receiver, sender = tokens
    _message_tokens(group, type_, receiver, sender)
    return MessageSubject(group, type_, receiver, sender)


def check_subject(subject: str, message: Message | Metadata | MadesAcknowledgement) -> None:
    """Refuse a message if its signed type, receiver or sender differs from the subject on which it arrived.

    The broker's permissions bind the sender in the subject. Only the signature proves the sender of the message.

    Raises:
        MessageRefused: `wrong_subject`, or `malformed` for an invalid subject.
    """
    parts = parse_subject(subject)
    type_ = ACKNOWLEDGEMENT_TYPE if isinstance(message, MadesAcknowledgement) else message.type
    if (parts.type, parts.receiver, parts.sender) != (type_, message.receiver, message.sender):
        raise refusal("wrong_subject")


def inbox_filter(group: str, type: str) -> str:
    """Return the filter of a group's consumer for one type: `mades.<group>.<type>.>`."""
    return f"mades.{group_name(group)}.{codes.message_type(type)}.>"


def consumer_name(group: str, type: str) -> str:
    """Return the durable name of a group's consumer: `<group>_<type>`. Neither part can contain an underscore."""
    return f"{group_name(group)}_{codes.message_type(type)}"


def attempts_subject(group: str, type: str, sequence: int) -> str:
    """Return the subject that counts failed attempts: `attempts.<group>.<type>.<sequence in the stream MADES>`."""
    return f"attempts.{group_name(group)}.{codes.message_type(type)}.{codes.count(sequence, 'sequence')}"


def wake_subject(group: str, party: str) -> str:
    """Return the subject that wakes a party's waiting calls: `wake.<group>.<party>`."""
    return f"wake.{group_name(group)}.{codes.component_code(party, 'party')}"


def wake_filter(group: str) -> str:
    """Return the filter for all wake-ups of a group: `wake.<group>.*`."""
    return f"wake.{group_name(group)}.*"


def large_subject(group: str, receiver: str, sender: str, name: str, *, chunk: int) -> str:
    """Return the subject of one chunk of a large content: `large.<group>.<receiver>.<sender>.<name>.<chunk>`."""
    return f"{_large_prefix(group, receiver, sender, name)}.{codes.count(chunk, 'chunk')}"


def large_filter(group: str, receiver: str, sender: str, name: str) -> str:
    """Return the filter for all chunks of one large content, to read or purge them."""
    return f"{_large_prefix(group, receiver, sender, name)}.*"


def _large_prefix(group: str, receiver: str, sender: str, name: str) -> str:
    codes.message_id(name, "name of the large content")
    receiver, sender = codes.component_code(receiver, "receiver"), codes.component_code(sender, "sender")
    return f"large.{group_name(group)}.{receiver}.{sender}.{name}"
