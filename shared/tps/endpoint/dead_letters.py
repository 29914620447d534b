"""Dead letters: messages that no function could take in many attempts, as the broker keeps them.

The platform's group may read them (all of them were on their way to or from it); putting them back is for whoever
administers the broker.
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
    """One of them, without its content, which only the receiver can decrypt.

    Attributes:
        sequence: Names it among the dead letters.
        died_at: When event delivery gave it up.
        group: Whose inbox it lay in.
        message_id: As the sender named it; unproven.
        attempts: How often it was tried.
        reason: What became of the last attempt: function, HTTP status and outcome, or that it was not reached.
        headers: As it came; what the broker and event delivery added is left out.
        metadata: What it claims of itself; None for an acknowledgement, and for what has no such form.
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
        mailbox: Of the platform's group, which may look; of the broker's administrator, who may put back, too.
    """

    def __init__(self, mailbox: Mailbox):
        self._mailbox = mailbox

    def count(self) -> int:
        """How many there are; StoreAway if the broker is away."""

        async def ask(stream: JetStreamContext) -> int:
            return int((await stream.stream_info(_STREAM)).state.messages)

        return self._mailbox.ask(ask)

    def each(self, after: int = 0, type: str | None = None) -> Iterator[DeadLetter]:
        """One after the other, each asked for when it is wanted.

        Args:
            after: Sequence of the last one that is known.
            type: Message type; None for any.

        Raises:
            MessageRefused: `malformed`: no message type has such a name.
            StoreAway: The broker is away.
        """
        wanted = dead_filter(type)
        while (found := self._get(after + 1, wanted)) is not None:
            yield _read(found)
            after = int(found.seq or 0)

    def find(self, sequence: int) -> DeadLetter | None:
        """The one with this sequence; None if there is none (any more)."""
        found = self._get(sequence)
        return _read(found) if found else None

    def redrive(self, sequence: int) -> bool:
        """Put one back into the queue it came from, with the headers it came with; False if there is none.

        It leaves the dead letters once the broker has stored it. After a crash in between it may be put back again:
        under the same id at the broker, which drops it for ten minutes, and the receiver drops it whenever it comes.

        Raises:
            StoreAway: It may be put back already; it is still here.
        """
        found = self._get(sequence)
        if found is None:
            return False
        headers = {**_original(found), _ID: f"redriven-{sequence}-{_headers(found).get(_ID, '')}"}

        async def put_back(stream: JetStreamContext) -> None:
            await stream.publish(revived_subject(str(found.subject)), found.data or b"", headers=headers)

        self._mailbox.ask(put_back)
        self._mailbox.ask(lambda stream: _delete(stream, sequence))
        return True

    def _get(self, sequence: int, next_of: str | None = None) -> RawStreamMsg | None:
        """This one, or the first from it on that has such a subject."""

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
        # Somebody else has put it back meanwhile, under the same id.
        if await _is_there(stream, sequence):
            raise


async def _is_there(stream: JetStreamContext, sequence: int) -> bool:
    from nats.js.errors import NotFoundError

    try:
        await stream.get_msg(_STREAM, seq=sequence)
    except NotFoundError:
        return False
    return True


def _read(found: RawStreamMsg) -> DeadLetter:
    way, headers = parse_subject(str(found.subject)), _headers(found)
    attempts = headers.get(ATTEMPTS_HEADER, "")
    assert found.time is not None
    return DeadLetter(
        sequence=int(found.seq or 0),
        died_at=found.time,
        group=way.group,
        type=way.type,
        sender=way.sender,
        receiver=way.receiver,
        message_id=headers.get("ce-id", ""),
        attempts=int(attempts) if attempts.isdecimal() else None,
        reason=headers.get(REASON_HEADER, _NOT_NOTED),
        headers=_original(found),
        metadata=_metadata(found.data or b""),
    )


def _headers(found: RawStreamMsg) -> dict[str, str]:
    return dict(found.headers or {})


def _original(found: RawStreamMsg) -> dict[str, str]:
    """Headers of the message, without those of the broker and of event delivery."""
    return {name: value for name, value in _headers(found).items() if not name.startswith(("Nats-", "Tps-"))}


def _metadata(data: bytes) -> Metadata | None:
    try:
        return peek_metadata(Envelope.from_bytes(data))
    except MessageRefused:
        return None
