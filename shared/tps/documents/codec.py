"""Decode and encode any document, validated against the schemas in both directions."""

from dataclasses import replace
from datetime import datetime
from types import ModuleType

from tps.documents import acknowledgement, generation_load, profiles, ref, status_request, unavailability
from tps.documents.acknowledgement import Acknowledgement, ReceivedDocument
from tps.documents.errors import DocumentRefused, InvalidDocument, refusal
from tps.documents.generation_load import ScheduleDocument
from tps.documents.header import Header, read_header
from tps.documents.ref import RefDocument
from tps.documents.status_request import StatusRequest
from tps.documents.unavailability import LimitDocument
from tps.documents.xml import MAX_BYTES, Element, checked, children, parse, read_moment, root_name, serialise, text
from tps.errors import RuleBroken

Document = RefDocument | StatusRequest | LimitDocument | ScheduleDocument | Acknowledgement

_MODULES: dict[str, ModuleType] = {
    f"{{{module.NAMESPACE}}}{module.ROOT}": module
    for module in (ref, status_request, unavailability, generation_load, acknowledgement)
}
_UNKNOWN = "the root element must be one of the supported documents in the supported version"
_QUOTABLE_TYPES = frozenset({"A53", "A59", "A67", "A76", "A77", "A95"})
_QUOTABLE_PROCESSES = frozenset({"A01", "A17", "A18", "A26", "A39", "A55", "A62"})
_MAX_ID = 35
_MAX_REVISION = 999


def decode(content: bytes) -> Document:
    """Return the document in the content.

    Raises:
        DocumentRefused: Not XML, not a supported document, not valid by the schema (all A94), or against a rule. The
            attributes `header` and `received` are set as far as they are readable. The sender must correct it.
    """
    content = checked(content)
    name = root_name(content)
    root, fault = profiles.read(content, name) if name in _MODULES else (parse(content), _UNKNOWN)
    try:
        return _decode(root, fault)
    except DocumentRefused as refused:
        raise DocumentRefused(refused.findings, header=_sketch_header(root), received=_sketch(root)) from None


def _decode(root: Element, fault: str | None) -> Document:
    if fault is not None:
        raise refusal("A94", fault)
    try:
        document: Document = _MODULES[str(root.tag)].decode(root)
    except RuleBroken as broken:
        raise DocumentRefused(broken.findings) from None
    except (ValueError, ArithmeticError):
        # The schema allows more than Python's numbers and times can hold. The same document would fail every time.
        raise refusal("A94", "the document contains a number or a time that is out of range") from None
    return document


def encode(document: Document) -> bytes:
    """Return the document as XML in UTF-8.

    Raises:
        InvalidDocument: The values make no valid document. The code that built them is at fault.
    """
    try:
        root: Element = _module_of(document).encode(document)
    except ValueError:
        raise InvalidDocument("a text contains characters that XML does not allow") from None
    fault = profiles.fault(root)
    if fault is not None:
        raise InvalidDocument(fault)
    content = serialise(root)
    if len(content) > MAX_BYTES:
        raise InvalidDocument(f"the document has more than {MAX_BYTES} bytes")
    return content


def _module_of(document: Document) -> ModuleType:
    match document:
        case Acknowledgement():
            return acknowledgement
        case LimitDocument():
            return unavailability
        case ScheduleDocument():
            return generation_load
        case StatusRequest():
            return status_request
        case _:
            return ref


def received(document: Document) -> ReceivedDocument:
    """Return the data that an acknowledgement of the document must quote."""
    quoted = ReceivedDocument(document.header.document_id, created_at=document.header.created_at)
    match document:
        case LimitDocument():
            process = unavailability.PROCESS
            return replace(quoted, revision=document.revision, type=document.kind_type, process=process)
        case ScheduleDocument():
            return replace(quoted, revision=document.revision, type=generation_load.TYPE, process=document.process)
        case StatusRequest():
            return replace(quoted, type=status_request.TYPE)
        case Acknowledgement():
            return quoted
        case _:
            return replace(quoted, type=ref.TYPE, process=ref.process_of(document))


def _sketch_header(root: Element) -> Header | None:
    """Return the header of an arbitrary document, or None if the header is not usable."""
    try:
        header = read_header(children(root))
    except (KeyError, ValueError, OverflowError):
        return None
    return header if _is_quotable(header.document_id) and header.sender and header.receiver else None


def _sketch(root: Element) -> ReceivedDocument | None:
    """Return the data of an arbitrary document that a valid acknowledgement can quote, or None."""
    texts = {name: text(element) for name, element in children(root).items()}
    document_id = texts.get("mRID", "")
    if not _is_quotable(document_id):
        return None
    kind, process = texts.get("type"), texts.get("process.processType")
    return ReceivedDocument(
        document_id=document_id,
        revision=_sketch_revision(texts.get("revisionNumber", "")),
        type=kind if kind in _QUOTABLE_TYPES else None,
        process=process if process in _QUOTABLE_PROCESSES else None,
        created_at=_sketch_moment(texts.get("createdDateTime", "")),
    )


def _is_quotable(document_id: str) -> bool:
    is_visible = document_id.isascii() and document_id.isprintable() and " " not in document_id
    return is_visible and 1 <= len(document_id) <= _MAX_ID


def _sketch_revision(value: str) -> int | None:
    is_number = value.isascii() and value.isdigit() and len(value) <= len(str(_MAX_REVISION))
    return int(value) or None if is_number else None


def _sketch_moment(value: str) -> datetime | None:
    try:
        moment = read_moment(value)
    except (ValueError, OverflowError):
        return None
    return moment if 2000 <= moment.year < 2100 and not moment.microsecond else None
