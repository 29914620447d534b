"""Who applies to be a component: organisation, contact, and the three public keys to be certified; pure.

Source: STANDARDS.md section 3, "Parts".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tps.domain.identifiers import component_code_findings
from tps.domain.text import name_findings
from tps.errors import Finding, RuleBroken
from tps.mades.certificate import CertificateUse
from tps.mades.keys import dump_public_key, load_public_key

MAXIMUM_PEM_CHARACTERS = 2_000
MAXIMUM_CONTACT_CHARACTERS = 200
_EMAIL = re.compile(r"[^\s@<>\",;:]+@[^\s@<>\",;:]+\.[^\s@<>\",;:]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{3,39}", re.ASCII)

PublicKeys = Mapping[CertificateUse, str]
"""PEMs of a component's public keys, by their use."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Who runs a component, and whom to ask there; seen by itself and by the platform operator."""

    organisation: str
    person: str | None = None
    email: str | None = None
    phone: str | None = None


def read_public_keys(pems: Mapping[str, str], pointer: str = "/keys") -> PublicKeys:
    """The three keys of an applicant, each as `dump_public_key` writes it.

    Args:
        pems: By use: `authentication`, `encryption`, `signing`.
        pointer: Where they stand in the body.

    Raises:
        RuleBroken: `bad_key` at each that is none, too weak or another's twin; new keys must be made.
    """
    read = {use: _read(pems[use], f"{pointer}/{use}") for use in CertificateUse}
    findings = [each for each in read.values() if isinstance(each, Finding)]
    keys = {use: each for use, each in read.items() if isinstance(each, str)}
    findings += _twins(keys, pointer)
    if findings:
        raise RuleBroken(findings[0].detail, findings)
    return keys


def _read(pem: str, pointer: str) -> str | Finding:
    if len(pem) > MAXIMUM_PEM_CHARACTERS:
        return Finding("bad_key", pointer, f"a public key in PEM has at most {MAXIMUM_PEM_CHARACTERS} characters")
    try:
        return dump_public_key(load_public_key(pem.encode(errors="replace"))).decode()
    except RuleBroken as error:
        return Finding("bad_key", pointer, error.detail)


def _twins(keys: Mapping[CertificateUse, str], pointer: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for use, pem in keys.items():
        if pem in seen:
            yield Finding("bad_key", f"{pointer}/{use}", "each use has a key of its own")
        seen.add(pem)


def contact_findings(contact: Contact) -> Iterator[Finding]:
    """What is wrong with an applicant's organisation and contact (A59)."""
    yield from name_findings(contact.organisation, "/organisation")
    yield from name_findings(contact.person or "", "/person")
    if not _is_email(contact.email or ""):
        yield Finding("A59", "/email", "no address of electronic mail")
    if contact.phone is not None and not _PHONE.fullmatch(contact.phone):
        yield Finding("A59", "/phone", "no telephone number")


def _is_email(text: str) -> bool:
    return len(text) <= MAXIMUM_CONTACT_CHARACTERS and text.isprintable() and bool(_EMAIL.fullmatch(text))


def wished_code_findings(code: str, party: str) -> Iterator[Finding]:
    """What is wrong with the component code that a party wishes: its own code, or an EIC of type V (`check_digit`).

    Another party's code is never one's own component's: whether somebody has it cannot be asked by wishing it.
    """
    if code != party:
        yield from component_code_findings(code, "/code")
