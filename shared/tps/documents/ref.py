"""Ref_MarketDocument 1:0 (IEC 62325-451-N): registrations of assets and connection points, asset lists (F4, F5).

The standard demands elements that we have no use for: their fillers are constants, or say what the receiver knows
anyway, so that an asset list tells nothing of who operates what.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from tps.documents.errors import DocumentRefused
from tps.documents.header import (
    DSO_ROLES,
    OPERATOR_ROLES,
    TPS_ROLES,
    Header,
    read_header,
    route_findings,
    write_created,
    write_parties,
)
from tps.documents.xml import (
    Element,
    Writer,
    children,
    format_moment,
    format_power,
    raw_text,
    read_power_kw,
    repeated,
    text,
)
from tps.domain.asset import AssetKind, AssetListing, ConnectionPoint, FlexibilityAsset, Removal
from tps.domain.identifiers import (
    asset_id_findings,
    coding_scheme,
    party_coding_scheme,
    point_id_findings,
    resource_id,
)
from tps.domain.power import power_findings
from tps.errors import Finding

NAMESPACE = "urn:iec62325.351:tc57wg16:451-n:mltopconfigurationdocument:1:0"
ROOT = "Ref_MarketDocument"
TYPE = "A95"
REGISTRATION = "A62"
LIST = "A55"
CHANGES = "A39"
POINT_TYPE = "A11"
KIND_TYPES = {
    AssetKind.GENERATION: "A04",
    AssetKind.LOAD: "A05",
    AssetKind.STORAGE: "B25",
    AssetKind.EV_CHARGING: "B53",
    AssetKind.HEAT_PUMP: "B57",
    AssetKind.OTHER: "A03",
}
_KINDS = {code: kind for kind, code in KIND_TYPES.items()}
BIDDING_ZONE = "10YDK-2--------M"
VOLTAGE_KV = "0.4"
LIST_START = "2020-01-01"
YES = "A01"
_RESOURCE = "registeredResource.mRID"
_PSR_TYPE = "registeredResource.pSRType.psrType"
_VOLTAGE = "registeredResource.pSRType.powerSystemResources.highVoltageLimit"
_OWNER = "owner_MarketParticipant.mRID"
_UNIT = "active_Measurement_Unit.name"
_PRODUCTION = "installedGeneration_Quantity.quantity"
_CONSUMPTION = "installedConsumption_Quantity.quantity"
_POINT = "Specific_RegisteredResource"


@dataclass(frozen=True, slots=True)
class AssetRegistration:
    """An operator sets and removes its assets; it is the owner and the sender."""

    header: Header
    entries: tuple[FlexibilityAsset | Removal, ...]


@dataclass(frozen=True, slots=True)
class ConnectionPointRegistration:
    """A DSO sets and removes points of its grid; their sections do not travel."""

    header: Header
    entries: tuple[ConnectionPoint | Removal, ...]


@dataclass(frozen=True, slots=True)
class AssetList:
    """What the platform tells a DSO of the assets in its grid: all of them, or (`is_change`) what changed.

    Written sorted by id. A list without any entry cannot be written: an acknowledgement with reason 999 says so.
    """

    header: Header
    assets: tuple[AssetListing, ...]
    removed_ids: tuple[str, ...] = ()
    is_change: bool = False


RefDocument = AssetRegistration | ConnectionPointRegistration | AssetList
Entry = FlexibilityAsset | AssetListing | ConnectionPoint | Removal


@dataclass(frozen=True, slots=True)
class _Series:
    """One series as it stands there, before it is known to be right."""

    id: str
    name: str | None
    psr_type: str
    is_removal: bool
    owner: str
    point_id: str | None
    max_production_kw: Decimal | None
    max_consumption_kw: Decimal | None
    faults: tuple[tuple[str, str], ...]


def decode(root: Element) -> RefDocument:
    """From a schema-valid root.

    Raises:
        DocumentRefused: With one finding per fault, `subject` the resource id: A42 or A46 (power), A53 and A78 (who
            sends, gets or owns), A55 (an id twice), A59, A64 (kind or point does not fit), A69 (something is missing),
            A79. The sender must correct it.
    """
    fields = children(root)
    header = read_header(fields)
    process = text(fields["process.processType"])
    if process != REGISTRATION:
        return _decode_list(root, header, process == CHANGES)
    if header.sender_role.is_dso:
        return _decode_points(root, header)
    return _decode_assets(root, header)


def encode(document: RefDocument) -> Element:
    """To the root element."""
    writer = Writer(NAMESPACE, ROOT)
    writer.add(writer.root, "mRID", document.header.document_id)
    writer.add(writer.root, "type", TYPE)
    writer.add(writer.root, "process.processType", process_of(document))
    write_parties(writer, document.header)
    write_created(writer, document.header)
    is_list = isinstance(document, AssetList)
    start = LIST_START if is_list else format_moment(document.header.created_at)[:10]
    removal_type = POINT_TYPE if isinstance(document, ConnectionPointRegistration) else KIND_TYPES[AssetKind.OTHER]
    fillers = _Fillers(document.header.sender, start, removal_type)
    for entry in _sorted_entries(document) if isinstance(document, AssetList) else document.entries:
        _write_series(writer, entry, fillers)
    return writer.root


def process_of(document: RefDocument) -> str:
    """A62 registration, A55 list, A39 changes."""
    if not isinstance(document, AssetList):
        return REGISTRATION
    return CHANGES if document.is_change else LIST


def _decode_assets(root: Element, header: Header) -> AssetRegistration:
    findings = list(route_findings(header, OPERATOR_ROLES, TPS_ROLES))
    series = _read_all(root, header, findings, is_point=False)
    findings += [fault for one in series for fault in asset_id_findings(one.id, "")]
    _refuse(findings)
    return AssetRegistration(header, tuple(Removal(one.id) if one.is_removal else _asset(one) for one in series))


def _decode_points(root: Element, header: Header) -> ConnectionPointRegistration:
    findings = list(route_findings(header, DSO_ROLES, TPS_ROLES))
    series = _read_all(root, header, findings, is_point=True)
    findings += [fault for one in series for fault in point_id_findings(one.id, "")]
    _refuse(findings)
    entries = tuple(Removal(one.id) if one.is_removal else _point(one) for one in series)
    return ConnectionPointRegistration(header, entries)


def _decode_list(root: Element, header: Header, is_change: bool) -> AssetList:
    findings = list(route_findings(header, TPS_ROLES, DSO_ROLES))
    series = _read_all(root, header, findings, is_point=False)
    removed_ids = tuple(one.id for one in series if one.is_removal)
    if removed_ids and not is_change:
        findings.append(Finding("A79", "", "a whole list has no removals"))
    _refuse(findings)
    return AssetList(header, tuple(_listing(one) for one in series if not one.is_removal), removed_ids, is_change)


def _refuse(findings: list[Finding]) -> None:
    """Findings of the identifiers' rules come with a code of REST; in documents it is A64."""
    if findings:
        raise DocumentRefused(replace(one, code="A64") if one.code == "check_digit" else one for one in findings)


def _read_all(root: Element, header: Header, findings: list[Finding], *, is_point: bool) -> list[_Series]:
    """All series; what is wrong with them goes to `findings`."""
    place = "/connection_points" if is_point else "/assets"
    all_series: list[_Series] = []
    seen: set[str] = set()
    for index, element in enumerate(repeated(root, "TimeSeries")):
        series = _read_series(element, is_point)
        faults = [*_faults(series, header, is_point), *([("A55", "the same id twice")] if series.id in seen else [])]
        findings += [Finding(code, f"{place}/{index}", detail, series.id) for code, detail in faults]
        seen.add(series.id)
        all_series.append(series)
    return all_series


def _read_series(element: Element, is_point: bool) -> _Series:
    fields = children(element)
    series_id = _read_resource(fields[_RESOURCE], is_asset=not is_point)
    name = raw_text(fields["registeredResource.name"])
    unit = text(fields[_UNIT]) if _UNIT in fields else None
    production_kw, faults = _read_quantity(fields.get(_PRODUCTION), unit)
    consumption_kw, more_faults = _read_quantity(fields.get(_CONSUMPTION), unit)
    return _Series(
        id=series_id,
        name=None if name == series_id else name,
        psr_type=text(fields[_PSR_TYPE]),
        is_removal="cancelledTS" in fields and text(fields["cancelledTS"]) == YES,
        owner=text(fields[_OWNER]),
        point_id=_read_resource(children(fields[_POINT])["mRID"], is_asset=False) if _POINT in fields else None,
        max_production_kw=production_kw,
        max_consumption_kw=consumption_kw,
        faults=(*faults, *more_faults),
    )


def _read_resource(element: Element, *, is_asset: bool) -> str:
    return resource_id(element.get("codingScheme", "").strip(), text(element), is_asset)


def _read_quantity(element: Element | None, unit: str | None) -> tuple[Decimal | None, list[tuple[str, str]]]:
    if element is None:
        return None, []
    if unit is None:
        return None, [("A69", "a quantity without its unit")]
    power_kw = read_power_kw(text(element), unit)
    if power_kw is None:
        return None, [("A42", "more digits than a power has")]
    return power_kw, [(one.code, one.detail) for one in power_findings(power_kw, "")]


def _faults(series: _Series, header: Header, is_point: bool) -> Iterator[tuple[str, str]]:
    if series.owner != header.sender:
        yield "A78", "the owner is not the sender"
    if (series.psr_type == POINT_TYPE) != is_point and not series.is_removal:
        yield "A64", "the type of resource does not fit the document"
    if series.is_removal:
        return
    yield from series.faults
    if is_point and series.point_id is not None:
        yield "A59", "a connection point is not connected to another one"
    if not is_point and series.point_id is None:
        yield "A69", "no connection point given"
    has_power = series.max_production_kw is not None or series.max_consumption_kw is not None
    if not (is_point or has_power or series.faults):
        yield "A69", "neither production nor consumption given"


def _asset(series: _Series) -> FlexibilityAsset:
    listing = _listing(series)
    return FlexibilityAsset(
        id=listing.id,
        connection_point_id=listing.connection_point_id,
        kind=listing.kind,
        max_production_kw=listing.max_production_kw,
        max_consumption_kw=listing.max_consumption_kw,
        name=series.name,
    )


def _listing(series: _Series) -> AssetListing:
    return AssetListing(
        id=series.id,
        connection_point_id=series.point_id or "",
        kind=_KINDS[series.psr_type],
        max_production_kw=series.max_production_kw,
        max_consumption_kw=series.max_consumption_kw,
    )


def _point(series: _Series) -> ConnectionPoint:
    return ConnectionPoint(series.id, series.max_production_kw, series.max_consumption_kw, series.name)


def _sorted_entries(document: AssetList) -> list[Entry]:
    """By id, removals among the others."""
    entries: list[Entry] = [*document.assets, *(Removal(asset_id) for asset_id in document.removed_ids)]
    return sorted(entries, key=lambda entry: entry.id)


@dataclass(frozen=True, slots=True)
class _Fillers:
    """What the series of one document have in common."""

    owner: str
    start: str
    removal_type: str


def _write_series(writer: Writer, entry: Entry, fillers: _Fillers) -> None:
    series = writer.add(writer.root, "TimeSeries")
    scheme, code = coding_scheme(entry.id)
    writer.add(series, _RESOURCE, code, codingScheme=scheme)
    writer.add(series, "registeredResource.name", getattr(entry, "name", None) or entry.id)
    writer.add(series, _PSR_TYPE, _psr_type(entry, fillers))
    writer.add(series, _VOLTAGE, VOLTAGE_KV, unit="KVT")
    if isinstance(entry, Removal):
        writer.add(series, "cancelledTS", YES)
    writer.add(series, _OWNER, fillers.owner, codingScheme=party_coding_scheme(fillers.owner))
    writer.add(series, "startLifetime_DateAndOrTime.date", fillers.start)
    if not isinstance(entry, Removal):
        _write_powers(writer, series, entry)
    writer.add(writer.add(series, "Domain"), "mRID", BIDDING_ZONE, codingScheme="A01")
    if isinstance(entry, FlexibilityAsset | AssetListing):
        scheme, code = coding_scheme(entry.connection_point_id)
        writer.add(writer.add(series, _POINT), "mRID", code, codingScheme=scheme)


def _psr_type(entry: Entry, fillers: _Fillers) -> str:
    if isinstance(entry, Removal):
        return fillers.removal_type
    return POINT_TYPE if isinstance(entry, ConnectionPoint) else KIND_TYPES[entry.kind]


def _write_powers(writer: Writer, series: Element, entry: FlexibilityAsset | AssetListing | ConnectionPoint) -> None:
    powers_kw = {_PRODUCTION: entry.max_production_kw, _CONSUMPTION: entry.max_consumption_kw}
    stated = {name: power_kw for name, power_kw in powers_kw.items() if power_kw is not None}
    if stated:
        writer.add(series, _UNIT, "KWT")
    for name, power_kw in stated.items():
        writer.add(series, name, format_power(power_kw))
