"""Acknowledgement_MarketDocument 8:0 (IEC 62325-451-1): the answer to every business document, and notices.

The first Reason is the outcome. The other Reasons explain it. A notice is a further acknowledgement of the same
document with Reasons A95 whose texts are `NAME=value`. A rejected series is named by its id. For registrations this is
a resource id, which may exceed the 35 characters of the element. Then the element has the beginning of the id, and a
Reason A95 `SERIES=` has the complete id.

Source: docs/documents.md, "Acknowledgement_MarketDocument" and "Information in reasons".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tps.documents.errors import InvalidDocument, refusal
from tps.documents.header import Header, Role, read_header, write_created, write_parties
from tps.documents.xml import (
    Element,
    Writer,
    children,
    format_moment,
    local_name,
    raw_text,
    read_moment,
    repeated,
    text,
)
from tps.errors import Finding

NAMESPACE = "urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:8:0"
ROOT = "Acknowledgement_MarketDocument"
MAX_TEXT = 512
NOTICE_CODE = "A95"
NO_MATCHING_DATA = "999"
_MAX_SERIES_ID = 35
_SERIES = "SERIES"


class Outcome(StrEnum):
    """The outcome of a document.

    `PARTLY` applies to schedules. `PARTLY_EMERGENCY` applies to emergencies, with one reason A64 per rejected asset.
    """

    ACCEPTED = "A01"
    REJECTED = "A02"
    PARTLY = "A03"
    PARTLY_EMERGENCY = "B70"


_OUTCOMES = frozenset(Outcome)


@dataclass(frozen=True, slots=True)
class ReceivedDocument:
    """The data of the answered document that an acknowledgement quotes. None where that document has no such value."""

    document_id: str
    revision: int | None = None
    type: str | None = None
    process: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DocumentReason:
    """An IEC reason code and a text of at most 512 characters."""

    code: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class RejectedSeries:
    """A series that was not accepted. Registrations have no series ids, so `series_id` is the resource id."""

    series_id: str
    reasons: tuple[DocumentReason, ...]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The answer to one document. `reasons` exclude the code of the outcome."""

    header: Header
    received: ReceivedDocument
    outcome: Outcome
    reasons: tuple[DocumentReason, ...] = ()
    rejected: tuple[RejectedSeries, ...] = ()

    @property
    def notices(self) -> tuple[tuple[str, str], ...]:
        """Return the name and value of every notice (`ACTIVE`, `CAPPED`, `WAITING`, `EXPIRES`, ...), in order."""
        return tuple(
            (name, value)
            for name, equals, value in (
                (reason.text or "").partition("=") for reason in self.reasons if reason.code == NOTICE_CODE
            )
            if equals
        )


def notice_reason(name: str, value: str) -> DocumentReason:
    """Return the reason with one notice, as in `ACTIVE=571313190000000011`."""
    return DocumentReason(NOTICE_CODE, f"{name}={value}")


def finding_reason(finding: Finding) -> DocumentReason:
    """Return the reason for a finding, with the text cut to the length of a reason."""
    return DocumentReason(finding.code, finding.detail[:MAX_TEXT] or None)


def rejected_series(findings: Iterable[Finding]) -> tuple[RejectedSeries, ...]:
    """Return the findings about resources, grouped by resource in the order of first appearance."""
    grouped: dict[str, list[DocumentReason]] = {}
    for finding in findings:
        if finding.subject:
            grouped.setdefault(finding.subject, []).append(finding_reason(finding))
    return tuple(RejectedSeries(subject, tuple(reasons)) for subject, reasons in grouped.items())


def decode(root: Element) -> Acknowledgement:
    """Return the acknowledgement in a schema-valid root.

    Raises:
        DocumentRefused: Not exactly one outcome, or neither sender nor receiver is the platform.
    """
    fields = children(root)
    header = read_header(fields)
    if Role.TPS not in (header.sender_role, header.receiver_role):
        raise refusal("A78", "sender or receiver of an acknowledgement must be the platform (role A39)")
    reasons = tuple(_read_reason(element) for element in repeated(root, "Reason"))
    outcomes = [reason.code for reason in reasons if reason.code in _OUTCOMES]
    if len(outcomes) != 1:
        raise refusal("A94", "an acknowledgement must have exactly one of the reasons A01, A02, A03, B70")
    return Acknowledgement(
        header=header,
        received=_read_received(fields),
        outcome=Outcome(outcomes[0]),
        reasons=tuple(reason for reason in reasons if reason.code not in _OUTCOMES),
        rejected=tuple(_read_rejected(element) for element in repeated(root, "Rejected_TimeSeries")),
    )


def encode(document: Acknowledgement) -> Element:
    """Return the root element.

    Raises:
        InvalidDocument: The reasons contain an outcome.
    """
    if any(reason.code in _OUTCOMES for reason in document.reasons):
        raise InvalidDocument("the reasons of an acknowledgement must not contain an outcome")
    writer = Writer(NAMESPACE, ROOT)
    writer.add(writer.root, "mRID", document.header.document_id)
    write_created(writer, document.header)
    write_parties(writer, document.header)
    _write_received(writer, document.received)
    for series in document.rejected:
        _write_rejected(writer, series)
    for reason in (DocumentReason(document.outcome), *document.reasons):
        _write_reason(writer, writer.root, reason)
    return writer.root


def _read_reason(element: Element) -> DocumentReason:
    fields = {local_name(child): child for child in element}
    return DocumentReason(text(fields["code"]), raw_text(fields["text"]) if "text" in fields else None)


def _write_reason(writer: Writer, parent: Element, reason: DocumentReason) -> None:
    element = writer.add(parent, "Reason")
    writer.add(element, "code", reason.code)
    if reason.text is not None:
        writer.add(element, "text", reason.text)


def _read_received(fields: dict[str, Element]) -> ReceivedDocument:
    def value(name: str) -> str | None:
        element = fields.get(f"received_MarketDocument.{name}")
        return None if element is None else text(element)

    revision, created = value("revisionNumber"), value("createdDateTime")
    return ReceivedDocument(
        document_id=value("mRID") or "",
        revision=int(revision) if revision else None,
        type=value("type"),
        process=value("process.processType"),
        created_at=read_moment(created) if created else None,
    )


def _write_received(writer: Writer, received: ReceivedDocument) -> None:
    values = {
        "mRID": received.document_id,
        "revisionNumber": None if received.revision is None else str(received.revision),
        "type": received.type,
        "process.processType": received.process,
        "createdDateTime": None if received.created_at is None else format_moment(received.created_at),
    }
    for name, value in values.items():
        if value is not None:
            writer.add(writer.root, f"received_MarketDocument.{name}", value)


def _read_rejected(element: Element) -> RejectedSeries:
    series_id = text(children(element)["mRID"])
    reasons = [_read_reason(child) for child in repeated(element, "Reason")]
    prefix = f"{_SERIES}={series_id}"
    for reason in reasons:
        if reason.code == NOTICE_CODE and (reason.text or "").startswith(prefix):
            series_id = (reason.text or "").partition("=")[2]
            reasons.remove(reason)
            break
    return RejectedSeries(series_id, tuple(reasons))


def _write_rejected(writer: Writer, series: RejectedSeries) -> None:
    element = writer.add(writer.root, "Rejected_TimeSeries")
    writer.add(element, "mRID", series.series_id[:_MAX_SERIES_ID].strip())
    for reason in series.reasons:
        _write_reason(writer, element, reason)
    if len(series.series_id) > _MAX_SERIES_ID:
        _write_reason(writer, element, notice_reason(_SERIES, series.series_id))
