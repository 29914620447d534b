"""Sender and receiver both follow the receiver's paths, by the same table of cases as the rule (F1, NF3)."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import pytest

from tests.endpoint.net import Net, at
from tests.endpoint.test_sending import put, row_of
from tests.mades import builders
from tests.mades.path_cases import CASES
from tests.support.servers import OPERATOR, RIVAL
from tps.endpoint import components
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.receiving import open_message
from tps.endpoint.sending import dispatch
from tps.errors import MessageRefused
from tps.host.services import utc_now
from tps.mades.paths import MessagePath

BY_PATH = {"unknown_receiver", "no_path"}
# The cases know an operator as the receiver, the platform and a stranger. Here the stranger is another operator.
SENDERS = {builders.PLATFORM: builders.PLATFORM, builders.STRANGER: RIVAL}


def moved(path: MessagePath, now: datetime) -> MessagePath:
    """Return the paths with their times moved from the time of the cases to now."""
    valid_to = path.valid_to and path.valid_to - builders.NOW + now
    return dataclasses.replace(path, valid_from=path.valid_from - builders.NOW + now, valid_to=valid_to)


@contextmanager
def with_paths(endpoint: Endpoint, paths: Sequence[MessagePath]) -> Iterator[None]:
    """Write these paths of the operator into the group's copy."""
    now = endpoint.clock()
    with endpoint.database.transaction() as tx:
        before = components.entry_of(tx, OPERATOR)
        assert before is not None
        components.put_entry(
            tx, dataclasses.replace(before.entry, paths=tuple(moved(path, now) for path in paths)), now
        )
    endpoint.keyring.entries.clear()
    try:
        yield
    finally:
        with endpoint.database.transaction() as tx:
            components.put_entry(tx, before.entry, before.synchronised_at)
        endpoint.keyring.entries.clear()


def expected_of(expected: MessagePath | str) -> str | None:
    return expected if isinstance(expected, str) else None


@pytest.mark.parametrize(("paths", "sender", "message_type", "expected"), CASES)
def test_a_sender_goes_by_the_receivers_paths(net: Net, paths, sender, message_type, expected) -> None:
    code = SENDERS[sender]
    endpoint = at(net.endpoint_of(code), utc_now())
    with with_paths(endpoint, paths):
        message_id = put(endpoint, sender=code, receiver=OPERATOR, type=message_type)
        dispatch(endpoint, code, [message_id])

    errors = row_of(endpoint, message_id, code).answer.get("errors", [])
    assert next((each["code"] for each in errors if each["code"] in BY_PATH), None) == expected_of(expected)


@pytest.mark.parametrize(("paths", "sender", "message_type", "expected"), CASES)
def test_a_receiver_goes_by_its_own_paths(net: Net, paths, sender, message_type, expected) -> None:
    now = utc_now()
    endpoint = at(net.operators, now)
    message = net.message(b"<x/>", sender=SENDERS[sender], receiver=OPERATOR, type=message_type, sent_at=now)
    arrival, found = net.arrival(message), None
    with with_paths(endpoint, paths):
        try:
            open_message(endpoint, arrival)
        except MessageRefused as error:
            found = error.code

    assert (found if found in BY_PATH else None) == expected_of(expected)
