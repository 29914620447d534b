"""Identifiers of resources and parties: coding schemes, check digits and canonical spellings.

A resource is an asset or a connection point. The canonical id is used in REST, in the stores and in the domain. A
document carries the id as a value with a coding scheme:

    A10  GSRN, 18 digits        canonical: without scheme
    A01  EIC, 16 characters     canonical: without scheme
    NDK  any other id           canonical: `NDK:value` for an asset, without scheme for a connection point

Source: docs/semantics.md, "Registration"; docs/glossary.md.
"""

import re
from collections.abc import Iterator

from stdnum import ean
from stdnum.eu import eic

from tps.errors import Finding, RuleBroken

GS1 = "A10"
EIC = "A01"
NATIONAL = "NDK"
KNOWN_SCHEMES = (GS1, EIC, NATIONAL)
MAX_RESOURCE_ID_LENGTH = 60

_GSRN_FORM = re.compile(r"[0-9]{18}")
_GLN_FORM = re.compile(r"[0-9]{13}")
_EIC_FORM = re.compile(r"[0-9]{2}[ATVWXYZ][0-9A-Z-]{12}[0-9A-Z]")


def coding_scheme(resource_id: str) -> tuple[str, str]:
    """Split an id into its coding scheme and its value without scheme. Every string has a result, valid or not."""
    scheme, colon, value = resource_id.partition(":")
    if colon and scheme in KNOWN_SCHEMES:
        return scheme, value
    if _GSRN_FORM.fullmatch(resource_id):
        return GS1, resource_id
    if _EIC_FORM.fullmatch(resource_id):
        return EIC, resource_id
    return NATIONAL, resource_id


def resource_id(coding_scheme: str, value: str, is_asset: bool) -> str:
    """Return the canonical id of a value with a coding scheme: the inverse of `coding_scheme`.

    A value that its scheme does not allow (`A10`, "station 4") keeps the prefix, so that `asset_id_findings` and
    `point_id_findings` report it.

    Raises:
        RuleBroken: The scheme is not A10, A01 or NDK (`check_digit`). The sender must use one of these schemes.
    """
    if coding_scheme not in KNOWN_SCHEMES:
        raise RuleBroken(findings=[Finding("check_digit", "", "unknown coding scheme; use A10, A01 or NDK", value)])
    may_be_bare = not (is_asset and coding_scheme == NATIONAL)
    return value if may_be_bare and _scheme_of_bare(value) == coding_scheme else f"{coding_scheme}:{value}"


def canonical_asset_id(text: str) -> str:
    """Return the canonical spelling of an asset id (`A10:5713...` is `5713...`). Return other text unchanged."""
    scheme, value = coding_scheme(text)
    return text if value == text else resource_id(scheme, value, is_asset=True)


def canonical_point_id(text: str) -> str:
    """Return the canonical spelling of a connection point id (`NDK:T17` is `T17`, `A10:5713...` is `5713...`)."""
    return resource_id(*coding_scheme(text), is_asset=False)


def asset_id_findings(asset_id: str, pointer: str) -> Iterator[Finding]:
    """Yield the fault of an asset id: no GSRN, EIC or `NDK:value`, a wrong check digit, or invalid characters.

    Yields:
        At most one finding, code `check_digit`, subject the id. The operator must correct the id.
    """
    scheme, value = coding_scheme(asset_id)
    if scheme == NATIONAL and value == asset_id:
        yield Finding("check_digit", pointer, "must be a GSRN, an EIC or NDK:value", asset_id)
    else:
        yield from _resource_findings(asset_id, pointer)


def point_id_findings(point_id: str, pointer: str) -> Iterator[Finding]:
    """Yield the fault of a connection point id.

    Any stable id is valid, but a GSRN or EIC needs a correct check digit.
    """
    yield from _resource_findings(point_id, pointer)


def party_code_findings(code: str, pointer: str) -> Iterator[Finding]:
    """Yield the fault of a party code.

    It must be a GLN of 13 digits or an EIC of type X, with a correct check digit.
    """
    if _GLN_FORM.fullmatch(code):
        is_right, kind = _has_gs1_check_digit(code), "GLN"
    elif _EIC_FORM.fullmatch(code) and code[2] == "X":
        is_right, kind = eic.is_valid(code), "EIC"
    else:
        yield Finding("check_digit", pointer, "must be a GLN of 13 digits or an EIC of type X", code)
        return
    if not is_right:
        yield Finding("check_digit", pointer, f"the {kind} has a wrong check digit", code)


def component_code_findings(code: str, pointer: str) -> Iterator[Finding]:
    """Yield the fault of a component code that differs from the party's code.

    It must be an EIC of type V (`check_digit`).
    """
    if not (_EIC_FORM.fullmatch(code) and code[2] == "V"):
        yield Finding("check_digit", pointer, "must be the party's own code or an EIC of type V", code)
    elif not eic.is_valid(code):
        yield Finding("check_digit", pointer, "the EIC has a wrong check digit", code)


def party_coding_scheme(code: str) -> str:
    """Return A10 for a GLN and A01 for an EIC. The caller has checked the code (`party_code_findings`)."""
    return GS1 if _GLN_FORM.fullmatch(code) else EIC


def _scheme_of_bare(value: str) -> str | None:
    """Return the scheme that a reader assumes for a value without scheme.

    None if the value starts like a scheme prefix.
    """
    scheme, parsed_value = coding_scheme(value)
    return scheme if parsed_value == value else None


def _resource_findings(text: str, pointer: str) -> Iterator[Finding]:
    scheme, value = coding_scheme(text)
    fault = _character_fault(value) or _form_fault(scheme, value)
    if fault:
        yield Finding("check_digit", pointer, fault, text)


def _character_fault(value: str) -> str:
    if not value or value != value.strip():
        return "must not be empty, or start or end with a blank"
    if len(value) > MAX_RESOURCE_ID_LENGTH:
        return f"must have at most {MAX_RESOURCE_ID_LENGTH} characters"
    return "" if value.isprintable() else "must contain printable characters only"


def _form_fault(scheme: str, value: str) -> str:
    if scheme == GS1:
        return _gsrn_fault(value)
    return _eic_fault(value) if scheme == EIC else ""


def _gsrn_fault(value: str) -> str:
    if not _GSRN_FORM.fullmatch(value):
        return "a GSRN must have 18 digits"
    return "" if _has_gs1_check_digit(value) else "the GSRN has a wrong check digit"


def _eic_fault(value: str) -> str:
    if not _EIC_FORM.fullmatch(value):
        return "an EIC must have 16 characters: two digits, a type letter, twelve characters and a check character"
    return "" if eic.is_valid(value) else "the EIC has a wrong check character"


def _has_gs1_check_digit(digits: str) -> bool:
    return ean.calc_check_digit(digits[:-1]) == digits[-1]
