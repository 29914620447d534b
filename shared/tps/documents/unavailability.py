"""Unavailability_MarketDocument 4:0 (IEC 62325-451-6): capacity limits, foreseen and unforeseen.

Information without an element in the standard is in series Reasons A95 (`limit_information`).

Source: docs/requirements.md, F6 and F7; docs/documents.md, "Limits: Unavailability_MarketDocument".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tps.documents.curve import VARIABLE_BLOCKS, read_blocks
from tps.documents.errors import DocumentRefused, InvalidDocument, refusal
from tps.documents.header import (
    DSO_ROLES,
    OPERATOR_ROLES,
    TPS_ROLES,
    Header,
    Role,
    read_header,
    route_findings,
    write_created,
    write_parties,
)
from tps.documents.limit_information import INFORMATION, information_texts, read_action, read_information, read_share
from tps.documents.xml import (
    Element,
    Writer,
    children,
    format_minute,
    format_power,
    raw_text,
    read_interval,
    read_moment,
    repeated,
    text,
)
from tps.domain.identifiers import coding_scheme, resource_id
from tps.domain.limit import (
    AvailablePower,
    Direction,
    ForeseenLimit,
    Interval,
    Limit,
    Reason,
    Share,
    UnforeseenLimit,
    check_foreseen,
    check_unforeseen,
)
from tps.errors import Finding

NAMESPACE = "urn:iec62325.351:tc57wg16:451-6:outagedocument:4:0"
ROOT = "Unavailability_MarketDocument"
PROCESS = "A26"
FORESEEN = "A53"
UNFORESEEN = "A54"
LIMIT_TYPES = {Direction.PRODUCTION: "A77", Direction.CONSUMPTION: "A76", Direction.BOTH: "A53"}
_DIRECTIONS = {code: direction for direction, code in LIMIT_TYPES.items()}
REASON_CODES = frozenset({"999", "A98", "B18", "B19", "B20", "B24", "B25", "B26", "B46", "B47"})
"""The codes that the reason of a limit may have."""
_MINUTE = timedelta(minutes=1)
_MAX_POSITION = 999_999
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class DocumentStatus(StrEnum):
    """The status of a limit. `CANCELLED`: the limit will not take place. `WITHDRAWN`: the limit was sent in error."""

    ACTIVE = "A05"
    CANCELLED = "A09"
    WITHDRAWN = "A13"


_ACTIVE = DocumentStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class LimitDocument:
    """One revision of a limit.

    Attributes:
        header: DSO to platform, or platform to operator.
        revision: 1 to 999.
        period: The limit's whole period, whole minutes.
        kind_type: The document type: A77 production, A76 consumption, A53 both (`limit_type`).
        limit: None if the limit is cancelled or withdrawn.
        reason: The document's reason. An active limit has the same reason.
        issuer: The DSO's code, from the platform to an operator only.
        share: The basis of the operator's part, from the platform to an operator and for foreseen limits only.
        issuer_name: The DSO's name, only together with its code.
    """

    header: Header
    revision: int
    status: DocumentStatus
    period: Interval
    kind_type: str
    limit: Limit | None
    reason: Reason
    issuer: str | None = None
    share: Share | None = None
    issuer_name: str | None = None


def limit_type(direction: Direction) -> str:
    """Return the document type of a direction."""
    return LIMIT_TYPES[direction]


def decode(root: Element) -> LimitDocument:
    """Return the document in a schema-valid root. Decoding does not check the current time.

    Raises:
        DocumentRefused: A04 (intervals), A41 (resolution), A42 and A46 (power), A49 (positions), A53 and A78 (roles),
            A55 (an id twice), A59, A62 (business type), A69 (a value is missing). The sender must correct the document.
    """
    fields = children(root)
    header = read_header(fields)
    senders, receivers = (TPS_ROLES, OPERATOR_ROLES) if header.sender_role is Role.TPS else (DSO_ROLES, TPS_ROLES)
    _refuse(list(route_findings(header, senders, receivers)))
    status = DocumentStatus(text(children(fields["docStatus"])["value"])) if "docStatus" in fields else _ACTIVE
    head = LimitDocument(
        header=header,
        revision=int(text(fields["revisionNumber"])),
        status=status,
        period=_read_period(fields),
        kind_type=text(fields["type"]),
        limit=None,
        reason=_read_reason(fields["Reason"]),
    )
    series = fields.get("TimeSeries")
    if (series is None) == (status is _ACTIVE):
        raise refusal(
            "A69" if series is None else "A59",
            "an active limit must have one series; a cancelled or withdrawn limit must have none",
        )
    return head if series is None else _with_series(head, series)


def encode(document: LimitDocument) -> Element:
    """Return the root element.

    Raises:
        InvalidDocument: Values contradict each other.
    """
    if (document.limit is None) == (document.status is _ACTIVE):
        raise InvalidDocument("an active document must have a limit; a cancelled or withdrawn document must have none")
    writer = Writer(NAMESPACE, ROOT)
    writer.add(writer.root, "mRID", document.header.document_id)
    writer.add(writer.root, "revisionNumber", str(document.revision))
    writer.add(writer.root, "type", document.kind_type)
    writer.add(writer.root, "process.processType", PROCESS)
    write_created(writer, document.header)
    write_parties(writer, document.header)
    writer.add_interval(writer.root, "unavailability_Time_Period.timeInterval", document.period)
    writer.add(writer.add(writer.root, "docStatus"), "value", document.status)
    if document.limit is not None:
        _check_agreement(document, document.limit)
        _write_series(writer, document, document.limit)
    _write_reason(writer, writer.root, document.reason.code, document.reason.text)
    return writer.root


def _refuse(findings: list[Finding]) -> None:
    if findings:
        raise DocumentRefused(findings)


def _read_period(fields: Mapping[str, Element]) -> Interval:
    period = read_interval(fields["unavailability_Time_Period.timeInterval"])
    if period.end <= period.start:
        raise refusal("A04", "the end of the document's period must be after its start")
    return period


def _read_reason(element: Element) -> Reason:
    fields = children(element)
    code = text(fields["code"])
    if code not in REASON_CODES:
        raise refusal("A94", f"the document's reason must be one of {', '.join(sorted(REASON_CODES))}")
    return Reason(code, raw_text(fields["text"]) if "text" in fields else None)


def _with_series(head: LimitDocument, series: Element) -> LimitDocument:
    fields = children(series)
    if _series_interval(fields) != head.period:
        raise refusal("A04", "start and end of the series must equal the document's period")
    information = read_information(series)
    is_foreseen = text(fields["businessType"]) == FORESEEN
    limit = _read_foreseen(head, series) if is_foreseen else _read_unforeseen(head, series, information)
    share = read_share(information)
    issuer, issuer_name = information.get("ISSUER"), information.get("ISSUER_NAME")
    if (share or issuer or issuer_name) and head.header.sender_role is not Role.TPS:
        raise refusal("A59", "only the platform may send SHARE_RULE, WEIGHT_KW, ISSUER and ISSUER_NAME")
    if issuer_name and not issuer:
        raise refusal("A59", "ISSUER_NAME must appear together with ISSUER")
    if (share and not is_foreseen) or ("ACTION" in information and is_foreseen):
        raise refusal("A62", "ACTION is for unforeseen limits only, and SHARE_RULE is for foreseen limits only")
    return replace(head, limit=limit, issuer=issuer, share=share, issuer_name=issuer_name)


def _series_interval(fields: Mapping[str, Element]) -> Interval:
    start, end = (
        read_moment(f"{text(fields[f'{side}_DateAndOrTime.date'])}T{text(fields[f'{side}_DateAndOrTime.time'])}")
        for side in ("start", "end")
    )
    return Interval(start, end)


def _read_assets(series: Element) -> tuple[str, ...]:
    ids = (children(element)["mRID"] for element in repeated(series, "Asset_RegisteredResource"))
    return tuple(resource_id(mrid.get("codingScheme", "").strip(), raw_text(mrid), is_asset=True) for mrid in ids)


def _read_foreseen(head: LimitDocument, series: Element) -> ForeseenLimit:
    fields = children(series)
    direction = _DIRECTIONS[head.kind_type]
    if direction is Direction.BOTH:
        raise refusal("A62", "type of a foreseen limit must be A77 or A76")
    unit, curve_type = text(fields["quantity_Measure_Unit.name"]), text(fields["curveType"])
    blocks = [
        block for period in repeated(series, "Available_Period") for block in read_blocks(period, curve_type, unit)
    ]
    if not blocks:
        raise refusal("A69", "a foreseen limit must have at least one Available_Period")
    available = [AvailablePower(block.interval, block.power_kw) for block in blocks]
    limit = ForeseenLimit(
        asset_ids=_read_assets(series),
        direction=direction,
        available=tuple(sorted(available, key=lambda slot: slot.interval.start)),
        reason=head.reason,
    )
    _refuse(check_foreseen(limit, _LONG_AGO))
    if limit.period.start < head.period.start or limit.period.end > head.period.end:
        raise refusal("A04", "each Available_Period must lie within the document's period")
    return limit


def _read_unforeseen(head: LimitDocument, series: Element, information: Mapping[str, str]) -> UnforeseenLimit:
    if next(repeated(series, "Available_Period"), None) is not None:
        raise refusal("A62", "an unforeseen limit must not have an Available_Period")
    limit = UnforeseenLimit(
        asset_ids=_read_assets(series),
        action=read_action(information),
        direction=_DIRECTIONS[head.kind_type],
        period=head.period,
        reason=head.reason,
    )
    _refuse(check_unforeseen(limit, _LONG_AGO))
    return limit


def _check_agreement(document: LimitDocument, limit: Limit) -> None:
    if limit.reason != document.reason or limit_type(limit.direction) != document.kind_type:
        raise InvalidDocument("the document's type and reason must equal those of its limit")
    is_within = document.period.start <= limit.period.start and limit.period.end <= document.period.end
    is_whole = isinstance(limit, ForeseenLimit) or limit.period == document.period
    if not (is_within and is_whole and document.period.start < document.period.end):
        raise InvalidDocument("the document's period must equal the period of its limit")


def _write_series(writer: Writer, document: LimitDocument, limit: Limit) -> None:
    series = writer.add(writer.root, "TimeSeries")
    writer.add(series, "mRID", "1")
    writer.add(series, "businessType", FORESEEN if isinstance(limit, ForeseenLimit) else UNFORESEEN)
    for side, moment in (("start", document.period.start), ("end", document.period.end)):
        day, _, clock = format_minute(moment).removesuffix("Z").partition("T")
        writer.add(series, f"{side}_DateAndOrTime.date", day)
        writer.add(series, f"{side}_DateAndOrTime.time", f"{clock}:00Z")
    writer.add(series, "quantity_Measure_Unit.name", "KWT")
    writer.add(series, "curveType", VARIABLE_BLOCKS)
    for asset_id in limit.asset_ids:
        scheme, code = coding_scheme(asset_id)
        writer.add(writer.add(series, "Asset_RegisteredResource"), "mRID", code, codingScheme=scheme)
    if isinstance(limit, ForeseenLimit):
        _write_available(writer, series, limit)
    if isinstance(limit, ForeseenLimit):
        _write_reason(writer, series, limit.reason.code, None)
    action = limit.action if isinstance(limit, UnforeseenLimit) else None
    for content in information_texts(action, document.share, document.issuer, document.issuer_name):
        _write_reason(writer, series, INFORMATION, content)


def _write_available(writer: Writer, series: Element, limit: ForeseenLimit) -> None:
    for slots in _curves(limit.available):
        start = slots[0].interval.start
        period = writer.add(series, "Available_Period")
        writer.add_interval(period, "timeInterval", Interval(start, slots[-1].interval.end))
        writer.add(period, "resolution", "PT1M")
        for slot in slots:
            point = writer.add(period, "Point")
            writer.add(point, "position", str((slot.interval.start - start) // _MINUTE + 1))
            writer.add(point, "quantity", format_power(slot.power_kw))


def _curves(available: Sequence[AvailablePower]) -> Iterator[list[AvailablePower]]:
    """The intervals, those without a gap between them together, as far as a position reaches."""
    curve: list[AvailablePower] = []
    for slot in available:
        is_next = curve and slot.interval.start == curve[-1].interval.end
        if is_next and (slot.interval.start - curve[0].interval.start) // _MINUTE < _MAX_POSITION:
            curve.append(slot)
            continue
        if curve:
            yield curve
        curve = [slot]
    if curve:
        yield curve


def _write_reason(writer: Writer, parent: Element, code: str, content: str | None) -> None:
    reason = writer.add(parent, "Reason")
    writer.add(reason, "code", code)
    if content is not None:
        writer.add(reason, "text", content)
