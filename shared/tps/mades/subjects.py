"""The names under which messages travel; nothing else builds or reads a subject.

Each token is checked: a dot, a wildcard or a space in a code is refused, never passed on.

Source: ARCHITECTURE.md, "Subjects and queues".
"""

import re
from dataclasses import dataclass

from tps.mades import codes
from tps.mades.message import ACKNOWLEDGEMENT_TYPE, MadesAcknowledgement, Message, Metadata
from tps.mades.states import refusal

TICK = "tps.tick"
ATTEMPTS_HEADER, REASON_HEADER = "Tps-Attempts", "Tps-Reason"
"""What a dead letter says beside its message: how often it was tried, and what became of the last attempt."""
_GROUP = re.compile(r"(agr|dso|tps|ecp)|(agr|dso)-[A-Za-z0-9@-]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class MessageSubject:
    """A message's way: whose inbox, what type, to whom, from whom."""

    group: str
    type: str
    receiver: str
    sender: str


def group_name(value: str) -> str:
    """A group: `agr`, `dso`, `tps`, `ecp`, or `agr-CODE`, `dso-CODE` of a party that runs its own; else refused."""
    if not isinstance(value, str) or not _GROUP.fullmatch(value):
        raise refusal("malformed", "no such group")
    return value


def message_subject(group: str, type: str, receiver: str, sender: str) -> str:
    """Where a message is published: `mades.<group>.<type>.<receiver>.<sender>`; the group is the receiver's."""
    return "mades." + _message_tokens(group, type, receiver, sender)


def dead_subject(group: str, type: str, receiver: str, sender: str) -> str:
    """Where a message goes that nobody could take: `dead.<group>.<type>.<receiver>.<sender>`."""
    return "dead." + _message_tokens(group, type, receiver, sender)


def dead_filter(type: str | None = None) -> str:
    """All dead letters, or those of one message type."""
    return f"dead.*.{codes.message_type(type) if type else '*'}.>"


def revived_subject(dead: str) -> str:
    """Where a dead letter came from: its `mades.` subject."""
    way = parse_subject(dead)
    return message_subject(way.group, way.type, way.receiver, way.sender)


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
    """The parts of a `mades.` or `dead.` subject.

    Raises:
        MessageRefused: `malformed`: it is no such subject.
    """
    tokens = subject.split(".")
    if len(tokens) != 5 or tokens[0] not in ("mades", "dead"):
        raise refusal("malformed", "no message's subject")
    _, group, type_, receiver, sender = tokens
    _message_tokens(group, type_, receiver, sender)
    return MessageSubject(group, type_, receiver, sender)


def check_subject(subject: str, message: Message | Metadata | MadesAcknowledgement) -> None:
    """Refuse a message whose signed type, receiver or sender is not that of the subject it came by.

    Permissions of the broker pin the sender in the subject; only the signature says who really sent.

    Raises:
        MessageRefused: `wrong_subject`, or `malformed` if it is no message's subject.
    """
    way = parse_subject(subject)
    type_ = ACKNOWLEDGEMENT_TYPE if isinstance(message, MadesAcknowledgement) else message.type
    if (way.type, way.receiver, way.sender) != (type_, message.receiver, message.sender):
        raise refusal("wrong_subject")


def inbox_filter(group: str, type: str) -> str:
    """What a group's consumer of one type listens to: `mades.<group>.<type>.>`."""
    return f"mades.{group_name(group)}.{codes.message_type(type)}.>"


def consumer_name(group: str, type: str) -> str:
    """The durable name of a group's consumer of one type: `<group>_<type>`; neither part can hold an underscore."""
    return f"{group_name(group)}_{codes.message_type(type)}"


def wake_subject(group: str, party: str) -> str:
    """Where a party's waiting calls are woken: `wake.<group>.<party>`."""
    return f"wake.{group_name(group)}.{codes.component_code(party, 'party')}"


def wake_filter(group: str) -> str:
    """All wake-ups of a group: `wake.<group>.*`."""
    return f"wake.{group_name(group)}.*"


def large_subject(group: str, receiver: str, sender: str, name: str, *, chunk: int) -> str:
    """Where a chunk of a large content is published: `large.<group>.<receiver>.<sender>.<name>.<chunk>`."""
    return f"{_large_prefix(group, receiver, sender, name)}.{codes.count(chunk, 'chunk')}"


def large_filter(group: str, receiver: str, sender: str, name: str) -> str:
    """All chunks of one large content, to read or to purge."""
    return f"{_large_prefix(group, receiver, sender, name)}.*"


def _large_prefix(group: str, receiver: str, sender: str, name: str) -> str:
    codes.message_id(name, "name of the large content")
    receiver, sender = codes.component_code(receiver, "receiver"), codes.component_code(sender, "sender")
    return f"large.{group_name(group)}.{receiver}.{sender}.{name}"
