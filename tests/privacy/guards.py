"""Guards against leaks: each guard finds data that must not be visible. Tests use them on the real system and on leaks.

A guard returns its findings, or nothing. `test_leaks_are_caught.py` proves that each guard can find a leak.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tests.privacy.stories import Knowledge
from tests.privacy.table import ANSWER_HEADERS
from tests.privacy.wiretap import Opened, Packet
from tests.support.world import Reply
from tps.mades.message import MadesAcknowledgement

_VARYING = re.compile(r"\b[0-9a-f]{32}\b|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z|'sequence': \d+|sequence=\d+")
# CloudEvents attributes, and headers that the broker needs. Nothing else is unencrypted.
MESSAGE_HEADERS = frozenset(
    {"Nats-Msg-Id", "Nats-TTL", "ce-specversion", "ce-id", "ce-type", "ce-source", "ce-subject", "ce-datacontenttype"}
)


def fields_beyond(reply: Reply, allowed: str) -> set[str]:
    """Return the names in the answer's JSON, at any depth, that this route must not return."""
    is_json = "json" in reply.headers.get("content-type", "")
    return set(_names(json.loads(reply.text))) - set(allowed.split()) if is_json else set()


def headers_beyond(reply: Reply) -> set[str]:
    """Return the headers that no answer may have."""
    return {name.lower() for name in reply.headers} - ANSWER_HEADERS


def marks_beyond(replies: Iterable[Reply]) -> list[Reply]:
    """Return answers with the same content as an earlier answer but another ETag, which would reveal something more."""
    first: dict[str, Reply] = {}
    return [each for each in replies if first.setdefault(_shown(each), each).headers["ETag"] != each.headers["ETag"]]


def _shown(reply: Reply) -> str:
    return str({name: value for name, value in json.loads(reply.text).items() if name not in ("as_of", "next")})


def labels_beyond(packets: Iterable[Packet]) -> set[str]:
    """Return unencrypted headers of messages at the broker beyond those that every message has."""
    return {name for packet in packets if _is_message(packet) for name in packet.headers} - MESSAGE_HEADERS


def words_in(texts: Iterable[str], words: Iterable[str]) -> set[str]:
    """Return the words that occur in one of the texts."""
    whole = "\n".join(texts)
    return {word for word in words if word in whole}


def texts_of(messages: Iterable[Opened]) -> list[str]:
    """Return everything that the receiver of these messages can read."""
    return [f"{each.content.decode()} {each.clear_text()}" for each in messages]


def told_apart(replies: Mapping[str, Any]) -> list[str]:
    """Return the cases that differ from the first case; all must get the same answer."""
    first = next(iter(replies.values()))
    return [name for name, reply in replies.items() if reply != first]


def told_early(messages: Sequence[Opened], message_id: str, is_to_others: Callable[[Opened], bool]) -> list[int]:
    """Return the positions of messages to others that were sent before this sender had all its answers."""
    answered = [place for place, each in enumerate(messages) if answers(each, message_id)]
    return [place for place, each in enumerate(messages) if is_to_others(each) and place < max(answered)]


def answers(message: Opened, message_id: str) -> bool:
    """Return True if the message answers that message, by document or by MADES; later notices do not count."""
    if isinstance(message.signed, MadesAcknowledgement):
        return any(each.message_id == message_id for each in message.signed.messages)
    return message.signed.in_reply_to == message_id and b">ALL_REACHED=" not in message.content


def differences(known: Mapping[str, Knowledge]) -> list[str]:
    """Return the lines that a DSO knows for one distribution of the assets and not for another."""
    first = next(iter(known.values())).lines()
    lines = [(name, each.lines()) for name, each in known.items()]
    return [f"{name}: {line}" for name, each in lines if each != first for line in _difference(first, each)]


def _difference(one: Sequence[str], other: Sequence[str]) -> list[str]:
    changed = [line for line in other if line not in one] + [line for line in one if line not in other]
    return changed or ["the same in another order or number"]


def alike(reply: Reply, *ids: str) -> tuple[int, str, str]:
    """Return status, headers and text of an answer, with ids of assets, messages and documents, and times replaced."""
    headers = {name: value for name, value in reply.headers.items() if name != "date"}
    return reply.status, str(headers), text_alike(reply.text, *ids)


def text_alike(text: str, *ids: str) -> str:
    """Return the text with these ids, ids of messages and documents, and times replaced."""
    for each in ids:
        text = text.replace(each, "<asset>")
    return _VARYING.sub("<varying>", text)


def _names(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _names(each)


def _is_message(packet: Packet) -> bool:
    return packet.subject.split(".")[0] in ("mades", "large", "dead")
