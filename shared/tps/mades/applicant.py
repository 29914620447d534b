"""Applicants to the Component Directory: organisation, contact, and the three public keys to certify. No I/O.

Source: docs/mades.md, "Joining".
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
"""PEM texts of a component's public keys, by use."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The organisation that runs a component, and its contact person.

    Visible to the component and the platform operator.
    """

    organisation: str
    person: str | None = None
    email: str | None = None
    phone: str | None = None


def read_public_keys(pems: Mapping[str, str], pointer: str = "/keys") -> PublicKeys:
    """Return the three keys of an applicant, each as `dump_public_key` writes it.

    Args:
        pems: By use: `authentication`, `encryption`, `signing`.
        pointer: Location of the keys in the request body.

    Raises:
        RuleBroken: `bad_key` for each key that is invalid, too weak or used twice. The applicant must make new keys.
    """
    read = {use: _read(pems[use], f"{pointer}/{use}") for use in CertificateUse}
    findings = [result for result in read.values() if isinstance(result, Finding)]
    keys = {use: key for use, key in read.items() if isinstance(key, str)}
    findings += _twins(keys, pointer)
    if findings:
        raise RuleBroken(findings[0].detail, findings)
    return keys


def _read(pem: str, pointer: str) -> str | Finding:
    if len(pem) > MAXIMUM_PEM_CHARACTERS:
        return Finding("bad_key", pointer, f"the PEM must have at most {MAXIMUM_PEM_CHARACTERS} characters")
    try:
        return dump_public_key(load_public_key(pem.encode(errors="replace"))).decode()
    except RuleBroken as error:
        return Finding("bad_key", pointer, error.detail)


def _twins(keys: Mapping[CertificateUse, str], pointer: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for use, pem in keys.items():
        if pem in seen:
            yield Finding("bad_key", f"{pointer}/{use}", "the key has another use already; make a key for each use")
        seen.add(pem)


def contact_findings(contact: Contact) -> Iterator[Finding]:
    """Yield the faults of an applicant's organisation and contact (A59)."""
    yield from name_findings(contact.organisation, "/organisation")
    yield from name_findings(contact.person or "", "/person")
    if not _is_email(contact.email or ""):
        yield Finding("A59", "/email", "must be an e-mail address")
    if contact.phone is not None and not _PHONE.fullmatch(contact.phone):
        yield Finding("A59", "/phone", "must be a telephone number")


def _is_email(text: str) -> bool:
    return len(text) <= MAXIMUM_CONTACT_CHARACTERS and text.isprintable() and bool(_EMAIL.fullmatch(text))


def wished_code_findings(code: str, party: str) -> Iterator[Finding]:
    """Yield the fault of a requested component code. It must be the party's own code or an EIC of type V
    (`check_digit`).

    Another party's code is always refused, so a request cannot test whether that code is in use.
    """
    if code != party:
        yield from component_code_findings(code, "/code")
