"""The series of a Ref_MarketDocument: raw values and their faults."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from tps.documents.header import Header
from tps.documents.xml import Element, children, raw_text, read_power_kw, repeated, text
from tps.domain.identifiers import resource_id

RESOURCE = "registeredResource.mRID"
NAME = "registeredResource.name"
PSR_TYPE = "registeredResource.pSRType.psrType"
VOLTAGE = "registeredResource.pSRType.powerSystemResources.highVoltageLimit"
CANCELLED = "cancelledTS"
OWNER = "owner_MarketParticipant.mRID"
START = "startLifetime_DateAndOrTime.date"
UNIT = "active_Measurement_Unit.name"
PRODUCTION = "installedGeneration_Quantity.quantity"
CONSUMPTION = "installedConsumption_Quantity.quantity"
DOMAIN = "Domain"
POINT = "Specific_RegisteredResource"
POINT_TYPE = "A11"
YES = "A01"


@dataclass(frozen=True, slots=True)
class RefSeries:
    """One series as written.

    `faults` are pairs of reason code and text for faults that the domain's rules cannot see.
    """

    id: str
    name: str | None
    psr_type: str
    is_removal: bool
    owner: str
    point_id: str | None
    max_production_kw: Decimal | None
    max_consumption_kw: Decimal | None
    faults: tuple[tuple[str, str], ...]


def read_all(root: Element, header: Header, *, is_point: bool) -> list[RefSeries]:
    """Return all series in order, each with its faults as a part of this document."""
    return [_read_series(element, header, is_point) for element in repeated(root, "TimeSeries")]


def _read_series(element: Element, header: Header, is_point: bool) -> RefSeries:
    fields = children(element)
    series_id = _read_resource(fields[RESOURCE], is_asset=not is_point)
    name = raw_text(fields[NAME])
    unit = text(fields[UNIT]) if UNIT in fields else None
    production_kw, faults = _read_quantity(fields.get(PRODUCTION), unit)
    consumption_kw, more_faults = _read_quantity(fields.get(CONSUMPTION), unit)
    series = RefSeries(
        id=series_id,
        name=None if name == series_id else name,
        psr_type=text(fields[PSR_TYPE]),
        is_removal=CANCELLED in fields and text(fields[CANCELLED]) == YES,
        owner=text(fields[OWNER]),
        point_id=_read_resource(children(fields[POINT])["mRID"], is_asset=False) if POINT in fields else None,
        max_production_kw=production_kw,
        max_consumption_kw=consumption_kw,
        faults=(*faults, *more_faults),
    )
    return replace(series, faults=tuple(_faults(series, header, is_point)))


def _read_resource(element: Element, *, is_asset: bool) -> str:
    return resource_id(element.get("codingScheme", "").strip(), raw_text(element), is_asset)


def _read_quantity(element: Element | None, unit: str | None) -> tuple[Decimal | None, list[tuple[str, str]]]:
    if element is None:
        return None, []
    if unit is None:
        return None, [("A69", "a quantity must have active_Measurement_Unit.name")]
    power_kw = read_power_kw(text(element), unit)
    if power_kw is None:
        return None, [("A42", "power must be a multiple of 0.001 kW and at most 1,000,000,000 kW")]
    return power_kw, []


def _faults(series: RefSeries, header: Header, is_point: bool) -> Iterator[tuple[str, str]]:
    if series.owner != header.sender:
        yield "A78", "owner_MarketParticipant must be the sender"
    if (series.psr_type == POINT_TYPE) != is_point and not series.is_removal:
        yield "A64", "psrType must be A11 for a connection point and another type for an asset"
    if series.is_removal:
        return
    yield from series.faults
    if is_point and series.point_id is not None:
        yield "A59", "a connection point must not have a Specific_RegisteredResource"
    if not is_point and series.point_id is None:
        yield "A69", "an asset must have its connection point in Specific_RegisteredResource"
