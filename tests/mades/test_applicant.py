"""Test applications: three separate keys, a contact, and a code that belongs to no other party."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tps.errors import RuleBroken
from tps.mades.applicant import Contact, contact_findings, read_public_keys, wished_code_findings
from tps.mades.certificate import CertificateUse
from tps.mades.certificates import dump_private_key, generate_key

PARTY = "5790000000005"


def pem(key: object) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()  # type: ignore[attr-defined,no-any-return]


def make_keys(**changes: str) -> dict[str, str]:
    return {**{use: pem(generate_key().public_key()) for use in CertificateUse}, **changes}


def test_three_keys_of_either_kind_are_read() -> None:
    keys = make_keys(signing=pem(rsa.generate_private_key(65537, 2048).public_key()))

    assert read_public_keys(keys) == keys


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "x" * 9_999,
        "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
        pem(rsa.generate_private_key(65537, 1024).public_key()),
        pem(ec.generate_private_key(ec.SECP384R1()).public_key()),
        pem(ed25519.Ed25519PrivateKey.generate().public_key()),
        dump_private_key(generate_key()).decode(),
    ],
    ids=["empty", "huge", "damaged", "RSA of 1024 bits", "another curve", "another kind", "a private key"],
)
def test_a_bad_key_is_named_by_its_use(bad: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        read_public_keys(make_keys(encryption=bad))

    assert [(finding.code, finding.pointer) for finding in refused.value.findings] == [("bad_key", "/keys/encryption")]


def test_one_key_for_two_uses_is_refused() -> None:
    keys = make_keys()

    with pytest.raises(RuleBroken) as refused:
        read_public_keys({**keys, "signing": keys["authentication"]})

    assert [finding.pointer for finding in refused.value.findings] == ["/keys/signing"]


@pytest.mark.parametrize(
    ("contact", "pointers"),
    [
        (Contact("Alpha", "Ada", "ada@alpha.example"), []),
        (Contact("Alpha", "Ada", "ada@alpha.example", "+45 12 34 56 78"), []),
        (Contact("", "Ada", "ada@alpha.example"), ["/organisation"]),
        (Contact("A" * 201, "Ada", "ada@alpha.example"), ["/organisation"]),
        (Contact("Alpha", "Ada\n", "ada@alpha.example"), ["/person"]),
        (Contact("Alpha", "Ada", "ada"), ["/email"]),
        (Contact("Alpha", "Ada", "a@b@c.example"), ["/email"]),
        (Contact("Alpha", "Ada", f"{'a' * 200}@b.example"), ["/email"]),
        (Contact("Alpha", "Ada", "ada@alpha.example", "12"), ["/phone"]),
        (Contact("Alpha", "Ada", "ada@alpha.example", "1" * 60), ["/phone"]),
    ],
)
def test_a_contact_is_one(contact: Contact, pointers: list[str]) -> None:
    assert [finding.pointer for finding in contact_findings(contact)] == pointers


@pytest.mark.parametrize(
    ("code", "is_good"),
    [
        (PARTY, True),
        ("45V000000000001H", True),
        ("45V0000000000010", False),
        ("10XDK-TSO--TST-F", False),
        ("5790000000029", False),
        ("GRID-1", False),
    ],
)
def test_a_code_is_the_partys_own_or_an_eic_of_type_v(code: str, is_good: bool) -> None:
    assert (list(wished_code_findings(code, PARTY)) == []) is is_good
