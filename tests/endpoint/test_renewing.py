"""Certificates are renewed before they end. No key is lost, and no component loses its connection (F1)."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.endpoint.net import Net
from tests.endpoint.upkeeping import Kept, keeping, rows
from tests.support.servers import OPERATOR, PLATFORM, RIVAL, at_once
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.receiving import open_message
from tps.endpoint.renewing import renew_due, renew_now
from tps.endpoint.synchronising import synchronise
from tps.errors import NotFound, StoreAway, Unavailable
from tps.mades.certificates import Certificate, CertificateUse, issue, load_certificate, load_public_key
from tps.mades.envelope import seal

DAY = timedelta(days=1)
RENEWED = timedelta(days=671)


@pytest.fixture
def kept(net: Net) -> Iterator[Kept]:
    with keeping(net) as kept:
        yield kept


@pytest.fixture
def due(kept: Kept) -> Kept:
    """The installation 59 days before the certificates end, with fresh copies."""
    kept.now += RENEWED
    for group in ("agr", "tps"):
        synchronise(kept.endpoint(group))
    return kept


def signing_id(endpoint: Endpoint, component: str = OPERATOR) -> str:
    with endpoint.database.transaction() as tx:
        return endpoint.signing_key(tx, component).certificate_id


def key_ids(endpoint: Endpoint, component: str = OPERATOR) -> set[str]:
    found = rows(endpoint, "SELECT certificate_id FROM component_key WHERE component = %s", component)
    return {row["certificate_id"] for row in found}


def waiting(endpoint: Endpoint) -> list[str]:
    return [row["component"] for row in rows(endpoint, "SELECT component FROM key_renewal ORDER BY 1")]


def listed(kept: Kept, *codes: str) -> None:
    """Add the issued certificates to the directory's entries."""
    for code in codes:
        issued = tuple(each for each in kept.directory.certificates if each.component == code)
        kept.change(code, certificates=kept.entry(code).certificates + issued)


def test_certificates_that_end_soon_are_renewed_for_all_three_uses(due: Kept) -> None:
    operators = due.endpoint("agr")
    before = key_ids(operators)

    assert renew_due(operators) == 2

    new = {each.certificate_id: each for each in due.directory.certificates if each.component == OPERATOR}
    assert key_ids(operators) == before | new.keys()
    assert {each.use for each in new.values()} == set(CertificateUse)
    assert waiting(operators) == []
    assert renew_due(operators) == 0


def test_those_that_hold_for_longer_are_left_alone(kept: Kept) -> None:
    kept.now += RENEWED - 2 * DAY

    assert renew_due(kept.endpoint("agr")) == 0
    assert kept.directory.asked == []


def test_private_keys_are_wrapped_and_sent_to_nobody(due: Kept) -> None:
    """DIR-04: private keys never leave the group."""
    operators = due.endpoint("agr")

    renew_due(operators)

    stored = rows(operators, "SELECT wrapped FROM component_key")
    assert not any(b"PRIVATE" in bytes(row["wrapped"]) for row in stored)
    assert not any(b"PRIVATE" in body for body in due.directory.asked)


def test_the_renewed_key_signs_once_every_copy_must_know_it(due: Kept) -> None:
    operators = due.endpoint("agr")
    old = signing_id(operators)
    renew_due(operators)
    at_once_, due.now = signing_id(operators), due.now + 28 * DAY
    (new,) = [
        each.certificate_id
        for each in due.directory.certificates
        if (each.component, each.use) == (OPERATOR, CertificateUse.SIGNING)
    ]

    assert (at_once_, signing_id(operators)) == (old, new)


def test_it_signs_at_once_if_no_older_one_holds(due: Kept) -> None:
    operators = due.endpoint("agr")
    old = signing_id(operators)
    renew_due(operators)
    listed(due, OPERATOR)
    due.change(OPERATOR, revoked_certificates=frozenset({old}))
    synchronise(operators)

    assert signing_id(operators) in {each.certificate_id for each in due.directory.certificates}


def test_what_was_encrypted_for_the_older_certificate_stays_readable(due: Kept, net: Net) -> None:
    operators, platform = due.endpoint("agr"), due.endpoint("tps")
    older, queued = due.entry(OPERATOR).certificate(CertificateUse.ENCRYPTION, due.now), b"<older/>"
    renew_due(operators)
    listed(due, OPERATOR, RIVAL)
    due.now += timedelta(minutes=5)
    synchronise(operators)
    synchronise(platform)
    with platform.database.transaction() as tx:
        entry = platform.entry(tx, OPERATOR)
    assert entry is not None
    newer = entry.certificate(CertificateUse.ENCRYPTION, due.now)

    read = [
        open_message(operators, net.arrival(message, seal(message, _signing(platform), certificate))).content
        for certificate, content in ((older, queued), (newer, b"<newer/>"))
        for message in [_limit(net, due, content)]
    ]

    assert older != newer
    assert read == [queued, b"<newer/>"]


def _limit(net: Net, kept: Kept, content: bytes) -> Any:
    return net.message(
        content,
        sender=PLATFORM,
        receiver=OPERATOR,
        type="TPS-LIMIT-FORESEEN",
        sent_at=kept.now,
        expires_at=kept.now + DAY,
    )


def _signing(endpoint: Endpoint) -> Any:
    with endpoint.database.transaction() as tx:
        return endpoint.signing_key(tx, PLATFORM)


def test_a_process_that_dies_before_it_kept_the_answer_loses_nothing(due: Kept) -> None:
    operators = due.endpoint("agr")

    class Dying:
        """A database whose transactions fail after certificates were issued."""

        @contextmanager
        def transaction(self) -> Iterator[Any]:
            if due.directory.asked:
                raise StoreAway("died")
            with operators.database.transaction() as tx:
                yield tx

    with pytest.raises(StoreAway):
        renew_due(dataclasses.replace(operators, database=Dying()))  # type: ignore[arg-type]
    before = key_ids(operators)
    due.now += timedelta(minutes=5)
    renewed = renew_due(operators)

    issued = {each.certificate_id for each in due.directory.certificates if each.component == OPERATOR}
    assert (renewed, len(issued)) == (2, 3)
    assert key_ids(operators) == before | issued


def test_of_many_processes_one_renews(due: Kept) -> None:
    processes = [due.endpoint("agr") for _ in range(4)]

    renewed = at_once(*[lambda each=each: renew_due(each) for each in processes])

    assert sum(renewed) == 2
    assert len(due.directory.asked) == 2


def test_a_directory_that_is_away_is_asked_again_for_the_same_keys_after_a_growing_delay(due: Kept) -> None:
    operators = due.endpoint("agr")
    due.directory.status = 503
    renew_due(operators)
    too_early = renew_due(operators)
    due.now += timedelta(seconds=5)
    renew_due(operators)
    due.now += timedelta(seconds=9)
    renew_due(operators)
    tried, due.directory.status = len(due.directory.asked), 200
    due.now += timedelta(seconds=1)

    assert (too_early, renew_due(operators), tried) == (0, 2, 4)
    assert len(set(due.directory.asked)) == 2


def others_certificate(certificates: list[str]) -> list[str]:
    """Replace the last certificate with one for another use."""
    return [*certificates[:-1], certificates[0]]


@pytest.mark.parametrize("spoil", [others_certificate, lambda _: [], lambda _: ["x"], lambda given: given[:2]])
def test_an_answer_with_other_certificates_than_asked_for_is_not_kept(due: Kept, spoil) -> None:
    operators = due.endpoint("agr")
    before, due.directory.spoil = key_ids(operators), spoil

    assert renew_due(operators) == 0

    assert key_ids(operators) == before
    assert waiting(operators) == [OPERATOR, RIVAL]


def test_certificates_of_the_keys_of_another_time_are_not_kept(due: Kept) -> None:
    operators = due.endpoint("agr")
    older = [each.pem for each in due.entry(OPERATOR).certificates]
    before, due.directory.spoil = key_ids(operators), lambda _: older

    renew_due(operators)

    assert key_ids(operators) == before


def test_on_demand_it_is_done_now_however_long_they_hold(kept: Kept) -> None:
    operators = kept.endpoint("agr")
    before = key_ids(operators)

    issued = renew_now(operators, OPERATOR, lambda code, keys: certified(kept, code, keys))

    assert key_ids(operators) == before | {each.certificate_id for each in issued}


def test_on_demand_of_a_component_that_is_elsewhere_it_is_not_found(kept: Kept) -> None:
    with pytest.raises(NotFound):
        renew_now(kept.endpoint("agr"), PLATFORM, lambda code, keys: certified(kept, code, keys))


def test_on_demand_while_another_renews_it_is_unavailable(kept: Kept) -> None:
    operators = kept.endpoint("agr")

    def meanwhile(code: str, keys: Any) -> list[str]:
        with pytest.raises(Unavailable):
            renew_now(operators, OPERATOR, lambda *_: pytest.fail("asked twice"))
        return certified(kept, code, keys)

    assert len(renew_now(operators, OPERATOR, meanwhile)) == 3


def certified(kept: Kept, code: str, keys: Any) -> list[str]:
    """Issue certificates as the authority does."""
    issued: list[Certificate] = [
        issue(
            kept.directory.authority, code, "Alpha", use, public_key=load_public_key(keys[use].encode()), now=kept.now
        )
        for use in CertificateUse
    ]
    return [load_certificate(each.pem).pem for each in issued]


def test_keys_that_nobody_can_need_any_more_go(due: Kept) -> None:
    operators = due.endpoint("agr")
    due.now += timedelta(days=59 + 15)
    expired = key_ids(operators)

    issued = renew_now(operators, OPERATOR, lambda code, keys: certified(due, code, keys))

    assert key_ids(operators) == {each.certificate_id for each in issued}
    assert expired.isdisjoint(key_ids(operators))
