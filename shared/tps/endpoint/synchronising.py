"""Keeping the group's copy of the Component Directory up: on a tick, each own component looks when it is its turn.

What came is believed whole or not at all: one certificate that the platform's authority did not issue, or that is
another component's, and the copy stays as it was, and ages. Until its time to live is over, traffic goes on by it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from tps.endpoint import directory_copy
from tps.endpoint.directory_client import LONGEST_CALL_S
from tps.endpoint.directory_copy import Pull, Seen
from tps.endpoint.endpoint import Endpoint
from tps.errors import Malformed, StoreAway, TpsError
from tps.mades.assertion import make_assertion
from tps.mades.certificate import verify_certificate
from tps.mades.directory import ComponentEntry

if TYPE_CHECKING:
    from tps.stores.database import Transaction

_TURN = timedelta(seconds=LONGEST_CALL_S + 30)
_FIRST_DELAY = timedelta(seconds=5)
_SPREAD = 0.1
_log = structlog.get_logger()


def synchronise(endpoint: Endpoint) -> int:
    """Look at the directory for every own component whose turn it is; returns how many did.

    One process at a time does so for a component. If the directory is away, nobody tries again before a growing delay
    is over.

    Raises:
        StoreAway: The group's own database.
    """
    if endpoint.upkeep.directory is None:
        return 0
    looked = 0
    while (pull := _take_turn(endpoint)) is not None:
        if not _look(endpoint, pull):
            break
        looked += 1
    return looked


def _take_turn(endpoint: Endpoint) -> Pull | None:
    now = endpoint.clock()
    with endpoint.database.transaction() as tx:
        return directory_copy.take_turn(tx, now, now + _TURN)


def _look(endpoint: Endpoint, pull: Pull) -> bool:
    """Whether there is a directory to look at for the next one, too."""
    try:
        seen = _seen(endpoint, pull)
    except StoreAway as error:
        _put_off(endpoint, pull, error, directory_copy.put_off_all)
        return False
    except TpsError as error:
        _put_off(endpoint, pull, error, directory_copy.put_off)
        return True
    _write(endpoint, pull, seen)
    return True


def _seen(endpoint: Endpoint, pull: Pull) -> Seen:
    directory, now = endpoint.upkeep.directory, endpoint.clock()
    assert directory is not None
    with endpoint.database.transaction() as tx:
        key = endpoint.authentication_key(tx, pull.component)
    authority = endpoint.upkeep.authority()
    seen = directory.look(make_assertion(key, now), pull.content_id)
    if seen.entries is not None:
        check_entries(seen.entries, authority, now)
    return seen


def check_entries(entries: Sequence[ComponentEntry], authority: str, now: datetime) -> None:
    """Check that every certificate is its component's own, of the platform's authority; an expired one may be.

    Raises:
        MessageRefused: `certificate_untrusted`, or `certificate_unknown`: another component's.
        Malformed: A component stands there twice.
    """
    if len({entry.code for entry in entries}) < len(entries):
        raise Malformed("a component stands twice in the directory's answer")
    for entry in entries:
        for certificate in entry.certificates:
            at = min(now, certificate.valid_to)
            verify_certificate(certificate, authority, at, component=entry.code)


def _write(endpoint: Endpoint, pull: Pull, seen: Seen) -> None:
    now, every_s = endpoint.clock(), endpoint.upkeep.sync_every.total_seconds()
    # Apart from each other, so that the directory is not asked by all at once.
    next_at = now + timedelta(seconds=every_s * random.uniform(1 - _SPREAD, 1))
    with endpoint.database.transaction() as tx:
        is_written = directory_copy.write_copy(tx, pull, seen, now=now, next_at=next_at)
    endpoint.keyring.entries.clear()
    if is_written and seen.entries is not None:
        _log.info("directory synchronised", component=pull.component, entries=len(seen.entries))


PutOff = Callable[["Transaction", Pull, datetime], None]


def _put_off(endpoint: Endpoint, pull: Pull, error: TpsError, put_off: PutOff) -> None:
    wait = delay(pull.failures, endpoint.upkeep.sync_every)
    _log.warning("directory not synchronised", component=pull.component, why=error.detail, next_in_s=wait.seconds)
    with endpoint.database.transaction() as tx:
        put_off(tx, pull, endpoint.clock() + wait)


def delay(failures: int, longest: timedelta) -> timedelta:
    """How long to wait after one more failure: doubling, up to `longest`."""
    return min(_FIRST_DELAY * 2.0 ** min(failures, 20), longest)
