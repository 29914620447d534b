"""Invalid applications: each refusal names the fault."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.support.applicants import AtDirectory, fresh_keys, make_application, pems
from tests.support.world import World, fresh_gln
from tps.mades.certificates import dump_public_key

WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
OTHER_CURVE = ec.generate_private_key(ec.SECP384R1())
BAD_KEYS = {
    "no PEM": "x",
    "a certificate's border around nothing": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
    "RSA of 1024 bits": dump_public_key(WEAK.public_key()).decode(),
    "another curve": dump_public_key(OTHER_CURVE.public_key()).decode(),  # type: ignore[arg-type]
    "not ASCII": "-----BEGIN PUBLIC KEY-----\n\u00e9\n-----END PUBLIC KEY-----\n",
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_bad_key_is_refused_by_its_name(world: World, name: str) -> None:
    keys = {**pems(fresh_keys()), "encryption": BAD_KEYS[name]}

    reply = AtDirectory.of(world, fresh_gln(), "agr").call(
        "POST", "/components", make_application(fresh_keys(), keys=keys)
    )

    assert (reply.status, reply.codes(), reply.pointers()) == (422, {"bad_key"}, {"/keys/encryption"})


def test_one_key_for_two_uses_and_a_huge_one_are_refused(world: World) -> None:
    applicant, keys = AtDirectory.of(world, fresh_gln(), "agr"), pems(fresh_keys())

    twins = applicant.call(
        "POST", "/components", make_application(fresh_keys(), keys={**keys, "signing": keys["encryption"]})
    )
    huge = applicant.call("POST", "/components", make_application(fresh_keys(), keys={**keys, "signing": "x" * 9_999}))

    assert (twins.status, twins.codes(), twins.pointers()) == (422, {"bad_key"}, {"/keys/signing"})
    assert (huge.status, huge.codes(), huge.pointers()) == (400, {"bad_type"}, {"/keys/signing"})


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"code": "5790000000029"}, "/code"),
        ({"code": "45V0000000000010"}, "/code"),
        ({"code": "5790000000029-BROKER"}, "/code"),
        ({"organisation": " "}, "/organisation"),
        ({"person": "Ada\x00"}, "/person"),
        ({"email": "ada"}, "/email"),
        ({"phone": "call me"}, "/phone"),
    ],
)
def test_an_application_that_cannot_be_names_the_field(world: World, changes: dict[str, Any], pointer: str) -> None:
    reply = AtDirectory.of(world, fresh_gln(), "dso").call(
        "POST", "/components", make_application(fresh_keys(), **changes)
    )

    assert (reply.status, reply.pointers()) == (422, {pointer})
