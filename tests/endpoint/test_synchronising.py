"""Each group's copy follows the Component Directory, accepts only its authority, and ages (F1)."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.endpoint.net import Net, registration
from tests.endpoint.test_receiving import refused
from tests.endpoint.test_receiving import row_of as received_row
from tests.endpoint.test_sending import put, row_of, states
from tests.endpoint.upkeeping import Kept, copied, keeping, rows
from tests.support.servers import GRID, OPERATOR, PLATFORM, RIVAL, at_once
from tps.endpoint import components
from tps.endpoint.acknowledging import send_owed
from tps.endpoint.components import OwnComponent
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.owed import owe
from tps.endpoint.sending import dispatch
from tps.endpoint.synchronising import delay, synchronise
from tps.errors import MessageRefused
from tps.host.services import utc_now
from tps.mades.certificates import CertificateUse, create_authority, create_component
from tps.mades.directory import ComponentEntry
from tps.mades.message import AcknowledgementKind
from tps.mades.paths import MessagePath

DAY = timedelta(days=1)
SYNC = timedelta(seconds=300)


@pytest.fixture
def kept(net: Net) -> Iterator[Kept]:
    with keeping(net) as kept:
        yield kept


def newcomer(kept: Kept, code: str = "5790000000074") -> ComponentEntry:
    component = create_component(kept.directory.authority, code, "Newcomer", now=utc_now())
    path = MessagePath(code, frozenset({PLATFORM}), "*", utc_now())
    return ComponentEntry(code, "Newcomer", "endpoint", "agr", code, component.certificates, (path,))


def synchronised_at(endpoint: Endpoint, code: str) -> Any:
    found = copied(endpoint, code)
    return found and found.synchronised_at


def test_the_copy_becomes_what_each_own_component_sees(kept: Kept) -> None:
    operators = kept.endpoint("agr")
    changed = kept.change(PLATFORM, organisation="Renamed")

    assert synchronise(operators) == 2

    found = copied(operators, PLATFORM)
    assert found is not None
    assert (found.entry, found.synchronised_at) == (changed, kept.now)
    assert kept.directory.looks == [(OPERATOR, None), (RIVAL, None)]


def test_who_came_later_is_there_and_who_is_gone_is_not(kept: Kept) -> None:
    platform, new = kept.endpoint("tps"), newcomer(kept)
    kept.directory.views[PLATFORM].append(new)
    synchronise(platform)
    came = copied(platform, new.code)

    kept.directory.views[PLATFORM].remove(new)
    kept.directory.content_id += 1
    kept.now += SYNC
    synchronise(platform)

    assert came is not None
    assert copied(platform, new.code) is None
    assert copied(platform, OPERATOR) is not None


def test_what_another_component_of_the_group_still_sees_stays(kept: Kept) -> None:
    operators = kept.endpoint("agr")
    synchronise(operators)

    kept.directory.views[OPERATOR].remove(kept.entry(PLATFORM))
    kept.directory.content_id += 1
    kept.now += SYNC
    synchronise(operators)

    assert copied(operators, PLATFORM) is not None


def test_what_did_not_change_is_not_sent_again_but_confirmed(kept: Kept) -> None:
    grids = kept.endpoint("dso")
    synchronise(grids)

    kept.now += SYNC
    synchronise(grids)

    assert kept.directory.looks == [(GRID, None), (GRID, 1)]
    assert {synchronised_at(grids, code) for code in (GRID, PLATFORM)} == {kept.now}


def test_nobody_looks_again_before_it_is_time(kept: Kept) -> None:
    grids = kept.endpoint("dso")
    synchronise(grids)

    kept.now += SYNC * 0.89

    assert synchronise(grids) == 0


def test_of_many_processes_one_looks_for_each_component(kept: Kept) -> None:
    processes = [kept.endpoint("agr") for _ in range(4)]

    at_once(*[lambda each=each: synchronise(each) for each in processes])

    assert sorted(kept.directory.looks) == [(OPERATOR, None), (RIVAL, None)]


def test_a_component_that_came_to_the_group_is_looked_after(kept: Kept) -> None:
    operators = kept.endpoint("agr")
    with operators.database.transaction() as tx:
        components.add_component(tx, OwnComponent("5790000000074", "5790000000074", "agr", "Newcomer"), [])
    try:
        synchronise(operators)
        turns = rows(operators, "SELECT component FROM directory_pull ORDER BY 1")
    finally:
        rows(operators, "DELETE FROM component WHERE code = '5790000000074' RETURNING code")

    assert [row["component"] for row in turns] == [OPERATOR, RIVAL, "5790000000074"]


def test_a_directory_that_is_away_is_asked_ever_less_and_traffic_goes_on(kept: Kept, net: Net) -> None:
    operators = kept.endpoint("agr")
    kept.directory.status = 503
    waits = []
    for _ in range(8):
        synchronise(operators)
        (row,) = rows(operators, "SELECT min(due_at) AS at FROM directory_pull")
        waits.append((row["at"] - kept.now).total_seconds())
        kept.now = row["at"]
    message_id = put(operators)
    dispatch(operators, OPERATOR, [message_id])

    assert waits[0] == 5
    assert waits == sorted(waits)
    assert waits[-1] <= SYNC.total_seconds()
    assert len(kept.directory.looks) == 8
    assert row_of(operators, message_id).state == "DELIVERING"


def test_no_delay_is_longer_than_from_one_time_to_the_next() -> None:
    assert [delay(n, SYNC).total_seconds() for n in (0, 1, 2, 5, 6, 1000)] == [5, 10, 20, 160, 300, 300]


def test_a_directory_that_is_not_there_at_all_stops_nothing(kept: Kept) -> None:
    operators = kept.endpoint("agr")
    kept.directory.url = "http://127.0.0.1:1"
    away = kept.endpoint("agr")

    assert synchronise(away) == 0

    kept.now += timedelta(seconds=5)
    assert synchronise(operators) == 2


def test_one_component_that_the_directory_refuses_does_not_keep_the_others(kept: Kept) -> None:
    operators = kept.endpoint("agr")
    kept.directory.refused = {OPERATOR}
    kept.change(PLATFORM, organisation="Renamed")

    synchronise(operators)

    found = copied(operators, PLATFORM)
    assert found is not None
    assert found.entry.organisation == "Renamed"
    assert rows(operators, "SELECT failures FROM directory_pull WHERE component = %s", OPERATOR) == [{"failures": 1}]


def spoilt_by_authority(kept: Kept) -> ComponentEntry:
    impostor = create_component(create_authority("Another", utc_now()), OPERATOR, "Alpha", now=utc_now())
    return dataclasses.replace(kept.entry(OPERATOR), certificates=impostor.certificates)


def spoilt_by_anothers_certificate(kept: Kept) -> ComponentEntry:
    return dataclasses.replace(kept.entry(OPERATOR), certificates=kept.entry(RIVAL).certificates)


def spoilt_by_standing_twice(kept: Kept) -> ComponentEntry:
    return dataclasses.replace(kept.entry(OPERATOR), code=GRID, certificates=())


@pytest.mark.parametrize("spoil", [spoilt_by_authority, spoilt_by_anothers_certificate, spoilt_by_standing_twice])
def test_an_answer_that_cannot_be_true_is_not_believed_in_any_part(kept: Kept, spoil) -> None:
    platform, spoilt = kept.endpoint("tps"), spoil(kept)
    before = {code: copied(platform, code) for code in (PLATFORM, OPERATOR, RIVAL, GRID)}
    view = kept.directory.views[PLATFORM]
    view[:] = [spoilt if each.code == OPERATOR else dataclasses.replace(each, organisation="X") for each in view]

    synchronise(platform)

    assert {code: copied(platform, code) for code in before} == before


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"components": []},
        {"metadata": {"content_id": "1", "ttl_s": 1}, "components": []},
        {"metadata": {"content_id": 1, "ttl_s": 0}, "components": []},
        {"metadata": {"content_id": 1, "ttl_s": 1}},
        {"metadata": {"content_id": 1, "ttl_s": 1}, "components": [{"code": "A"}]},
        {"metadata": {"content_id": 1, "ttl_s": 1}, "components": None},
    ],
    ids=str,
)
def test_an_answer_of_another_form_changes_nothing(kept: Kept, monkeypatch: Any, answer: Any) -> None:
    grids = kept.endpoint("dso")
    before = copied(grids, PLATFORM)
    monkeypatch.setattr(kept.directory, "_listing", lambda *_: answer)

    synchronise(grids)

    assert copied(grids, PLATFORM) == before
    assert rows(grids, "SELECT failures FROM directory_pull") == [{"failures": 1}]


def test_an_expired_certificate_in_an_entry_is_no_reason_to_refuse_it(kept: Kept) -> None:
    grids = kept.endpoint("dso")
    old = create_component(kept.directory.authority, PLATFORM, "TPS", now=kept.now, valid_for=DAY)
    kept.now += 2 * DAY
    changed = kept.change(PLATFORM, certificates=kept.entry(PLATFORM).certificates + old.certificates)

    synchronise(grids)

    found = copied(grids, PLATFORM)
    assert found is not None
    assert found.entry == changed


def test_what_the_directory_wrote_itself_meanwhile_is_not_undone(kept: Kept) -> None:
    grids = kept.endpoint("dso")
    synchronise(grids)
    newer = dataclasses.replace(kept.entry(PLATFORM), organisation="Newer")

    def written_meanwhile() -> None:
        with grids.database.transaction() as tx:
            components.put_entry(tx, newer, kept.now)

    kept.directory.meanwhile = written_meanwhile
    kept.change(PLATFORM, organisation="Older")
    kept.now += SYNC
    synchronise(grids)
    found = copied(grids, PLATFORM)
    kept.directory.meanwhile = lambda: None
    kept.change(PLATFORM, organisation="Newer")
    kept.now += timedelta(seconds=5)
    looked_again = synchronise(grids)

    assert found is not None
    assert found.entry.organisation == "Newer"
    assert looked_again == 1


def test_with_a_stale_copy_nothing_is_sent_until_it_is_synchronised(kept: Kept) -> None:
    operators = kept.endpoint("agr")
    synchronise(operators)
    kept.now += 28 * DAY
    last = put(operators)
    dispatch(operators, OPERATOR, [last])
    kept.now += timedelta(seconds=1)
    operators.keyring.entries.clear()
    stale = put(operators)
    dispatch(operators, OPERATOR, [stale])
    synchronise(operators)
    fresh = put(operators)
    dispatch(operators, OPERATOR, [fresh])

    assert [row_of(operators, each).state for each in (last, stale, fresh)] == [
        "DELIVERING",
        "FAILED",
        "DELIVERING",
    ]
    assert row_of(operators, stale).answer == {
        "errors": [{"code": "directory_stale", "detail": "The copy of the directory is too old."}]
    }


def test_the_directorys_own_time_to_live_is_the_one_that_counts(kept: Kept) -> None:
    operators = kept.endpoint("agr", ttl=DAY)
    kept.directory.ttl_s = 3600
    synchronise(operators)
    kept.now += timedelta(seconds=3601)

    message_id = put(operators)
    dispatch(operators, OPERATOR, [message_id])

    assert states(operators, message_id)[-1] == "FAILED"


def test_with_a_stale_copy_nothing_is_taken_and_nobody_is_answered(kept: Kept, net: Net) -> None:
    platform = kept.endpoint("tps")
    synchronise(platform)
    message = net.message(registration())
    late = dataclasses.replace(message, sent_at=kept.now + 29 * DAY, expires_at=kept.now + 30 * DAY)
    kept.now += 29 * DAY

    error = refused(platform, net.arrival(late))

    row = received_row(platform, late)
    assert error.code == "directory_stale"
    assert row is not None
    assert (row.state, row.is_proven) == ("FAILED", False)
    assert rows(platform, "SELECT kind FROM owed_acknowledgement WHERE message_id = %s", late.message_id) == []


def test_acknowledgements_wait_for_a_copy_that_is_not_stale(kept: Kept, net: Net) -> None:
    platform, message = kept.endpoint("tps"), net.message(registration())
    with platform.database.transaction() as tx:
        owe(
            tx,
            component=PLATFORM,
            peer=OPERATOR,
            message_ids=[message.message_id],
            kind=AcknowledgementKind.DELIVERY,
            at=kept.now,
        )
    kept.now += 29 * DAY
    while_stale = send_owed(platform, only=message.message_id)
    synchronise(platform)

    assert (while_stale, send_owed(platform, only=message.message_id)) == (0, 1)


def revoke(kept: Kept, code: str, use: CertificateUse | None = None) -> None:
    """Revoke as the directory does: list the revoked certificates only by id."""
    entry = kept.entry(code)
    ids = {each.certificate_id for each in entry.certificates if use in (None, each.use)}
    left = tuple(each for each in entry.certificates if each.certificate_id not in ids)
    kept.change(code, certificates=left, revoked_certificates=frozenset(ids))


def test_what_a_revoked_certificate_signed_is_refused_even_if_it_was_before(kept: Kept, net: Net) -> None:
    platform, message = kept.endpoint("tps"), net.message(registration())
    arrival = net.arrival(message)
    revoke(kept, OPERATOR, CertificateUse.SIGNING)
    synchronise(platform)

    error = refused(platform, arrival)

    row = received_row(platform, message)
    assert error.code == "certificate_revoked"
    assert row is not None
    assert (row.state, row.is_proven) == ("FAILED", False)


def test_nothing_goes_to_a_component_whose_certificates_are_revoked(kept: Kept) -> None:
    platform = kept.endpoint("tps")
    revoke(kept, OPERATOR)
    synchronise(platform)

    message_id = put(platform, sender=PLATFORM, receiver=OPERATOR, type="TPS-LIMIT-FORESEEN")
    dispatch(platform, PLATFORM, [message_id])

    row = row_of(platform, message_id, PLATFORM)
    assert (row.state, [error["code"] for error in row.answer["errors"]]) == ("FAILED", ["certificate_revoked"])


def test_an_own_component_that_is_revoked_sends_nothing_and_the_others_of_its_group_do(kept: Kept) -> None:
    operators = kept.endpoint("agr")
    revoke(kept, OPERATOR)
    kept.directory.refused = {OPERATOR}
    with operators.database.transaction() as tx:
        components.put_entry(tx, kept.entry(OPERATOR), kept.now)

    revoked, other = put(operators), put(operators, sender=RIVAL)
    dispatch(operators, OPERATOR, [revoked])
    dispatch(operators, RIVAL, [other])

    answer = row_of(operators, revoked).answer
    assert [error["code"] for error in answer["errors"]] == ["certificate_revoked"]
    assert row_of(operators, other, RIVAL).state == "DELIVERING"
    with operators.database.transaction() as tx, pytest.raises(MessageRefused):
        operators.authentication_key(tx, OPERATOR)
