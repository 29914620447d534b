"""GL_MarketDocument 3:1 (IEC 62325-451-6): operational schedules, one series per asset.

Two periods of a series enclose a gap in an asset's plan.

Source: docs/requirements.md, F8 and F9; docs/documents.md, "Schedules: GL_MarketDocument".
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from tps.documents.curve import VARIABLE_BLOCKS, Curve, read_curve
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
from tps.documents.xml import Element, Writer, children, format_power, raw_text, read_interval, repeated, text
from tps.domain.identifiers import asset_id_findings, coding_scheme, resource_id
from tps.domain.limit import Interval
from tps.domain.schedule import Schedule, check_schedules, part_within, with_levels
from tps.errors import Finding

NAMESPACE = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:1"
ROOT = "GL_MarketDocument"
TYPE = "A67"
SCHEDULE_DAY = "A17"
PROCESSES = frozenset({"A01", SCHEDULE_DAY, "A18"})
"""The accepted process types. The platform sends `SCHEDULE_DAY`."""
NET = "A07"
_ONE_RESOURCE = "A06"
_YES = "A01"
# Number of opening and closing tags per element. A document with more than two million tags is refused.
_SERIES_MARKUP, _PERIOD_MARKUP, _POINT_MARKUP = 18, 10, 6
_ROOMY_MARKUP, _FULL_MARKUP = 1_500_000, 1_950_000
_MINUTE = timedelta(minutes=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ScheduleDocument:
    """One revision of the schedules of some assets.

    Attributes:
        header: Operator to platform, or platform to DSO.
        revision: 1 to 999.
        period: Whole minutes. All schedules lie within the period.
        schedules: Sorted by asset id and start. Schedules of one asset do not overlap.
        cancelled_asset_ids: Assets whose schedule from this document is cancelled, sorted. These assets have no
            schedule.
        process: One of `PROCESSES`.
        read_series_ids: The mRID of each decoded series, by asset id. `series_ids` returns it for any document.
        refused: Faults of series that decoding left out, `subject` the asset id. The other series are in force.
    """

    header: Header
    revision: int
    period: Interval
    schedules: tuple[Schedule, ...] = ()
    cancelled_asset_ids: tuple[str, ...] = ()
    process: str = SCHEDULE_DAY
    read_series_ids: Mapping[str, str] = field(default_factory=dict, compare=False)
    refused: tuple[Finding, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """The content of one of the documents that `split` makes."""

    period: Interval
    schedules: list[Schedule]
    cancelled_asset_ids: list[str]


@dataclass(frozen=True, slots=True)
class _Series:
    """One decoded series. A series with findings must not be used."""

    id: str
    asset_id: str
    schedules: tuple[Schedule, ...] = ()
    findings: tuple[Finding, ...] = ()


def split(asset_ids: Iterable[str], schedules: Sequence[Schedule], period: Interval) -> list[DocumentPart]:
    """Divide the plans of assets within a period into as few documents as can hold them.

    The division depends on these arguments only.

    Args:
        asset_ids: All assets of the documents. Assets without a schedule are cancelled.
        schedules: Schedules of these assets, within the period.
        period: Each document covers its own period completely. It is this period, or a half of it if one asset has
            more data than one document can hold.
    """
    plans: dict[str, list[Schedule]] = {asset_id: [] for asset_id in sorted(asset_ids)}
    for schedule in schedules:
        plans[schedule.asset_id].append(schedule)
    if max(map(_markup, plans.values()), default=0) > _ROOMY_MARKUP:
        middle = period.start + (period.end - period.start) // 2 // _MINUTE * _MINUTE
        halves = (Interval(period.start, middle), Interval(middle, period.end))
        cut = [[part for schedule in schedules if (part := part_within(schedule, half))] for half in halves]
        return [part for half, planned in zip(halves, cut, strict=True) for part in split(plans, planned, half)]
    parts: list[DocumentPart] = []
    room = 0
    for asset_id, plan in plans.items():
        if _markup(plan) > room:
            parts.append(DocumentPart(period, [], []))
            room = _ROOMY_MARKUP
        room -= _markup(plan)
        parts[-1].schedules.extend(plan)
        parts[-1].cancelled_asset_ids.extend([] if plan else [asset_id])
    return parts


def fits(schedules: Sequence[Schedule], asset_count: int) -> bool:
    """Return True if one document can hold these schedules of this number of assets."""
    return _markup(schedules) + _SERIES_MARKUP * asset_count <= _FULL_MARKUP


def _markup(plan: Sequence[Schedule]) -> int:
    return _SERIES_MARKUP + sum(_PERIOD_MARKUP + _POINT_MARKUP * len(schedule.levels_kw) for schedule in plan)


def series_ids(document: ScheduleDocument) -> Mapping[str, str]:
    """Return the mRID of each asset's series, by asset id. Acknowledgements name the series by this mRID."""
    if document.read_series_ids:
        return document.read_series_ids
    assets = {schedule.asset_id for schedule in document.schedules} | set(document.cancelled_asset_ids)
    return {asset_id: str(number) for number, asset_id in enumerate(sorted(assets), 1)}


def decode(root: Element) -> ScheduleDocument:
    """Return the document in a schema-valid root. Series that break a rule are left out and reported in `refused`.

    Decoding checks neither the current time nor a registry.

    Raises:
        DocumentRefused: A78 and A53 (roles), A79 (process), A04 (the document's period), A55 (two series with one
            mRID). Also if no series is left: A62 (business type), A69 (neither period nor cancelled), A59 (both), A04,
            A41, A42, A49 (periods, points), A55 (an asset or time twice), A64 (asset id). The sender must correct the
            document.
    """
    fields = children(root)
    head = _read_head(fields)
    series = [_read_series(element, head.period) for element in repeated(root, "TimeSeries")]
    if len({entry.id for entry in series}) < len(series):
        raise refusal("A55", "each series must have a different mRID")
    findings = [*(finding for entry in series for finding in entry.findings), *_series_findings(series)]
    bad_ids = {finding.subject for finding in findings}
    good = sorted((entry for entry in series if entry.asset_id not in bad_ids), key=lambda entry: entry.asset_id)
    if not good:
        raise DocumentRefused(findings)
    return replace(
        head,
        schedules=tuple(schedule for entry in good for schedule in entry.schedules),
        cancelled_asset_ids=tuple(entry.asset_id for entry in good if not entry.schedules),
        read_series_ids={entry.asset_id: entry.id for entry in series},
        refused=tuple(findings),
    )


def encode(document: ScheduleDocument) -> Element:
    """Return the root element, sorted by asset id and time.

    Raises:
        InvalidDocument: Values contradict each other.
    """
    schedules = sorted(document.schedules, key=lambda schedule: (schedule.asset_id, schedule.start))
    _check_agreement(document, schedules)
    writer = Writer(NAMESPACE, ROOT)
    writer.add(writer.root, "mRID", document.header.document_id)
    writer.add(writer.root, "revisionNumber", str(document.revision))
    writer.add(writer.root, "type", TYPE)
    writer.add(writer.root, "process.processType", document.process)
    write_parties(writer, document.header)
    write_created(writer, document.header)
    writer.add_interval(writer.root, "time_Period.timeInterval", document.period)
    planned = groupby(schedules, key=lambda schedule: schedule.asset_id)
    plans = {asset_id: list(group) for asset_id, group in planned}
    plans |= {asset_id: [] for asset_id in document.cancelled_asset_ids}
    for number, asset_id in enumerate(sorted(plans), 1):
        _write_series(writer, str(number), asset_id, plans[asset_id])
    return writer.root


def _read_head(fields: Mapping[str, Element]) -> ScheduleDocument:
    header = read_header(fields)
    senders, receivers = (TPS_ROLES, DSO_ROLES) if header.sender_role is Role.TPS else (OPERATOR_ROLES, TPS_ROLES)
    findings = list(route_findings(header, senders, receivers))
    process = text(fields["process.processType"])
    if process not in PROCESSES:
        findings.append(Finding("A79", "", "process.processType of a schedule must be A17, A01 or A18"))
    period = read_interval(fields["time_Period.timeInterval"])
    if period.end <= period.start:
        findings.append(Finding("A04", "", "the end of the document's period must be after its start"))
    if findings:
        raise DocumentRefused(findings)
    return ScheduleDocument(header, int(text(fields["revisionNumber"])), period, process=process)


def _read_series(element: Element, period: Interval) -> _Series:
    fields = children(element)
    resource = fields["registeredResource.mRID"]
    asset_id = resource_id(resource.get("codingScheme", "").strip(), raw_text(resource), is_asset=True)
    series = _Series(text(fields["mRID"]), asset_id)
    try:
        schedules = _read_schedules(element, fields, asset_id)
    except DocumentRefused as refused:
        return replace(series, findings=tuple(replace(finding, subject=asset_id) for finding in refused.findings))
    if any(schedule.start < period.start or period.end < schedule.period.end for schedule in schedules):
        outside = Finding("A04", "", "each Period must lie within the document's period", asset_id)
        return replace(series, findings=(outside,))
    return replace(series, schedules=schedules)


def _read_schedules(element: Element, fields: Mapping[str, Element], asset_id: str) -> tuple[Schedule, ...]:
    is_cancelled = "cancelledTS" in fields and text(fields["cancelledTS"]) == _YES
    if is_cancelled == ("Period" in fields):
        detail = "a series must have either periods or cancelledTS A01"
        raise refusal("A59" if is_cancelled else "A69", detail)
    if text(fields["businessType"]) != NET:
        raise refusal("A62", "businessType must be A07 (net): production positive, consumption negative")
    curve_type, unit = text(fields["curveType"]), text(fields["quantity_Measure_Unit.name"])
    curves = (read_curve(period, curve_type, unit) for period in repeated(element, "Period"))
    schedules = [_schedule(asset_id, curve) for curve in curves]
    findings = _without_pointers(check_schedules(schedules, None, _LONG_AGO))
    if findings:
        raise DocumentRefused(findings)
    return tuple(sorted(schedules, key=lambda schedule: schedule.start))


def _schedule(asset_id: str, curve: Curve) -> Schedule:
    head = Schedule(asset_id, curve.interval.start, curve.resolution, curve.count, (), ())
    return with_levels(head, [position - 1 for position in curve.positions], curve.powers_kw)


def _series_findings(series: Sequence[_Series]) -> Iterator[Finding]:
    counts = Counter(entry.asset_id for entry in series)
    for asset_id, count in counts.items():
        if count > 1:
            yield Finding("A55", "", "each asset must have only one series", asset_id)
    for entry in series:
        if not entry.schedules and not entry.findings:
            yield from _without_pointers(asset_id_findings(entry.asset_id, ""))


def _without_pointers(findings: Iterator[Finding] | Sequence[Finding]) -> list[Finding]:
    """Return the domain's findings without the pointers and codes of REST, which have no meaning in a document."""
    codes = {"check_digit": "A64"}
    return [replace(finding, pointer="", code=codes.get(finding.code, finding.code)) for finding in findings]


def _check_agreement(document: ScheduleDocument, schedules: Sequence[Schedule]) -> None:
    """Raise InvalidDocument for faults that the schema cannot see and the receiver would refuse."""
    if document.process not in PROCESSES or check_schedules(schedules, None, _LONG_AGO):
        raise InvalidDocument("a schedule breaks the rules for schedules")
    period = document.period
    if not period.start < period.end:
        raise InvalidDocument("the end of the document's period must be after its start")
    if any(schedule.start < period.start or period.end < schedule.period.end for schedule in schedules):
        raise InvalidDocument("each schedule must lie within the document's period")
    if {schedule.asset_id for schedule in schedules} & set(document.cancelled_asset_ids):
        raise InvalidDocument("an asset must not be both planned and cancelled")


def _write_series(writer: Writer, series_id: str, asset_id: str, schedules: Sequence[Schedule]) -> None:
    scheme, code = coding_scheme(asset_id)
    series = writer.add(writer.root, "TimeSeries")
    writer.add(series, "mRID", series_id)
    writer.add(series, "businessType", NET)
    writer.add(series, "objectAggregation", _ONE_RESOURCE)
    writer.add(series, "registeredResource.mRID", code, codingScheme=scheme)
    writer.add(series, "quantity_Measure_Unit.name", "KWT")
    writer.add(series, "curveType", VARIABLE_BLOCKS)
    if not schedules:
        writer.add(series, "cancelledTS", _YES)
    for schedule in schedules:
        _write_period(writer, series, schedule)


def _write_period(writer: Writer, series: Element, schedule: Schedule) -> None:
    period = writer.add(series, "Period")
    writer.add_interval(period, "timeInterval", schedule.period)
    writer.add(period, "resolution", schedule.resolution)
    for index, level_kw in zip(schedule.change_indexes, schedule.levels_kw, strict=True):
        point = writer.add(period, "Point")
        writer.add(point, "position", str(index + 1))
        writer.add(point, "quantity", format_power(level_kw))
