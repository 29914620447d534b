"""Ref_MarketDocument 1:0 (IEC 62325-451-N): registrations of assets and connection points, and asset lists.

The standard requires elements that this system does not use. They contain constants, or data that the receiver already
knows, so that an asset list reveals no operator.

Source: docs/requirements.md, F4 and F5; docs/documents.md, "Registration: Ref_MarketDocument" and "Asset list:
StatusRequest_MarketDocument, Ref_MarketDocument".
"""

from dataclasses import dataclass, replace

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
from tps.documents.ref_series import (
    CANCELLED,
    CONSUMPTION,
    DOMAIN,
    NAME,
    OWNER,
    POINT,
    POINT_TYPE,
    PRODUCTION,
    PSR_TYPE,
    RESOURCE,
    START,
    UNIT,
    VOLTAGE,
    YES,
    RefSeries,
    read_all,
)
from tps.documents.xml import (
    Element,
    Writer,
    children,
    format_moment,
    format_power,
    text,
)
from tps.domain.asset import AssetKind, AssetListing, ConnectionPoint, FlexibilityAsset, Removal
from tps.domain.identifiers import coding_scheme, party_coding_scheme
from tps.domain.registration import check_assets, check_connection_points
from tps.errors import Finding

NAMESPACE = "urn:iec62325.351:tc57wg16:451-n:mltopconfigurationdocument:1:0"
ROOT = "Ref_MarketDocument"
TYPE = "A95"
REGISTRATION = "A62"
LIST = "A55"
CHANGES = "A39"
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


@dataclass(frozen=True, slots=True)
class AssetRegistration:
    """An operator's request to set and remove its assets. The sender is the owner."""

    header: Header
    entries: tuple[FlexibilityAsset | Removal, ...]


@dataclass(frozen=True, slots=True)
class ConnectionPointRegistration:
    """A DSO's request to set and remove points of its grid. The document does not carry sections."""

    header: Header
    entries: tuple[ConnectionPoint | Removal, ...]


@dataclass(frozen=True, slots=True)
class AssetList:
    """The assets in a DSO's grid: the complete list, or only the changes (`is_change`).

    The document is sorted by id. An empty list cannot be written. An acknowledgement with reason 999 replaces it.
    """

    header: Header
    assets: tuple[AssetListing, ...]
    removed_ids: tuple[str, ...] = ()
    is_change: bool = False


RefDocument = AssetRegistration | ConnectionPointRegistration | AssetList
Entry = FlexibilityAsset | AssetListing | ConnectionPoint | Removal


def decode(root: Element) -> RefDocument:
    """Return the document in a schema-valid root.

    Raises:
        DocumentRefused: One finding per fault, `subject` the resource id: A42 or A46 (power), A53 and A78 (sender,
            receiver or owner), A55 (an id twice), A59, A64 (wrong kind or point), A69 (a value is missing), A79, and
            the findings of `tps.domain.registration`. The sender must correct the document.
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
    """Return the root element."""
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
    """Return the process type: A62 registration, A55 list, A39 changes."""
    if not isinstance(document, AssetList):
        return REGISTRATION
    return CHANGES if document.is_change else LIST


def _decode_assets(root: Element, header: Header) -> AssetRegistration:
    entries, findings = _read_assets(root, header)
    _refuse([*route_findings(header, OPERATOR_ROLES, TPS_ROLES), *findings])
    return AssetRegistration(header, entries)


def _decode_points(root: Element, header: Header) -> ConnectionPointRegistration:
    series = read_all(root, header, is_point=True)
    entries = tuple(Removal(entry.id) if entry.is_removal or entry.faults else _point(entry) for entry in series)
    findings = [*_series_findings(series, "/connection_points"), *check_connection_points(entries)]
    _refuse([*route_findings(header, DSO_ROLES, TPS_ROLES), *findings])
    return ConnectionPointRegistration(header, entries)


def _decode_list(root: Element, header: Header, is_change: bool) -> AssetList:
    entries, findings = _read_assets(root, header)
    removed_ids = tuple(entry.id for entry in entries if isinstance(entry, Removal))
    if removed_ids and not is_change:
        findings.append(Finding("A79", "", "a complete list (process A55) must not contain removals"))
    _refuse([*route_findings(header, TPS_ROLES, DSO_ROLES), *findings])
    listings = tuple(_listing(entry) for entry in entries if isinstance(entry, FlexibilityAsset))
    return AssetList(header, listings, removed_ids, is_change)


def _read_assets(root: Element, header: Header) -> tuple[tuple[FlexibilityAsset | Removal, ...], list[Finding]]:
    """Return entries and findings. A faulty series becomes a removal, so that the rules about ids still see its id."""
    series = read_all(root, header, is_point=False)
    entries = tuple(Removal(entry.id) if entry.is_removal or entry.faults else _asset(entry) for entry in series)
    return entries, [*_series_findings(series, "/assets"), *check_assets(entries)]


def _series_findings(all_series: list[RefSeries], place: str) -> list[Finding]:
    return [
        Finding(code, f"{place}/{index}", detail, series.id)
        for index, series in enumerate(all_series)
        for code, detail in series.faults
    ]


def _refuse(findings: list[Finding]) -> None:
    """Raise DocumentRefused if there are findings. The REST code `check_digit` becomes A64."""
    if findings:
        codes = {"check_digit": "A64"}
        raise DocumentRefused(replace(finding, code=codes.get(finding.code, finding.code)) for finding in findings)


def _asset(series: RefSeries) -> FlexibilityAsset:
    return FlexibilityAsset(
        id=series.id,
        connection_point_id=series.point_id or "",
        kind=_KINDS[series.psr_type],
        max_production_kw=series.max_production_kw,
        max_consumption_kw=series.max_consumption_kw,
        name=series.name,
    )


def _listing(asset: FlexibilityAsset) -> AssetListing:
    return AssetListing(
        id=asset.id,
        connection_point_id=asset.connection_point_id,
        kind=asset.kind,
        max_production_kw=asset.max_production_kw,
        max_consumption_kw=asset.max_consumption_kw,
    )


def _point(series: RefSeries) -> ConnectionPoint:
    return ConnectionPoint(series.id, series.max_production_kw, series.max_consumption_kw, series.name)


def _sorted_entries(document: AssetList) -> list[Entry]:
    """Return assets and removals together, sorted by id."""
    entries: list[Entry] = [*document.assets, *(Removal(asset_id) for asset_id in document.removed_ids)]
    return sorted(entries, key=lambda entry: entry.id)


@dataclass(frozen=True, slots=True)
class _Fillers:
    """The values that all series of one document share."""

    owner: str
    start: str
    removal_type: str


def _write_series(writer: Writer, entry: Entry, fillers: _Fillers) -> None:
    series = writer.add(writer.root, "TimeSeries")
    scheme, code = coding_scheme(entry.id)
    writer.add(series, RESOURCE, code, codingScheme=scheme)
    writer.add(series, NAME, getattr(entry, "name", None) or entry.id)
    writer.add(series, PSR_TYPE, _psr_type(entry, fillers))
    writer.add(series, VOLTAGE, VOLTAGE_KV, unit="KVT")
    if isinstance(entry, Removal):
        writer.add(series, CANCELLED, YES)
    writer.add(series, OWNER, fillers.owner, codingScheme=party_coding_scheme(fillers.owner))
    writer.add(series, START, fillers.start)
    if not isinstance(entry, Removal):
        _write_powers(writer, series, entry)
    writer.add(writer.add(series, DOMAIN), "mRID", BIDDING_ZONE, codingScheme="A01")
    if isinstance(entry, FlexibilityAsset | AssetListing):
        scheme, code = coding_scheme(entry.connection_point_id)
        writer.add(writer.add(series, POINT), "mRID", code, codingScheme=scheme)


def _psr_type(entry: Entry, fillers: _Fillers) -> str:
    if isinstance(entry, Removal):
        return fillers.removal_type
    return POINT_TYPE if isinstance(entry, ConnectionPoint) else KIND_TYPES[entry.kind]


def _write_powers(writer: Writer, series: Element, entry: FlexibilityAsset | AssetListing | ConnectionPoint) -> None:
    powers_kw = {PRODUCTION: entry.max_production_kw, CONSUMPTION: entry.max_consumption_kw}
    stated = {name: power_kw for name, power_kw in powers_kw.items() if power_kw is not None}
    if stated:
        writer.add(series, UNIT, "KWT")
    for name, power_kw in stated.items():
        writer.add(series, name, format_power(power_kw))
