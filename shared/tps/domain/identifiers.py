"""Identifiers of resources and parties: coding schemes, check digits, one spelling each.

A resource is an asset or a connection point. Its canonical id is what REST, the stores and the domain use; a
document carries the same as a value under a coding scheme:

    A10  GSRN, 18 digits        canonical: bare
    A01  EIC, 16 characters     canonical: bare
    NDK  anything else          canonical: `NDK:value` for an asset, bare for a connection point

Source: SEMANTICS, Registration; STANDARDS, Identifiers.
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
    """Split an id into its coding scheme and its bare value; every string has an answer, good or not."""
    scheme, colon, value = resource_id.partition(":")
    if colon and scheme in KNOWN_SCHEMES:
        return scheme, value
    if _GSRN_FORM.fullmatch(resource_id):
        return GS1, resource_id
    if _EIC_FORM.fullmatch(resource_id):
        return EIC, resource_id
    return NATIONAL, resource_id


def resource_id(coding_scheme: str, value: str, is_asset: bool) -> str:
    """Give the canonical id of a value under a coding scheme: the inverse of `coding_scheme`.

    A value that its scheme cannot have (`A10`, "station 4") keeps the prefix, so that `asset_id_findings` and
    `point_id_findings` name it.

    Raises:
        RuleBroken: A scheme that is not A10, A01 or NDK; the sender must use one of these (`check_digit`).
    """
    if coding_scheme not in KNOWN_SCHEMES:
        raise RuleBroken(findings=[Finding("check_digit", "", "coding schemes are A10, A01 and NDK", value)])
    may_be_bare = not (is_asset and coding_scheme == NATIONAL)
    return value if may_be_bare and _scheme_of_bare(value) == coding_scheme else f"{coding_scheme}:{value}"


def canonical_asset_id(text: str) -> str:
    """The one spelling of an asset id (`A10:5713...` is `5713...`); what is no asset id comes back unchanged."""
    scheme, value = coding_scheme(text)
    return text if value == text else resource_id(scheme, value, is_asset=True)


def canonical_point_id(text: str) -> str:
    """The one spelling of a connection point id (`NDK:T17` is `T17`, `A10:5713...` is `5713...`)."""
    return resource_id(*coding_scheme(text), is_asset=False)


def asset_id_findings(asset_id: str, pointer: str) -> Iterator[Finding]:
    """What is wrong with an asset id: no GSRN, EIC or `NDK:value`, a wrong check digit, or characters no id has.

    Yields:
        At most one finding, code `check_digit`, subject the id; the operator must correct it.
    """
    scheme, value = coding_scheme(asset_id)
    if scheme == NATIONAL and value == asset_id:
        yield Finding("check_digit", pointer, "neither a GSRN, nor an EIC, nor SCHEME:value", asset_id)
    else:
        yield from _resource_findings(asset_id, pointer)


def point_id_findings(point_id: str, pointer: str) -> Iterator[Finding]:
    """What is wrong with a connection point id: any stable id does, but a GSRN or EIC must have its check digit."""
    yield from _resource_findings(point_id, pointer)


def party_code_findings(code: str, pointer: str) -> Iterator[Finding]:
    """What is wrong with a party's code: a GLN of 13 digits or an EIC of type X, with its check digit."""
    if _GLN_FORM.fullmatch(code):
        is_right, kind = _has_gs1_check_digit(code), "GLN"
    elif _EIC_FORM.fullmatch(code) and code[2] == "X":
        is_right, kind = eic.is_valid(code), "EIC"
    else:
        yield Finding("check_digit", pointer, "neither a GLN of 13 digits nor an EIC of type X", code)
        return
    if not is_right:
        yield Finding("check_digit", pointer, f"{kind} with a wrong check digit", code)


def component_code_findings(code: str, pointer: str) -> Iterator[Finding]:
    """What is wrong with a component's code that is not its party's own: it is an EIC of type V (`check_digit`)."""
    if not (_EIC_FORM.fullmatch(code) and code[2] == "V"):
        yield Finding("check_digit", pointer, "neither the party's own code nor an EIC of type V", code)
    elif not eic.is_valid(code):
        yield Finding("check_digit", pointer, "EIC with a wrong check digit", code)


def party_coding_scheme(code: str) -> str:
    """A10 for a GLN, A01 for an EIC; the caller has made sure that it is one (`party_code_findings`)."""
    return GS1 if _GLN_FORM.fullmatch(code) else EIC


def _scheme_of_bare(value: str) -> str | None:
    """The scheme a reader takes a bare value to have; None if he would take its beginning for a prefix."""
    scheme, read = coding_scheme(value)
    return scheme if read == value else None


def _resource_findings(text: str, pointer: str) -> Iterator[Finding]:
    scheme, value = coding_scheme(text)
    fault = _character_fault(value) or _form_fault(scheme, value)
    if fault:
        yield Finding("check_digit", pointer, fault, text)


def _character_fault(value: str) -> str:
    if not value or value != value.strip():
        return "empty, or with leading or trailing blanks"
    if len(value) > MAX_RESOURCE_ID_LENGTH:
        return f"longer than {MAX_RESOURCE_ID_LENGTH} characters"
    return "" if value.isprintable() else "characters that cannot be printed"


def _form_fault(scheme: str, value: str) -> str:
    if scheme == GS1:
        return _gsrn_fault(value)
    return _eic_fault(value) if scheme == EIC else ""


def _gsrn_fault(value: str) -> str:
    if not _GSRN_FORM.fullmatch(value):
        return "a GSRN has 18 digits"
    return "" if _has_gs1_check_digit(value) else "GSRN with a wrong check digit"


def _eic_fault(value: str) -> str:
    if not _EIC_FORM.fullmatch(value):
        return "an EIC has 16 characters: two digits, a type letter, twelve more and a check character"
    return "" if eic.is_valid(value) else "EIC with a wrong check character"


def _has_gs1_check_digit(digits: str) -> bool:
    return ean.calc_check_digit(digits[:-1]) == digits[-1]
