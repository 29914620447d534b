"""F4: test the faults of a registration that need no registry."""

from collections.abc import Callable

import pytest

from tests.domain.builders import EIC, GSRN, OTHER_GSRN, make_asset, make_point
from tests.support.growth import grows_at_most_linearly
from tps.domain.asset import ConnectionPoint, FlexibilityAsset, Removal
from tps.domain.registration import check_assets, check_connection_points
from tps.errors import Finding


def asset_faults(*entries: FlexibilityAsset | Removal) -> list[tuple[str, str]]:
    """(code, pointer) of each finding."""
    return [(finding.code, finding.pointer) for finding in check_assets(entries)]


def point_faults(*entries: ConnectionPoint | Removal, grid: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(finding.code, finding.pointer) for finding in check_connection_points(entries, grid)]


def test_assets_and_removals_in_one_call_are_in_order() -> None:
    assert asset_faults(make_asset(GSRN, name="Anlæg 1"), Removal(EIC), make_asset("NDK:own", point_id="T17/F3")) == []


def test_an_asset_twice_in_one_call_is_refused_however_it_is_spelled() -> None:
    """RGN-TWI."""
    entries = (make_asset(GSRN), make_asset(EIC), Removal(f"A10:{GSRN}"), make_asset(GSRN))

    assert asset_faults(*entries) == [("A55", "/assets/2/id"), ("A55", "/assets/3/id")]


def test_a_wrong_asset_id_is_named_for_removals_as_well() -> None:
    assert asset_faults(make_asset("charger-17"), Removal("376104250021234560")) == [
        ("check_digit", "/assets/0/id"),
        ("check_digit", "/assets/1/id"),
    ]


@pytest.mark.parametrize(("production_kw", "consumption_kw"), [(None, None), ("0", None), (None, "0.000"), ("0", "0")])
def test_an_asset_that_can_do_nothing_lacks_something_mandatory(
    production_kw: str | None, consumption_kw: str | None
) -> None:
    asset = make_asset(production_kw=production_kw, consumption_kw=consumption_kw)

    assert asset_faults(asset) == [("A69", "/assets/0")]


def test_a_maximum_of_zero_beside_another_is_allowed() -> None:
    assert asset_faults(make_asset(production_kw="0", consumption_kw="0.001")) == []


def test_bad_powers_are_named_by_field() -> None:
    asset = make_asset(production_kw="-1", consumption_kw="NaN")

    assert asset_faults(asset) == [("A46", "/assets/0/max_production_kw"), ("A42", "/assets/0/max_consumption_kw")]


def test_an_assets_point_must_be_a_connection_point_id() -> None:
    assert asset_faults(make_asset(point_id="376104250021234560")) == [("check_digit", "/assets/0/connection_point_id")]
    assert asset_faults(make_asset(point_id="")) == [("check_digit", "/assets/0/connection_point_id")]


def test_every_finding_about_an_asset_has_the_asset_as_its_subject() -> None:
    asset = make_asset("charger-17", point_id="", production_kw="-1", consumption_kw="0.0001", name="")

    findings = check_assets([asset, asset])

    assert {finding.code for finding in findings} == {"check_digit", "A46", "A42", "A59", "A55"}
    assert {finding.subject for finding in findings} == {"charger-17"}


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "two\nlines", "\ud800"])
def test_a_name_is_one_line_of_up_to_200_characters(name: str) -> None:
    assert asset_faults(make_asset(name=name)) == [("A59", "/assets/0/name")]
    assert point_faults(make_point(name=name)) == [("A59", "/connection_points/0/name")]


def test_a_point_needs_no_maximum_and_may_have_zero() -> None:
    assert point_faults(make_point(), make_point("T17", production_kw="0", name="x" * 200)) == []


def test_bad_maxima_of_a_point_are_named_by_field() -> None:
    assert point_faults(make_point(production_kw="0.0001", consumption_kw="-1")) == [
        ("A42", "/connection_points/0/max_production_kw"),
        ("A46", "/connection_points/0/max_consumption_kw"),
    ]


def test_a_point_twice_in_one_call_is_refused_however_it_is_spelled() -> None:
    assert point_faults(make_point("T17"), Removal("NDK:T17")) == [("A55", "/connection_points/1/id")]


def test_a_point_outside_the_grid_of_its_dso_is_refused_but_can_be_removed() -> None:
    entries = [make_point(OTHER_GSRN), make_point(EIC), make_point("999-7"), Removal(GSRN)]

    findings = check_connection_points(entries, grid_prefixes=["5713131", "999"])

    assert [(finding.code, finding.pointer, finding.subject) for finding in findings] == [
        ("A64", "/connection_points/1/id", EIC)
    ]


def test_a_points_grid_is_judged_by_its_canonical_id() -> None:
    assert point_faults(make_point(f"A10:{OTHER_GSRN}"), grid=("5713131",)) == []


def test_without_prefixes_no_point_is_outside_the_grid() -> None:
    assert point_faults(make_point(EIC), make_point("anything")) == []


@pytest.mark.parametrize("section", ["", " ", "x" * 61, "a\tb"])
def test_sections_are_labels_of_up_to_60_characters(section: str) -> None:
    assert point_faults(make_point(sections=("T17/F3", "x" * 60, section))) == [
        ("A59", "/connection_points/0/sections/2")
    ]


def test_a_registration_of_a_whole_grid_is_checked_in_linear_time() -> None:
    """A realistic DSO has 17,505 assets. Both checks take about 0.15 s. A quadratic check would take minutes."""

    def make(count: int) -> Callable[[], object]:
        names = [f"NDK:{index}" for index in range(count)]
        assets, points = [*map(make_asset, names)], [*map(make_point, names)]
        return lambda: none_of([*check_assets(assets), *check_connection_points(points)])

    assert grows_at_most_linearly(make, 17_505 // 4)


def none_of(findings: list[Finding]) -> None:
    assert findings == []
