"""Valid tokens: from one issuer, for this audience, in time, with a published key and an allowed algorithm."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tps.domain.scope import AgrScope, DsoScope, TpsScope
from tps.errors import Forbidden, StoreAway, Unauthenticated
from tps.host.identity import TokenVerifier, check_group
from tps.host.issuer_keys import FRESH_S, RETRY_S, STALE_S, FileKeys, RemoteKeys

ISSUER, AUDIENCE, PARTY = "https://issuer.example", "tps", "5790000000012"


def make_key(key_id: str = "key-1") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": key_id, "use": "sig"})


KEY, RSA = make_key(), RSAKey.generate_key(2048, {"kid": "rsa-1"})


def make_token(key: Any = KEY, algorithm: str = "ES256", key_id: str | None = "key-1", **claims: Any) -> str:
    now = int(time.time())
    valid = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 600, "party": PARTY, "role": "agr"}
    named = {name: value for name, value in (valid | claims).items() if value is not None}
    header = {"alg": algorithm} | ({"kid": key_id} if key_id else {})
    return jwt.encode(header, named, key, algorithms=[algorithm])


def jwks(*keys: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


@pytest.fixture
def verifier(tmp_path: Path) -> TokenVerifier:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks(KEY, RSA)))
    return TokenVerifier(ISSUER, AUDIENCE, FileKeys(path))


@pytest.mark.parametrize(
    ("role", "scope", "group"),
    [("agr", AgrScope, "agr"), ("brp", AgrScope, "agr"), ("dso", DsoScope, "dso"), ("tps", TpsScope, "tps")],
)
def test_a_token_that_holds_becomes_a_scope(verifier: TokenVerifier, role: str, scope: Any, group: str) -> None:
    identity = verifier.identify(f"Bearer {make_token(role=role)}")

    assert identity.scope == scope(PARTY)
    check_group(identity, group)


@pytest.mark.parametrize("group", ["dso", "tps"])
def test_a_role_has_no_business_on_another_groups_routes(verifier: TokenVerifier, group: str) -> None:
    with pytest.raises(Forbidden):
        check_group(verifier.identify(f"Bearer {make_token()}"), group)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_rsa_issuers_are_welcome(verifier: TokenVerifier, algorithm: str) -> None:
    assert verifier.identify(f"bearer {make_token(RSA, algorithm, 'rsa-1')}").party == PARTY


def test_an_issuer_may_name_the_claims_otherwise_and_list_the_role_among_those_of_others(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks(KEY)))
    verifier = TokenVerifier(ISSUER, AUDIENCE, FileKeys(path), "https://tps.example/party", "roles")
    named = {"https://tps.example/party": "5790000000067", "roles": ["offline_access", "dso"]}

    identity = verifier.identify(f"Bearer {make_token(aud=['account', AUDIENCE], **named)}")

    assert identity.scope == DsoScope("5790000000067")


HS256, NONE = b'{"alg":"HS256","kid":"key-1"}', b'{"alg":"none","kid":"key-1"}'


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forge_with_public_key() -> str:
    """Return a token with HS256 keyed by the text of the public key, the classic algorithm confusion."""
    signed = f"{encode(HS256)}.{make_token().split('.')[1]}"
    return f"{signed}.{encode(hmac.digest(KEY.as_pem(private=False), signed.encode(), 'sha256'))}"


def unsigned() -> str:
    return f"{encode(NONE)}.{make_token().split('.')[1]}."


NOT_HOLDING = {
    "expired": lambda: make_token(exp=int(time.time()) - 60),
    "without expiry": lambda: make_token(exp=None),
    "not valid yet": lambda: make_token(nbf=int(time.time()) + 600),
    "of another issuer": lambda: make_token(iss="https://other.example"),
    "without issuer": lambda: make_token(iss=None),
    "for another audience": lambda: make_token(aud="other"),
    "without audience": lambda: make_token(aud=None),
    "signed by another key of the same name": lambda: make_token(make_key()),
    "of an unknown key": lambda: make_token(make_key("key-9"), key_id="key-9"),
    "without key id": lambda: make_token(key_id=None),
    "keyed with the public key": forge_with_public_key,
    "unsigned": unsigned,
    "without party": lambda: make_token(party=None),
    "with a party that is no text": lambda: make_token(party=["5790000000012"]),
    "with an unknown role": lambda: make_token(role="admin"),
    "with a role that is no text": lambda: make_token(role={"dso": True}),
    "with two roles": lambda: make_token(role=["agr", "tps"]),
    "with roles of other systems alone": lambda: make_token(role=["offline_access"]),
    "junk": lambda: "junk",
    "of three junk parts": lambda: "a.b.c",
}


@pytest.mark.parametrize("name", NOT_HOLDING)
def test_a_token_that_does_not_hold_is_refused_in_the_same_words(verifier: TokenVerifier, name: str) -> None:
    with pytest.raises(Unauthenticated, match=r"^the token is not valid$"):
        verifier.identify(f"Bearer {NOT_HOLDING[name]()}")


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz"])
def test_without_a_bearer_token_nobody_is_anybody(verifier: TokenVerifier, authorization: str | None) -> None:
    with pytest.raises(Unauthenticated):
        verifier.identify(authorization)


def test_a_file_of_keys_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path, new = tmp_path / "jwks.json", make_key("key-2")
    path.write_text(json.dumps(jwks(KEY)))
    verifier = TokenVerifier(ISSUER, AUDIENCE, FileKeys(path))
    verifier.identify(f"Bearer {make_token()}")

    path.write_text(json.dumps(jwks(new)) + "\n")

    assert verifier.identify(f"Bearer {make_token(new, key_id='key-2')}").party == PARTY
    with pytest.raises(Unauthenticated):
        verifier.identify(f"Bearer {make_token()}")


@dataclass
class Issuer:
    """The JWKS address of an external issuer."""

    url: str = ""
    answer: Any = field(default_factory=dict)
    status: int = 200
    asked: int = 0


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer(answer=jwks(KEY))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            self.send_response(issuer.status)
            self.end_headers()
            self.wfile.write(json.dumps(issuer.answer).encode())

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    issuer.url = f"http://127.0.0.1:{server.server_port}/jwks"
    yield issuer
    server.shutdown()
    server.server_close()


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def verifier_of(issuer: Issuer, clock: Clock) -> TokenVerifier:
    return TokenVerifier(ISSUER, AUDIENCE, RemoteKeys(issuer.url, clock))


def test_an_outside_issuers_keys_are_asked_for_once_in_five_minutes(issuer: Issuer) -> None:
    clock = Clock()
    verifier = verifier_of(issuer, clock)

    for _ in range(20):
        verifier.identify(f"Bearer {make_token()}")
    asked_at_first = issuer.asked
    clock.now += FRESH_S + 1
    verifier.identify(f"Bearer {make_token()}")

    assert (asked_at_first, issuer.asked) == (1, 2)


def test_a_rotated_key_holds_as_soon_as_it_is_seen(issuer: Issuer) -> None:
    clock, new = Clock(), make_key("key-2")
    verifier = verifier_of(issuer, clock)
    verifier.identify(f"Bearer {make_token()}")

    issuer.answer = jwks(KEY, new)
    clock.now += RETRY_S + 1

    assert verifier.identify(f"Bearer {make_token(new, key_id='key-2')}").party == PARTY


def test_tokens_of_unknown_keys_do_not_flood_the_issuer(issuer: Issuer) -> None:
    verifier = verifier_of(issuer, Clock())
    for number in range(50):
        with pytest.raises(Unauthenticated):
            verifier.identify(f"Bearer {make_token(key_id=f'made-up-{number}')}")

    assert issuer.asked == 1


@pytest.mark.parametrize(("status", "answer"), [(503, {}), (200, {"keys": "none"}), (200, ["junk"])])
def test_an_issuer_that_is_away_counts_with_its_last_keys_for_a_day(issuer: Issuer, status: int, answer: Any) -> None:
    clock = Clock()
    verifier = verifier_of(issuer, clock)
    verifier.identify(f"Bearer {make_token()}")
    issuer.status, issuer.answer = status, answer

    clock.now += STALE_S - 1
    verifier.identify(f"Bearer {make_token()}")
    clock.now += 2

    with pytest.raises(StoreAway):
        verifier.identify(f"Bearer {make_token()}")


def test_an_issuer_that_never_answered_is_our_trouble_and_not_the_callers(issuer: Issuer) -> None:
    issuer.status = 503

    with pytest.raises(StoreAway):
        verifier_of(issuer, Clock()).identify(f"Bearer {make_token()}")
