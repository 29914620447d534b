"""Owed messages, and orphans: handled messages that the broker kept after a kill.

The broker deletes a message from the stream MADES when its consumer acknowledges the message. After `kill -9`, the
broker may keep the acknowledgement and lose the deletion. Then the message stays until it is 14 days old, and no
consumer delivers it again. So only the consumers know how many messages are owed; the size of the stream does not.

Only the administrator of the broker may delete messages from the stream. No group has this permission.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tps.errors import StoreAway
from tps.stores.mailbox import Mailbox

if TYPE_CHECKING:
    from nats.js import JetStreamContext
    from nats.js.api import ConsumerInfo

_STREAM = "MADES"
_AT_ONCE = 1000
_EVERY_S = 60.0


async def consumer_infos(stream: JetStreamContext) -> list[ConsumerInfo]:
    """Return the state of every consumer. The broker lists at most 256 per request."""
    infos: list[ConsumerInfo] = []
    while page := await stream.consumers_info(_STREAM, offset=len(infos)):
        infos += page
    return infos


def owed_by(info: ConsumerInfo) -> int:
    """Return the number of messages that a consumer has not delivered or whose acknowledgement is missing."""
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def count_owed(stream: JetStreamContext) -> int:
    """Return the number of messages that no function has handled yet."""
    return sum(map(owed_by, await consumer_infos(stream)))


async def sweep_orphans(stream: JetStreamContext, at_most: int = _AT_ONCE) -> int:
    """Delete orphans and return their number.

    A message is an orphan if two conditions hold. The consumer of its subject has acknowledged everything up to the
    message, and waits for no acknowledgement. The next sweep looks again at a consumer that is in use. Messages without
    a consumer stay.
    """
    swept = 0
    for info in await consumer_infos(stream):
        while swept < at_most and (sequence := await _first_orphan(stream, info)) is not None:
            # A consumer that was created again in the meantime owes every message in its queue.
            latest = await stream.consumer_info(_STREAM, info.name)
            if latest.created != info.created or not _has_acknowledged(latest, sequence):
                break
            swept += await _delete(stream, sequence)
    return swept


async def _first_orphan(stream: JetStreamContext, info: ConsumerInfo) -> int | None:
    """Return the sequence of the first message in the consumer's queue, if the consumer has acknowledged it."""
    from nats.js.errors import NotFoundError

    if not info.config.filter_subject or not _has_acknowledged(info, 1):
        return None
    try:
        message = await stream.get_msg(_STREAM, seq=1, subject=info.config.filter_subject, next=True)
    except NotFoundError:
        return None
    return message.seq if message.seq and _has_acknowledged(info, message.seq) else None


def _has_acknowledged(info: ConsumerInfo, sequence: int) -> bool:
    floor = info.ack_floor.stream_seq if info.ack_floor else 0
    return info.num_ack_pending == 0 and floor >= sequence


async def _delete(stream: JetStreamContext, sequence: int) -> bool:
    from nats.js.errors import APIError

    try:
        return await stream.delete_msg(_STREAM, sequence)
    except APIError:  # The broker has already deleted the message.
        return False


@contextmanager
def sweeping(administrator: tuple[str, str, str], say: Callable[[str], None]) -> Iterator[None]:
    """Sweep every minute during the block, because the broker may be killed and restarted at any time.

    Args:
        administrator: Address of the broker, user and password of its administrator.
        say: Receives a text with the number of deleted orphans.
    """
    is_done = threading.Event()
    thread = threading.Thread(target=_keep_sweeping, args=[administrator, say, is_done], name="sweeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def _keep_sweeping(administrator: tuple[str, str, str], say: Callable[[str], None], is_done: threading.Event) -> None:
    mailbox = Mailbox(*administrator, "administrator")
    while not is_done.wait(_EVERY_S):
        try:
            swept = mailbox.ask(sweep_orphans)
        except StoreAway:
            continue
        if swept:
            say(f"deleted {swept} handled messages that the broker kept after a kill")
    mailbox.close()
