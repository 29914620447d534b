"""A component authenticates at the Component Directory with its authentication key (F1, NF3)."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.mades.builders import NOW, OLD_OPERATOR, OPERATOR, PLATFORM, component
from tps.errors import Unauthenticated
from tps.mades import jose
from tps.mades.assertion import AUDIENCE, LIFETIME, TYPE, Assertion, check_assertion, make_assertion, read_assertion
from tps.mades.certificates import Certificate, CertificateUse
from tps.mades.keys import SigningKey

BODY = b'{"keys": {}}'
NOW_S = int(NOW.timestamp())


def authentication_key(code: str = OPERATOR) -> SigningKey:
    return SigningKey(code, certificate_of(code).certificate_id, component(code).keys.authentication)


def certificate_of(code: str = OPERATOR) -> Certificate:
    return component(code).certificate(CertificateUse.AUTHENTICATION)


def make_claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a valid assertion. None removes a claim."""
    claims = {
        "iss": OPERATOR,
        "sub": OPERATOR,
        "aud": AUDIENCE,
        "iat": NOW_S,
        "exp": NOW_S + 300,
        "jti": "0" * 32,
        "body_sha256": hashlib.sha256(BODY).hexdigest(),
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: dict[str, Any], typ: str = TYPE, key: SigningKey | None = None) -> str:
    key = key or authentication_key()
    return jose.sign(json.dumps(claims).encode(), key.jose, certificate_of().certificate_id, typ)


def read(token: str) -> Assertion:
    assertion = read_assertion(token)
    assert assertion is not None
    return assertion


@pytest.mark.parametrize("code", [OPERATOR, OLD_OPERATOR])
@pytest.mark.parametrize("body", [b"", BODY])
def test_a_component_is_believed_by_its_authentication_key(code: str, body: bytes) -> None:
    assertion = read(make_assertion(authentication_key(code), NOW, body))

    check_assertion(assertion, certificate_of(code), NOW, body)

    assert (assertion.component, assertion.certificate_id) == (code, certificate_of(code).certificate_id)


def test_each_one_has_an_id_of_its_own() -> None:
    first, second = (read(make_assertion(authentication_key(), NOW)) for _ in range(2))

    assert first.claims["jti"] != second.claims["jti"]


@pytest.mark.parametrize("age", [-timedelta(seconds=29), LIFETIME])
def test_it_holds_for_five_minutes_on_clocks_that_differ_a_little(age: timedelta) -> None:
    check_assertion(read(make_assertion(authentication_key(), NOW)), certificate_of(), NOW + age)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW_S - 31, "iat": NOW_S - 300},
        {"exp": NOW_S + 301},
        {"exp": NOW_S},
        {"iat": NOW_S + 31, "exp": NOW_S + 300},
        {"iat": float(NOW_S)},
        {"exp": True},
        {"exp": str(NOW_S + 300)},
        {"aud": "tps"},
        {"aud": [AUDIENCE]},
        {"iss": PLATFORM},
        {"sub": PLATFORM},
        {"iss": PLATFORM, "sub": PLATFORM},
        {"body_sha256": hashlib.sha256(b"other").hexdigest()},
        {"body_sha256": None},
    ],
    ids=str,
)
def test_what_is_not_meant_for_here_now_and_this_body_does_not_hold(changes: dict[str, Any]) -> None:
    assertion = read(signed(make_claims(**changes)))

    with pytest.raises(Unauthenticated, match="the token is not valid"):
        check_assertion(assertion, certificate_of(), NOW, BODY)


def test_the_claims_of_those_tests_hold_but_for_what_they_change() -> None:
    check_assertion(read(signed(make_claims())), certificate_of(), NOW, BODY)


def test_a_body_that_nobody_spoke_of_may_not_come_with_it() -> None:
    assertion = read(make_assertion(authentication_key(), NOW))

    with pytest.raises(Unauthenticated):
        check_assertion(assertion, certificate_of(), NOW, BODY)


def test_another_components_key_does_not_speak_for_it() -> None:
    assertion = read(signed(make_claims(), key=authentication_key(PLATFORM)))

    with pytest.raises(Unauthenticated):
        check_assertion(assertion, certificate_of(), NOW, BODY)


def test_its_signing_key_does_not_stand_in_for_the_one_for_authentication() -> None:
    assertion = read(signed(make_claims(), key=component(OPERATOR).signing_key))

    with pytest.raises(Unauthenticated):
        check_assertion(assertion, certificate_of(), NOW, BODY)


def test_another_components_certificate_does_not_vouch_for_it() -> None:
    assertion = read(make_assertion(authentication_key(), NOW))

    with pytest.raises(Unauthenticated):
        check_assertion(assertion, certificate_of(PLATFORM), NOW)


def unsigned(algorithm: str) -> str:
    header = {"alg": algorithm, "typ": TYPE, "kid": certificate_of().certificate_id}
    parts = (json.dumps(part).encode() for part in (header, make_claims()))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        unsigned("none"),
        unsigned("HS256"),
        signed(make_claims(), typ="JWT"),
        signed(make_claims(jti=None)),
        signed(make_claims(role="tps")),
        signed(make_claims(sub="not a code")),
        signed(make_claims(jti="x" * 4096)),
    ],
)
def test_what_is_no_assertion_is_none(token: str) -> None:
    assert read_assertion(token) is None


def test_without_a_signature_nothing_is_believed() -> None:
    assertion = read(unsigned("ES256"))

    with pytest.raises(Unauthenticated):
        check_assertion(assertion, certificate_of(), NOW, BODY)
