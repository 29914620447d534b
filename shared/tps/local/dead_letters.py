"""`./tps dead-letters`: lists undelivered messages with their reasons for the platform operator, and redrives them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tps.errors import NotFound
from tps.local.data_folder import data_option, opened_stack

if TYPE_CHECKING:
    from tps.endpoint.dead_letters import DeadLetter, DeadLetters
    from tps.endpoint.failures import FailedMessage
    from tps.local.embedded.stack import LocalStack

_TYPE = click.option("--type", "type_", metavar="TYPE", help="Only this message type.")
_JSON = click.option("--json", "is_json", is_flag=True, help="Print JSON.")
_PAGE = 200
_IDS_ELSEWHERE = 20


@dataclass(frozen=True, slots=True)
class Undelivered:
    """One line of the list; `id` identifies it for `show`, `redrive` and `--after`.

    Attributes:
        id: Sequence of a dead letter, or message id of a failed message.
        kind: `dead`: delivery was given up, and the message can be redriven. `failed`: the state FAILED is final.
        attempts: Delivery attempts of a dead letter.
        is_proven: False if sender and type are not verified.
    """

    id: str
    kind: str
    at: str
    type: str
    sender: str
    receiver: str
    message_id: str
    reason: str
    attempts: int | None = None
    is_proven: bool = True


@click.group("dead-letters")
def dead_letters() -> None:
    """List and redrive undelivered messages.

    Event delivery gave up dead letters. Failed messages are listed only.
    """


@dead_letters.command("list")
@_TYPE
@click.option("--limit", type=click.IntRange(min=1), help="Maximum number of entries; by default all.")
@click.option("--after", metavar="ID", help="Continue after this entry.")
@_JSON
@data_option
def list_(*, type_: str | None, limit: int | None, after: str | None, is_json: bool, data: Path) -> None:
    """List dead letters, then the failed messages of the platform, oldest first."""
    with opened_stack(data) as stack, _reading(stack) as letters:
        entries = list(islice(_undelivered(stack, letters, type_, after), None if limit is None else limit + 1))
        elsewhere = _failed_elsewhere(stack)
    next_ = entries[limit - 1].id if limit is not None and len(entries) > limit else None
    shown = entries[:limit]
    if is_json:
        body = {"undelivered": [asdict(entry) for entry in shown], "next": next_, "failed_elsewhere": elsewhere}
        click.echo(json.dumps(body, indent=1))
        return
    for line in _lines(shown):
        click.echo(line)
    if next_:
        click.echo(f"more: --after {next_}", err=True)
    for group, failed in elsewhere.items():
        ids = ", ".join(failed["message_ids"])
        click.echo(f"group {group}: {failed['count']} failed messages, the first: {ids}", err=True)


@dead_letters.command()
@click.argument("sequence", type=click.IntRange(min=1))
@data_option
def show(sequence: int, data: Path) -> None:
    """Print headers and metadata of a dead letter. Only its receiver can read its content."""
    with opened_stack(data) as stack, _reading(stack) as letters:
        letter = letters.find(sequence)
    if letter is None:
        raise _unknown(sequence)
    entry = asdict(_dead(letter)) | {
        "group": letter.group,
        "headers": dict(letter.headers),
        "metadata": _metadata(letter),
    }
    click.echo(json.dumps(entry, indent=1))


@dead_letters.command()
@click.argument("sequences", type=click.IntRange(min=1), nargs=-1, metavar="[SEQUENCE]...")
@click.option("--all", "is_all", is_flag=True, help="All dead letters; with --type, all of that type.")
@_TYPE
@data_option
def redrive(*, sequences: tuple[int, ...], is_all: bool, type_: str | None, data: Path) -> None:
    """Put dead letters back into their queues with their original headers. Prints the number."""
    if bool(sequences) == (is_all or type_ is not None):
        raise click.UsageError("give sequences of dead letters, or --all, or --type TYPE")
    with opened_stack(data) as stack, _reading(stack) as letters:
        # List first, so that a message that becomes a dead letter again is not redriven twice.
        chosen = sequences or tuple(letter.sequence for letter in letters.iterate(type=type_))
        missing = [sequence for sequence in chosen if not letters.redrive(sequence)]
    click.echo(len(chosen) - len(missing))
    if sequences and missing:
        raise _unknown(*missing)


def _undelivered(
    stack: LocalStack, letters: DeadLetters, type_: str | None, after: str | None
) -> Iterator[Undelivered]:
    """Yield dead letters, then failed messages; `after` is an id of either."""
    last_message = after if after and not _is_sequence(after) else None
    if last_message is None:
        yield from map(_dead, letters.iterate(int(after or 0), type_))
    yield from (_failed(message) for message in _failed_messages(stack, last_message) if type_ in (None, message.type))


def _is_sequence(text: str) -> bool:
    """Return True for a sequence, which is shorter than a message id (32 characters)."""
    return text.isdecimal() and len(text) < 20


def _failed_messages(stack: LocalStack, after: str | None) -> Iterator[FailedMessage]:
    from tps.endpoint.failures import failed_messages
    from tps.stores.database import one_transaction

    with one_transaction(stack.database_url("tps")) as tx:
        while page := failed_messages(tx, after=after, limit=_PAGE):
            yield from page
            after = page[-1].message_id


def _failed_elsewhere(stack: LocalStack) -> dict[str, Any]:
    """Return the number of failed messages, and the first ids, for each other group with a database here."""
    from tps.endpoint.failures import count_failed, failed_messages
    from tps.stores.database import one_transaction

    failed_by_group = {}
    for group in stack.groups:
        if group.partition("-")[0] not in ("agr", "dso"):
            continue
        with one_transaction(stack.database_url(group)) as tx:
            ids = [message.message_id for message in failed_messages(tx, limit=_IDS_ELSEWHERE)]
            if ids:
                failed_by_group[group] = {"count": count_failed(tx), "message_ids": ids}
    return failed_by_group


def _dead(letter: DeadLetter) -> Undelivered:
    return Undelivered(
        id=str(letter.sequence),
        kind="dead",
        at=letter.died_at.isoformat(),
        type=letter.type,
        sender=letter.sender,
        receiver=letter.receiver,
        message_id=letter.message_id,
        reason=letter.reason,
        attempts=letter.attempts,
    )


def _failed(message: FailedMessage) -> Undelivered:
    return Undelivered(
        id=message.message_id,
        kind="failed",
        at=message.failed_at.isoformat(),
        type=message.type,
        sender=message.sender,
        receiver=message.receiver,
        message_id=message.message_id,
        reason=message.reason,
        is_proven=message.is_proven,
    )


def _metadata(letter: DeadLetter) -> dict[str, Any] | None:
    if letter.metadata is None:
        return None
    fields = {name: getattr(letter.metadata, name) for name in letter.metadata.__dataclass_fields__}
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in fields.items()}


def _lines(entries: Iterable[Undelivered]) -> Iterator[str]:
    for entry in entries:
        attempts = f", {entry.attempts} attempts" if entry.attempts else ""
        claimed = "" if entry.is_proven else " (not verified)"
        route = f"{entry.type} {entry.sender} -> {entry.receiver}{claimed}"
        yield f"{entry.kind:6} {entry.id:>32}  {entry.at}  {route}  {entry.reason}{attempts}"


def _unknown(*sequences: int) -> NotFound:
    return NotFound(f"unknown dead letter {', '.join(map(str, sequences))}")


@contextmanager
def _reading(stack: LocalStack) -> Iterator[DeadLetters]:
    from tps.endpoint.dead_letters import DeadLetters
    from tps.stores.mailbox import Mailbox

    url, user, password = stack.nats_admin
    mailbox = Mailbox(url, user, password, "administrator")
    try:
        yield DeadLetters(mailbox)
    finally:
        mailbox.close()
