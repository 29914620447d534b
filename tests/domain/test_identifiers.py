"""Test ids of assets, connection points and parties: canonical spelling and check digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.builders import EIC, GSRN, OTHER_GSRN
from tps.domain.identifiers import (
    asset_id_findings,
    canonical_asset_id,
    canonical_point_id,
    coding_scheme,
    party_code_findings,
    party_coding_scheme,
    point_id_findings,
    resource_id,
)
from tps.errors import RuleBroken

SCHEMES = st.sampled_from(["A10", "A01", "NDK"])
TRICKY_VALUES = st.text() | st.sampled_from(
    [GSRN, EIC, f"A10:{GSRN}", f"NDK:{GSRN}", "NDK:", "NDK:NDK:x", "A01:x", "T17:F3", "", ":", "٣" * 18]
)

WELL_FORMED = {
    "GSRN": GSRN,
    "Danish GSRN": OTHER_GSRN,
    "EIC of an area": EIC,
    "EIC with a digit to check by": "11XRWENET12345-2",
    "GSRN with its scheme": f"A10:{GSRN}",
    "EIC with its scheme": f"A01:{EIC}",
    "own id": "NDK:charger 17/b",
    "own id of 60 characters": "NDK:" + "x" * 60,
    "own id in another script": "NDK:Blåbærgrød",
}
WRONG_ANYWHERE = {
    "GSRN with a wrong check digit": "376104250021234560",
    "GSRN with two digits exchanged": "376104250012234569",
    "GSRN with its scheme, wrong check digit": "A10:376104250021234560",
    "EIC with a wrong check character": "10YDK-1--------X",
    "EIC that ends in a dash": "A01:10YDK-1---------",
    "GSRN scheme with something else": "A10:station 4",
    "EIC scheme with lower case": "A01:10ydk-1--------w",
    "empty": "",
    "nothing after the scheme": "NDK:",
    "leading blank": "NDK: x",
    "trailing blank": "NDK:x ",
    "61 characters": "NDK:" + "x" * 61,
    "line feed": "NDK:a\nb",
    "null": "NDK:a\x00b",
    "half of a surrogate pair": "NDK:\ud800",
    "invisible space": "NDK:a\u200bb",
}
NO_ASSET_ID_BUT_A_POINT_ID = {
    "no scheme": "charger-17",
    "17 digits": GSRN[1:],
    "digits of another script": "٣" * 18,
    "unknown scheme": "NDE:4711",
    "GLN": "5790000000029",
}


@pytest.mark.parametrize("asset_id", WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_well_formed_id_is_accepted_for_assets_and_points(asset_id: str) -> None:
    assert [*asset_id_findings(asset_id, "/id"), *point_id_findings(asset_id, "/id")] == []


@pytest.mark.parametrize("bad_id", WRONG_ANYWHERE.values(), ids=WRONG_ANYWHERE)
def test_a_wrong_id_is_refused_once_with_its_place_and_itself_as_subject(bad_id: str) -> None:
    for findings in (list(asset_id_findings(bad_id, "/x/id")), list(point_id_findings(bad_id, "/x/id"))):
        assert [(finding.code, finding.pointer, finding.subject) for finding in findings] == [
            ("check_digit", "/x/id", bad_id)
        ]


@pytest.mark.parametrize("point_id", NO_ASSET_ID_BUT_A_POINT_ID.values(), ids=NO_ASSET_ID_BUT_A_POINT_ID)
def test_a_connection_point_may_have_any_stable_id_but_an_asset_needs_a_known_scheme(point_id: str) -> None:
    assert list(point_id_findings(point_id, "")) == []
    assert [finding.code for finding in asset_id_findings(point_id, "")] == ["check_digit"]


@pytest.mark.parametrize(
    ("text", "scheme_and_value"),
    [
        (GSRN, ("A10", GSRN)),
        (EIC, ("A01", EIC)),
        (f"A10:{GSRN}", ("A10", GSRN)),
        (f"A01:{EIC}", ("A01", EIC)),
        ("NDK:xyz", ("NDK", "xyz")),
        ("NDK:A10:xyz", ("NDK", "A10:xyz")),
        ("T17:F3", ("NDK", "T17:F3")),
        ("TRANSFORMER-0017", ("NDK", "TRANSFORMER-0017")),
        ("", ("NDK", "")),
    ],
)
def test_the_coding_scheme_is_read_from_prefix_or_form(text: str, scheme_and_value: tuple[str, str]) -> None:
    assert coding_scheme(text) == scheme_and_value


def test_gsrn_and_eic_are_written_bare_and_own_ids_with_a_prefix_only_for_assets() -> None:
    assert resource_id("A10", GSRN, is_asset=True) == GSRN
    assert resource_id("A01", EIC, is_asset=False) == EIC
    assert resource_id("NDK", "xyz", is_asset=True) == "NDK:xyz"
    assert resource_id("NDK", "xyz", is_asset=False) == "xyz"


def test_a_points_own_id_that_would_be_mistaken_for_another_scheme_keeps_its_prefix() -> None:
    for value in (GSRN, EIC, f"A10:{GSRN}", "NDK:x"):
        assert resource_id("NDK", value, is_asset=False) == f"NDK:{value}"


@given(SCHEMES, TRICKY_VALUES, st.booleans())
def test_scheme_and_value_come_back_whatever_the_value(scheme: str, value: str, is_asset: bool) -> None:
    assert coding_scheme(resource_id(scheme, value, is_asset)) == (scheme, value)


@pytest.mark.parametrize("scheme", ["NDE", "A03", "", "a10"])
def test_an_unknown_scheme_is_refused_by_a_rule(scheme: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        resource_id(scheme, "4711", is_asset=True)

    assert [(finding.code, finding.subject) for finding in refusal.value.findings] == [("check_digit", "4711")]


def test_all_spellings_of_an_asset_or_point_become_one() -> None:
    assert canonical_asset_id(f"A10:{GSRN}") == canonical_asset_id(GSRN) == GSRN
    assert canonical_asset_id(f"A01:{EIC}") == EIC
    assert canonical_asset_id("NDK:xyz") == "NDK:xyz"
    assert canonical_point_id("NDK:xyz") == canonical_point_id("xyz") == "xyz"


def test_what_is_no_asset_id_does_not_become_one_by_being_spelled_canonically() -> None:
    assert canonical_asset_id("charger-17") == "charger-17"


@given(TRICKY_VALUES | st.builds("{}:{}".format, SCHEMES, TRICKY_VALUES))
def test_a_canonical_id_stays_as_it_is_and_is_as_right_or_wrong_as_before(text: str) -> None:
    for canonical, findings in ((canonical_asset_id, asset_id_findings), (canonical_point_id, point_id_findings)):
        once = canonical(text)
        assert canonical(once) == once
        assert coding_scheme(once) == coding_scheme(text)
        assert [bool(list(findings(once, "")))] == [bool(list(findings(text, "")))]


@pytest.mark.parametrize(("code", "scheme"), [("5790000000029", "A10"), ("22XWATTPLUS----G", "A01")])
def test_a_party_has_a_gln_or_an_eic_of_type_x(code: str, scheme: str) -> None:
    assert list(party_code_findings(code, "/party")) == []
    assert party_coding_scheme(code) == scheme


@pytest.mark.parametrize(
    "code",
    [
        "5790000000028",
        "579000000002",
        "22XWATTPLUS----X",
        EIC,
        "22xwattplus----g",
        GSRN,
        "5790000000029 ",
        "",
        "٣" * 13,
    ],
    ids=[
        "GLN check digit",
        "12 digits",
        "EIC check",
        "EIC of an area",
        "lower case",
        "GSRN",
        "blank",
        "empty",
        "script",
    ],
)
def test_any_other_party_code_is_refused(code: str) -> None:
    assert [(finding.code, finding.pointer) for finding in party_code_findings(code, "/party")] == [
        ("check_digit", "/party")
    ]
