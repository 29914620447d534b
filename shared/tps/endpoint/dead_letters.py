"""Dead letters: messages that event delivery gave up, as the broker keeps them.

The platform's group may read them, because every message goes to or from the platform. Only an administrator of the
broker can put them back.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.errors import MessageRefused
from tps.mades.envelope import Envelope, peek_metadata
from tps.mades.message import Metadata
from tps.mades.subjects import ATTEMPTS_HEADER, REASON_HEADER, dead_filter, parse_subject, revived_subject
from tps.stores.mailbox import Mailbox

if TYPE_CHECKING:
    from nats.js import JetStreamContext
    from nats.js.api import RawStreamMsg

    _Ask = Callable[[JetStreamContext], Coroutine[Any, Any, RawStreamMsg | None]]

_STREAM = "DEAD"
_NOT_NOTED = "not noted"
_ID = "Nats-Msg-Id"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter without its content, which only the receiver can decrypt.

    Attributes:
        sequence: Number of the dead letter in its stream.
        died_at: When event delivery gave the message up.
        group: The group whose inbox held the message.
        message_id: Id that the sender gave the message. Not verified.
        attempts: Number of attempts. None if unknown.
        reason: Result of the last attempt: function, HTTP status and outcome, or `not reached`.
        headers: Headers of the message, without those of the broker and of event delivery.
        metadata: Metadata that the envelope claims. None for an acknowledgement and for an unreadable envelope.
    """

    sequence: int
    died_at: datetime
    group: str
    type: str
    sender: str
    receiver: str
    message_id: str
    attempts: int | None
    reason: str
    headers: Mapping[str, str] = field(repr=False)
    metadata: Metadata | None = field(repr=False)


class DeadLetters:
    """The dead letters, oldest first.

    Args:
        mailbox: A mailbox of the platform's group can read. A mailbox of the broker's administrator can also put back.
    """

    def __init__(self, mailbox: Mailbox):
        self._mailbox = mailbox

    def count(self) -> int:
        """Return the number of dead letters.

        Raises:
            StoreAway: The broker is unavailable.
        """

        async def ask(stream: JetStreamContext) -> int:
            return int((await stream.stream_info(_STREAM)).state.messages)

        return self._mailbox.ask(ask)

    def iterate(self, after: int = 0, type: str | None = None) -> Iterator[DeadLetter]:
        """Yield dead letters. Each one is fetched when the caller asks for it.

        Args:
            after: Sequence of the last known dead letter.
            type: Message type. None for any type.

        Raises:
            MessageRefused: `malformed`: no message type has this name.
            StoreAway: The broker is unavailable.
        """
        subject = dead_filter(type)
        while (entry := self._get(after + 1, subject)) is not None:
            yield _read(entry)
            after = int(entry.seq or 0)

    def find(self, sequence: int) -> DeadLetter | None:
        """Return the dead letter with this sequence, or None."""
        entry = self._get(sequence)
        return _read(entry) if entry else None

    def redrive(self, sequence: int) -> bool:
        """Put a dead letter back into its queue with its headers. Return False if it does not exist.

        The broker stores the message before it leaves the dead letters. A crash in between can put the message back
        twice, under the same broker id. The broker drops the repeat for ten minutes, and the receiver drops it at any
        time.

        Raises:
            StoreAway: The dead letter is still here. The message may already be back in its queue.
        """
        entry = self._get(sequence)
        if entry is None:
            return False
        headers = {**_original(entry), _ID: f"redriven-{sequence}-{_headers(entry).get(_ID, '')}"}

        async def put_back(stream: JetStreamContext) -> None:
            await stream.publish(revived_subject(str(entry.subject)), entry.data or b"", headers=headers)

        self._mailbox.ask(put_back)
        self._mailbox.ask(lambda stream: _delete(stream, sequence))
        return True

    def _get(self, sequence: int, next_of: str | None = None) -> RawStreamMsg | None:
        """Return the entry with this sequence, or with `next_of` the first entry from there on with such a subject."""

        async def ask(stream: JetStreamContext) -> RawStreamMsg | None:
            from nats.js.errors import NotFoundError

            try:
                return await stream.get_msg(_STREAM, seq=sequence, subject=next_of, next=next_of is not None)
            except NotFoundError:
                return None

        return self._mailbox.ask(ask)


async def _delete(stream: JetStreamContext, sequence: int) -> None:
    from nats.js.errors import APIError

    try:
        await stream.delete_msg(_STREAM, sequence)
    except APIError:
        # Another process may have put the message back meanwhile, under the same id.
        if await _is_there(stream, sequence):
            raise


async def _is_there(stream: JetStreamContext, sequence: int) -> bool:
    from nats.js.errors import NotFoundError

    try:
        await stream.get_msg(_STREAM, seq=sequence)
    except NotFoundError:
        return False
    return True


def _read(entry: RawStreamMsg) -> DeadLetter:
    path, headers = parse_subject(str(entry.subject)), _headers(entry)
    attempts = headers.get(ATTEMPTS_HEADER, "")
    assert entry.time is not None
    return DeadLetter(
        sequence=int(entry.seq or 0),
        died_at=entry.time,
        group=path.group,
        type=path.type,
        sender=path.sender,
        receiver=path.receiver,
        message_id=headers.get("ce-id", ""),
        attempts=int(attempts) if attempts.isdecimal() else None,
        reason=headers.get(REASON_HEADER, _NOT_NOTED),
        headers=_original(entry),
        metadata=_metadata(entry.data or b""),
    )


def _headers(entry: RawStreamMsg) -> dict[str, str]:
    return dict(entry.headers or {})


def _original(entry: RawStreamMsg) -> dict[str, str]:
    """Return the headers of the message, without those of the broker and of event delivery."""
    return {name: value for name, value in _headers(entry).items() if not name.startswith(("Nats-", "Tps-"))}


def _metadata(data: bytes) -> Metadata | None:
    try:
        return peek_metadata(Envelope.from_bytes(data))
    except MessageRefused:
        return None
