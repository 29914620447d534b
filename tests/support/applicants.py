"""Callers of the component directory: applicants with their own keys, components, the platform operator."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.support.world import Reply, World, fresh_gln
from tps.mades.assertion import make_assertion
from tps.mades.certificate import CertificateUse, load_certificate
from tps.mades.certificates import ComponentKeys, dump_public_key, generate_key
from tps.mades.keys import SigningKey


def fresh_keys() -> ComponentKeys:
    return ComponentKeys(generate_key(), generate_key(), generate_key())


def pems(keys: ComponentKeys) -> dict[str, str]:
    """Return the public keys as a body contains them."""
    return {use: dump_public_key(keys.of(use).public_key()).decode() for use in CertificateUse}


def make_application(own: ComponentKeys, **changes: Any) -> dict[str, Any]:
    """Return the application of an applicant with these keys."""
    contact = {"person": "Ada Nilsson", "email": "ada@betelgeuse.example", "phone": "+45 12 34 56 78"}
    return {"organisation": "Betelgeuse Energi", **contact, "keys": pems(own), **changes}


def make_path(world: World, message_type: str = "*", **changes: Any) -> dict[str, Any]:
    """Return a message path that admits the platform."""
    senders = [world.settings.platform_component]
    head = {"message_type": message_type, "allowed_senders": senders, "valid_from": "2026-01-01T00:00:00Z"}
    return {**head, **changes}


@dataclass(frozen=True)
class AtDirectory:
    """A caller of the directory."""

    world: World = field(repr=False)
    code: str
    authorization: str = field(repr=False)
    keys: ComponentKeys = field(repr=False, default_factory=fresh_keys)
    group: str = "ecp"

    @classmethod
    def of(cls, world: World, code: str, role: str) -> AtDirectory:
        """Return a caller with a token."""
        return cls(world, code, f"Bearer {world.token(code, role)}")

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Authorization", self.authorization)
        content = None
        if body is not None:
            content, named["Content-Type"] = json.dumps(body).encode(), "application/json"
        response = self.world.http.request(method, f"/ecp/v1{path}", content=content, headers=named)
        return Reply(response.status_code, response.headers, response.text)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """Call, expect success, and return the JSON of the answer."""
        reply = self.call(method, path, body)
        assert reply.status in (200, 201), f"{method} {path}: {reply.status} {reply.text[:2000]}"
        return reply.json

    def own(self) -> Any:
        """Return the caller's own entry."""
        return self.done("GET", f"/components/{self.code}")


@dataclass(frozen=True)
class Joined:
    """An approved applicant, and the answer to the platform operator."""

    caller: AtDirectory
    answer: Any

    @property
    def code(self) -> str:
        return self.caller.code

    def key(self, certificates: list[str] | None = None, keys: ComponentKeys | None = None) -> SigningKey:
        """Return the authentication key that proves the component: its first, or that of later certificates."""
        use = CertificateUse.AUTHENTICATION
        loaded = [load_certificate(each) for each in certificates or self.answer["certificates"]]
        certificate = next(each for each in loaded if each.use is use)
        return SigningKey(self.code, certificate.certificate_id, (keys or self.caller.keys).of(use))

    def asserting(self, body: Any = None, key: SigningKey | None = None) -> AtDirectory:
        """Return the component as a caller with an assertion for one body."""
        content = b"" if body is None else json.dumps(body).encode()
        return replace(
            self.caller, authorization=f"Bearer {make_assertion(key or self.key(), datetime.now(UTC), content)}"
        )


def join(operator: AtDirectory, role: str = "agr", **changes: Any) -> Joined:
    """Apply with a fresh code, and approve the application."""
    applicant = AtDirectory.of(operator.world, fresh_gln(), role)
    code = applicant.done("POST", "/components", make_application(applicant.keys, **changes))["code"]
    return Joined(replace(applicant, code=code), operator.done("POST", f"/components/{code}/approval", {}))
