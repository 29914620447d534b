"""StatusRequest_MarketDocument 4:0 (IEC 62325-451-5): a DSO's request for its asset list or for schedules.

Source: docs/requirements.md, F5 and F9; docs/documents.md, "Asset list: StatusRequest_MarketDocument,
Ref_MarketDocument".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tps.documents.errors import DocumentRefused, refusal
from tps.documents.header import (
    DSO_ROLES,
    TPS_ROLES,
    Header,
    read_header,
    route_findings,
    write_created,
    write_parties,
)
from tps.documents.xml import Element, Writer, children, format_minute, raw_text, read_moment, repeated, text
from tps.domain.identifiers import coding_scheme, resource_id
from tps.domain.limit import Interval
from tps.errors import Finding

NAMESPACE = "urn:iec62325.351:tc57wg16:451-5:statusrequestdocument:4:0"
ROOT = "StatusRequest_MarketDocument"
TYPE = "A59"
ASSETS = "A95"
SCHEDULES = "A67"
_PROCESSES = {ASSETS: {None, "A55"}, SCHEDULES: {None, "A01", "A17", "A18"}}
_RESOURCE = "RegisteredResource"


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """A DSO's request for data about its own grid.

    Attributes:
        document_type: `A95` for assets or `A67` for schedules.
        process_type: `A55` for assets, None for schedules.
        market_participant: The DSO's own code, equal to the sender.
        period: For schedules: the half-open interval, or None for all times.
        resource_ids: For schedules: the asset ids, or empty for all assets.
    """

    header: Header
    document_type: str
    process_type: str | None
    market_participant: str
    period: Interval | None = None
    resource_ids: tuple[str, ...] = ()


def decode(root: Element) -> StatusRequest:
    """Return the request in a schema-valid root.

    Raises:
        DocumentRefused: A04, A53, A55, A59, A69, A78, A79 or A94. The sender must correct the document.
    """
    components = [children(element) for element in repeated(root, "AttributeInstanceComponent")]
    pairs = [(text(fields["attribute"]), fields["attributeValue"]) for fields in components]
    single = _single_values(pairs)
    request = StatusRequest(
        header=read_header(children(root)),
        document_type=single["DocumentType"],
        process_type=single.get("ProcessType"),
        market_participant=single["MarketParticipant"],
        period=_read_period(single["TimeInterval"]) if "TimeInterval" in single else None,
        resource_ids=tuple(_read_resource(value) for name, value in pairs if name == _RESOURCE),
    )
    findings = list(_findings(request))
    if findings:
        raise DocumentRefused(findings)
    return request


def encode(document: StatusRequest) -> Element:
    """Return the root element."""
    writer = Writer(NAMESPACE, ROOT)
    writer.add(writer.root, "mRID", document.header.document_id)
    writer.add(writer.root, "type", TYPE)
    write_parties(writer, document.header)
    write_created(writer, document.header)
    _write_attribute(writer, "DocumentType", document.document_type)
    if document.process_type is not None:
        _write_attribute(writer, "ProcessType", document.process_type)
    _write_attribute(writer, "MarketParticipant", document.market_participant)
    if document.period is not None:
        interval = f"{format_minute(document.period.start)}/{format_minute(document.period.end)}"
        _write_attribute(writer, "TimeInterval", interval)
    for asset_id in document.resource_ids:
        scheme, code = coding_scheme(asset_id)
        _write_attribute(writer, _RESOURCE, code, codingScheme=scheme)
    return writer.root


def _single_values(pairs: list[tuple[str, Element]]) -> dict[str, str]:
    single: dict[str, str] = {}
    for name, value in pairs:
        if name in single:
            raise refusal("A55", f"the attribute {name} must appear only once")
        if name != _RESOURCE:
            single[name] = text(value)
    for name in ("DocumentType", "MarketParticipant"):
        if name not in single:
            raise refusal("A69", f"the attribute {name} is missing")
    return single


def _read_period(value: str) -> Interval:
    start, _, end = value.partition("/")
    try:
        interval = Interval(read_moment(start), read_moment(end))
        is_plain = f"{format_minute(interval.start)}/{format_minute(interval.end)}" == value
    except (ValueError, OverflowError):
        is_plain = False
    if not is_plain:
        raise refusal("A04", "TimeInterval must be YYYY-MM-DDThh:mmZ/YYYY-MM-DDThh:mmZ")
    return interval


def _read_resource(value: Element) -> str:
    """Return the canonical asset id. Without a codingScheme, the form of the id determines the scheme."""
    scheme, text = value.get("codingScheme"), raw_text(value)
    named = coding_scheme(text) if scheme is None else (scheme.strip(), text)
    return resource_id(*named, is_asset=True)


def _write_attribute(writer: Writer, name: str, value: str, **attributes: str) -> None:
    component = writer.add(writer.root, "AttributeInstanceComponent")
    writer.add(component, "attribute", name)
    writer.add(component, "attributeValue", value, **attributes)


def _findings(request: StatusRequest) -> Iterator[Finding]:
    yield from route_findings(request.header, DSO_ROLES, TPS_ROLES)
    if request.document_type not in _PROCESSES:
        yield Finding("A94", "", "DocumentType must be A95 or A67")
    elif request.process_type not in _PROCESSES[request.document_type]:
        yield Finding("A79", "", "ProcessType does not fit the DocumentType; omit it")
    if request.market_participant != request.header.sender:
        yield Finding("A78", "", "MarketParticipant must be the sender")
    if request.document_type == ASSETS and (request.period or request.resource_ids):
        yield Finding("A59", "", "a request for assets must not have TimeInterval or RegisteredResource")
    if request.period and request.period.end <= request.period.start:
        yield Finding("A04", "", "the end of TimeInterval must be after its start")
    if len(set(request.resource_ids)) < len(request.resource_ids):
        yield Finding("A55", "", "each RegisteredResource must appear only once")
