"""The directory entry selects the certificate for a use at a moment, and JSON preserves it."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mades.builders import NOW, OPERATOR, STRANGER, authority, component, make_entry
from tps.errors import Malformed, MessageRefused, RuleBroken
from tps.mades.certificates import CertificateUse, create_component
from tps.mades.directory import ComponentEntry
from tps.mades.paths import MessagePath

SIGNING = CertificateUse.SIGNING


def test_the_newest_valid_certificate_of_the_use_is_picked() -> None:
    old, new = component(OPERATOR), create_component(authority(), OPERATOR, "x", now=NOW + timedelta(days=300))
    entry = make_entry(OPERATOR, certificates=new.certificates + old.certificates)

    assert old.certificate(SIGNING) == entry.certificate(SIGNING, NOW)
    assert new.certificate(SIGNING) == entry.certificate(SIGNING, NOW + timedelta(days=301))
    assert new.certificate(SIGNING) == entry.certificate(SIGNING, NOW + timedelta(days=900))


def test_with_none_valid_it_is_certificate_expired() -> None:
    with pytest.raises(MessageRefused) as refused:
        make_entry(OPERATOR).certificate(SIGNING, NOW + timedelta(days=731))

    assert refused.value.code == "certificate_expired"


def test_a_revoked_one_is_not_picked_even_if_it_is_the_newest() -> None:
    old, new = component(OPERATOR), create_component(authority(), OPERATOR, "x", now=NOW + timedelta(days=1))
    revoked = frozenset({new.certificate(SIGNING).certificate_id})
    entry = make_entry(OPERATOR, certificates=old.certificates + new.certificates, revoked_certificates=revoked)

    assert old.certificate(SIGNING) == entry.certificate(SIGNING, NOW + timedelta(days=2))


@pytest.mark.parametrize("is_dropped", [False, True])
def test_where_all_were_revoked_it_is_certificate_revoked(is_dropped: bool) -> None:
    mine = component(OPERATOR).certificates
    ids = frozenset(certificate.certificate_id for certificate in mine)
    entry = make_entry(OPERATOR, certificates=() if is_dropped else mine, revoked_certificates=ids)

    with pytest.raises(MessageRefused) as refused:
        entry.certificate(SIGNING, NOW)

    assert refused.value.code == "certificate_revoked"


def test_by_id_it_gives_the_components_own_for_that_use_only() -> None:
    mine, theirs = component(OPERATOR).certificate(SIGNING), component(STRANGER).certificate(SIGNING)
    entry = make_entry(OPERATOR, certificates=(mine, theirs))

    assert mine == entry.certificate_by_id(SIGNING, mine.certificate_id)
    assert entry.certificate_by_id(CertificateUse.ENCRYPTION, mine.certificate_id) is None
    assert entry.certificate_by_id(SIGNING, theirs.certificate_id) is None


MOMENTS = st.timedeltas(timedelta(), timedelta(days=3650)).map(lambda delta: NOW + delta)
PATHS = st.builds(
    MessagePath,
    receiver=st.just(OPERATOR),
    allowed_senders=st.none() | st.frozensets(st.text(max_size=5)),
    message_type=st.text(max_size=10),
    valid_from=MOMENTS,
    valid_to=st.none() | MOMENTS,
    broker=st.none() | st.text(max_size=5),
)


@given(st.lists(PATHS, max_size=4))
def test_an_entry_is_the_same_after_json(paths: list[MessagePath]) -> None:
    entry = make_entry(OPERATOR, paths=tuple(paths), revoked_certificates=frozenset({"a" * 64, "b" * 64}))

    assert entry == ComponentEntry.from_json(json.loads(json.dumps(entry.to_json())))


@pytest.mark.parametrize("change", [{"paths": None}, {"paths": [7]}, {"paths": [{}]}, {"certificates": [7]}])
def test_another_form_is_malformed(change) -> None:
    with pytest.raises(Malformed):
        ComponentEntry.from_json(make_entry(OPERATOR).to_json() | change)


def test_a_certificate_that_is_none_is_refused() -> None:
    with pytest.raises(RuleBroken):
        ComponentEntry.from_json(make_entry(OPERATOR).to_json() | {"certificates": ["x"]})
