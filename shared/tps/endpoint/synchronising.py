"""Synchronisation of the group's copy of the Component Directory. On each tick, the components that are due pull.

An answer is accepted as a whole or not at all. One certificate that the platform's authority did not issue, or that
belongs to another component, rejects the answer. Then the copy stays and ages. Traffic continues until its time to live
ends.

Source: docs/mades.md, "Copies of the directory".
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
    """Pull from the directory for every own component that is due. Return the number of pulls.

    One process at a time pulls for a component. If the directory is unavailable, all wait for a growing delay.

    Raises:
        StoreAway: The group's own database is unavailable.
    """
    if endpoint.upkeep.directory is None:
        return 0
    pulls = 0
    while (pull := _take_turn(endpoint)) is not None:
        if not _look(endpoint, pull):
            break
        pulls += 1
    return pulls


def _take_turn(endpoint: Endpoint) -> Pull | None:
    now = endpoint.clock()
    with endpoint.database.transaction() as tx:
        return directory_copy.take_turn(tx, now, now + _TURN)


def _look(endpoint: Endpoint, pull: Pull) -> bool:
    """Pull for one component. Return False if the directory is unavailable."""
    try:
        seen = _seen(endpoint, pull)
    except StoreAway as error:
        _postpone(endpoint, pull, error, directory_copy.postpone_all)
        return False
    except TpsError as error:
        _postpone(endpoint, pull, error, directory_copy.postpone)
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
    """Check that the platform's authority issued every certificate, each for its component. Expired ones are allowed.

    Raises:
        MessageRefused: `certificate_untrusted`: another authority issued it. `certificate_unknown`: it belongs to
            another component.
        Malformed: A component occurs twice.
    """
    if len({entry.code for entry in entries}) < len(entries):
        raise Malformed("the directory's answer has a component twice")
    for entry in entries:
        for certificate in entry.certificates:
            at = min(now, certificate.valid_to)
            verify_certificate(certificate, authority, at, component=entry.code)


def _write(endpoint: Endpoint, pull: Pull, seen: Seen) -> None:
    now, every_s = endpoint.clock(), endpoint.upkeep.sync_every.total_seconds()
    # Spread the pulls, so that the components do not all call the directory at once.
    next_at = now + timedelta(seconds=every_s * random.uniform(1 - _SPREAD, 1))
    with endpoint.database.transaction() as tx:
        is_written = directory_copy.write_copy(tx, pull, seen, now=now, next_at=next_at)
    endpoint.keyring.entries.clear()
    if is_written and seen.entries is not None:
        _log.info("directory synchronised", component=pull.component, entries=len(seen.entries))


Postpone = Callable[["Transaction", Pull, datetime], None]


def _postpone(endpoint: Endpoint, pull: Pull, error: TpsError, postpone: Postpone) -> None:
    retry_in = delay(pull.failures, endpoint.upkeep.sync_every)
    _log.warning("directory not synchronised", component=pull.component, why=error.detail, next_in_s=retry_in.seconds)
    with endpoint.database.transaction() as tx:
        postpone(tx, pull, endpoint.clock() + retry_in)


def delay(failures: int, longest: timedelta) -> timedelta:
    """Return the wait after one more failure. It doubles with each failure, up to `longest`."""
    return min(_FIRST_DELAY * 2.0 ** min(failures, 20), longest)
