"""The number of attempts to handle a message, kept at the broker.

The broker counts deliveries, and some deliveries never reach the function. So event delivery counts the attempts
itself. The last entry for a message in the stream ATTEMPTS is the number. The number survives restarts of event
delivery and of the broker. All event delivery processes of a group share it. The entry is written before the broker
is told to deliver the message again: a crash in between repeats the delivery and loses no attempt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tps.mades.subjects import attempts_subject, parse_subject

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

STREAM = "ATTEMPTS"


async def attempts_so_far(stream: JetStreamContext, message: Msg) -> int:
    """Return the number of failed attempts to handle this message."""
    from nats.js.errors import NotFoundError

    if message.metadata.num_delivered <= 1:
        return 0
    try:
        entry = await stream.get_msg(STREAM, subject=_subject(message), direct=True)
    except NotFoundError:
        return 0
    return int(entry.data or b"0")


async def count_attempt(stream: JetStreamContext, message: Msg) -> int:
    """Count one more failed attempt and return the new number."""
    attempts = await attempts_so_far(stream, message) + 1
    await stream.publish(_subject(message), str(attempts).encode())
    return attempts


def _subject(message: Msg) -> str:
    path = parse_subject(message.subject)
    return attempts_subject(path.group, path.type, message.metadata.sequence.stream)
