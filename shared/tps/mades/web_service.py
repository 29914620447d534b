"""The MADES web service on the wire: SOAP 1.2 envelopes, document/literal, in both namespaces. No I/O.

Children of requests are read by local name, so that clients with either reading of the standard work. Answers have
unqualified children, as the WSDL states. Hostile XML is refused before parsing: a request has few tags, no DTD and no
entities, whatever its size.

Source: docs/mades.md, "Web service" and "Hostile input".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NoReturn

from lxml import etree

from tps.errors import Finding, Malformed, TooLarge
from tps.mades.jose import MAXIMUM_CONTENT_BYTES

SOAP = "http://www.w3.org/2003/05/soap-envelope"
MADES = "http://mades.entsoe.eu/"
ECP = "http://ecp.entso-e.eu/"
MEDIA_TYPE = "application/soap+xml"
MAXIMUM_REQUEST_BYTES = MAXIMUM_CONTENT_BYTES * 3 // 2

_MAXIMUM_TAGS, _MAXIMUM_EQUAL_SIGNS, _MAXIMUM_REFERENCES = 400, 2_000, 10_000
_FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY", b"\x00")
_FOREIGN_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
_BLANKS = b" \t\r\n"
_CONTENT_PLACE = "@content@"
_ROLES = ("", f"{SOAP}/role/next", f"{SOAP}/role/ultimateReceiver")
_HEADER, _BODY = f"{{{SOAP}}}Header", f"{{{SOAP}}}Body"
_Element = etree._Element


class Operation(StrEnum):
    """The operations that an endpoint offers to an application."""

    SEND = "SendMessage"
    RECEIVE = "ReceiveMessage"
    CONFIRM = "ConfirmReceiveMessage"
    STATUS = "CheckMessageStatus"
    TEST = "ConnectivityTest"


# The request field that the detail of a fault repeats.
_QUOTED = {
    Operation.SEND: "receiverCode",
    Operation.RECEIVE: "businessType",
    Operation.CONFIRM: "messageID",
    Operation.STATUS: "messageID",
    Operation.TEST: "receiverCode",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Absent and empty fields are not in `fields`.

    Attributes:
        namespace: The namespace of the request and of its answer.
        fields: Texts by their names in the standard. For SendMessage also the fields of its message, except the
            content.
        content: The decoded content of SendMessage.
    """

    operation: Operation
    namespace: str
    fields: Mapping[str, str]
    content: bytes = b""

    def needed(self, name: str) -> str:
        """Return a required field. Raise Malformed (`missing`) if it is absent."""
        if name not in self.fields:
            raise Malformed(f"{name} is missing", [Finding("missing", "", f"{name} is missing")])
        return self.fields[name]

    @property
    def downloads(self) -> bool:
        """Return True if ReceiveMessage requests the content.

        Raise Malformed (`bad_type`) for an invalid xsd:boolean.
        """
        value = self.needed("downloadMessage").strip()
        if value not in ("true", "1", "false", "0"):
            detail = "downloadMessage must be true or false"
            raise Malformed(detail, [Finding("bad_type", "", detail)])
        return value in ("true", "1")


class NotUnderstood(Malformed):
    """A mandatory header, or an envelope of another SOAP version.

    Attributes:
        code: `MustUnderstand` or `VersionMismatch`, as SOAP 1.2 names it.
    """

    def __init__(self, code: str, detail: str):
        super().__init__(detail, [Finding(code, "", detail)])
        self.code = code


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message in the answer to ReceiveMessage. `content` is None if the request did not ask for it."""

    message_id: str
    receiver: str
    sender: str
    business_type: str
    content: bytes | None = None
    sender_application: str | None = None
    ba_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class TraceItem:
    """One step of a message. `state` is the state that applications see."""

    at: datetime
    state: str
    component: str
    description: str
    details: str | None = None


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """The status of a message, with its trace."""

    message_id: str
    state: str
    receiver: str
    sender: str
    business_type: str
    sent_at: datetime
    received_at: datetime | None
    trace: Sequence[TraceItem]
    sender_application: str | None = None
    ba_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """The reason why a request failed.

    Attributes:
        code: A code for programs.
        message: A sentence for people.
        fault_id: Id of this occurrence.
        soap_code: `Sender`, `Receiver`, `MustUnderstand` or `VersionMismatch`.
    """

    code: str
    message: str
    fault_id: str
    soap_code: str = "Sender"


def read_request(body: bytes) -> Request:
    """Return the request in an envelope.

    Raises:
        Malformed: Not a request of this service. NotUnderstood if SOAP 1.2 has a fault code for the error.
        TooLarge: The content is above 50 MB.
    """
    element = _requested(_parse(body))
    name = etree.QName(element)
    operation = Operation(name.localname.removesuffix("Request"))
    fields, content = _texts(element), b""
    if operation is Operation.SEND:
        message = next((child for child in element if etree.QName(child).localname == "message"), None)
        if message is None:
            _refuse("missing", "message is missing")
        fields = {**_texts(message), **fields}
        if "content" not in fields:
            _refuse("missing", "content is missing: send base64 text, not XML elements")
        content = _content(fields.pop("content"))
    return Request(operation, name.namespace or "", {key: text for key, text in fields.items() if text}, content)


def _parse(body: bytes) -> _Element:
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    if len(body) > MAXIMUM_REQUEST_BYTES:
        raise TooLarge("the request must not exceed 75 MB")
    if any(mark in body for mark in _FORBIDDEN) or _FOREIGN_ENCODING.match(body):
        _refuse("not_xml", "the request must be XML in UTF-8 without a document type declaration")
    limits = ((b"<", _MAXIMUM_TAGS), (b"=", _MAXIMUM_EQUAL_SIGNS), (b"&", _MAXIMUM_REFERENCES))
    if any(body.count(mark) > most for mark, most in limits):
        _refuse("not_xml", "the request has too many tags, attributes or references")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, dtd_validation=False, no_network=True,
        huge_tree=True, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        _refuse("not_xml", "the request is not well-formed XML")


def _requested(root: _Element) -> _Element:
    """Return the only element of the body. It names the operation."""
    name = etree.QName(root)
    if name.localname != "Envelope":
        _refuse("not_soap", "the request must be a SOAP envelope")
    if name.namespace != SOAP:
        raise NotUnderstood("VersionMismatch", "the envelope must be SOAP 1.2")
    if [part.tag for part in root] not in ([_BODY], [_HEADER, _BODY]):
        _refuse("not_soap", "the envelope must have one body, after at most one header")
    if any(_must_be_understood(block) for block in root.iterfind(f"{_HEADER}/*")):
        raise NotUnderstood("MustUnderstand", "no header is supported; remove the mandatory headers")
    requested = list(root[-1])
    names = {f"{{{namespace}}}{operation}Request" for namespace in (MADES, ECP) for operation in Operation}
    if len(requested) != 1 or requested[0].tag not in names:
        _refuse("unknown_operation", "the body must contain one request of the MADES web service")
    return requested[0]


def _must_be_understood(block: _Element) -> bool:
    return block.get(f"{{{SOAP}}}mustUnderstand") in ("true", "1") and block.get(f"{{{SOAP}}}role", "") in _ROLES


def _texts(element: _Element) -> dict[str, str]:
    """Return the texts of the children without children, by local name."""
    leaves = [child for child in element if len(child) == 0]
    texts = {etree.QName(child).localname: child.text or "" for child in leaves}
    if len(texts) != len(leaves):
        _refuse("unknown_field", "a field appears more than once")
    return texts


def _content(text: str) -> bytes:
    try:
        encoded = text.encode("ascii")
        if any(blank in encoded for blank in (b"\n", b"\r", b" ", b"\t")):
            encoded = encoded.translate(None, _BLANKS)
        content = binascii.a2b_base64(encoded, strict_mode=True) if encoded else b""
    except ValueError:
        _refuse("bad_type", "content must be base64")
    if len(content) > MAXIMUM_CONTENT_BYTES:
        detail = "the content must not exceed 50 MB"
        raise TooLarge(detail, [Finding("content_too_large", "", detail)])
    return content


def _refuse(code: str, detail: str) -> NoReturn:
    raise Malformed(detail, [Finding(code, "", detail)])


def message_id_response(request: Request, message_id: str) -> bytes:
    """Return the answer to SendMessage, ConfirmReceiveMessage and ConnectivityTest."""
    envelope, answer = _response(request)
    _add(answer, "messageID", message_id)
    return _serialised(envelope)


def received_response(request: Request, received: ReceivedMessage | None, remaining: int) -> bytes:
    """Return the answer to ReceiveMessage: a message, if one is waiting, and the number of further messages."""
    envelope, answer = _response(request)
    if received is not None:
        message = etree.SubElement(answer, "receivedMessage")
        _add(message, "messageID", received.message_id)
        _add(message, "receiverCode", received.receiver)
        _add(message, "senderCode", received.sender)
        _add(message, "businessType", received.business_type)
        _add(message, "content", None if received.content is None else _CONTENT_PLACE)
        _add(message, "senderApplication", received.sender_application)
        _add(message, "baMessageID", received.ba_message_id)
    _add(answer, "remainingMessagesCount", str(remaining))
    data = _serialised(envelope)
    if received is None or received.content is None:
        return data
    # Splicing copies a content of 50 MB only once. A text node would copy it several times.
    head, _, tail = data.partition(f"<content>{_CONTENT_PLACE}".encode())
    return b"".join((head, b"<content>", base64.b64encode(received.content), tail))


def status_response(request: Request, status: MessageStatus) -> bytes:
    """Return the answer to CheckMessageStatus."""
    envelope, answer = _response(request)
    element = etree.SubElement(answer, "messageStatus")
    _add(element, "messageID", status.message_id)
    _add(element, "state", status.state)
    _add(element, "receiverCode", status.receiver)
    _add(element, "senderCode", status.sender)
    _add(element, "businessType", status.business_type)
    _add(element, "senderApplication", status.sender_application)
    _add(element, "baMessageID", status.ba_message_id)
    _add(element, "sendTimestamp", _moment(status.sent_at))
    _add(element, "receiveTimestamp", _moment(status.received_at) if status.received_at else None)
    trace = etree.SubElement(element, "trace")
    for step in status.trace:
        item = etree.SubElement(trace, "trace")
        _add(item, "timestamp", _moment(step.at))
        _add(item, "state", step.state)
        _add(item, "component", step.component)
        _add(item, "componentDescription", step.description)
        _add(item, "details", step.details)
    return _serialised(envelope)


def fault_response(request: Request | None, fault: Fault) -> bytes:
    """Return a fault. If the operation is known, the fault has the operation's detail element."""
    namespace = request.namespace if request else MADES
    envelope, body = _envelope(namespace)
    element = etree.SubElement(body, f"{{{SOAP}}}Fault")
    code = etree.SubElement(element, f"{{{SOAP}}}Code")
    etree.SubElement(code, f"{{{SOAP}}}Value").text = f"soap:{fault.soap_code}"
    reason = etree.SubElement(etree.SubElement(element, f"{{{SOAP}}}Reason"), f"{{{SOAP}}}Text")
    reason.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    reason.text = fault.message
    if request is not None:
        detail = etree.SubElement(etree.SubElement(element, f"{{{SOAP}}}Detail"), _name(request, "Error"))
        _add(detail, "errorCode", fault.code)
        _add(detail, "errorID", fault.fault_id)
        _add(detail, "errorMessage", fault.message)
        quoted = _QUOTED[request.operation]
        _add(detail, quoted, request.fields.get(quoted))
    return _serialised(envelope)


def wsdl(namespace: str, location: str) -> bytes:
    """Return the WSDL in one of the two namespaces, with the address of the service."""
    text = _wsdl_text()
    if namespace == ECP:
        text = text.replace(MADES, ECP).replace("MadesEndpoint", "ECPEndpoint")
    root = etree.fromstring(text.encode())
    for address in root.iter("{http://schemas.xmlsoap.org/wsdl/soap12/}address"):
        address.set("location", location)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


@cache
def _wsdl_text() -> str:
    return (Path(__file__).parent / "MadesEndpoint.wsdl").read_text(encoding="utf-8")


def _response(request: Request) -> tuple[_Element, _Element]:
    envelope, body = _envelope(request.namespace)
    return envelope, etree.SubElement(body, _name(request, "Response"))


def _name(request: Request, kind: str) -> str:
    return f"{{{request.namespace}}}{request.operation}{kind}"


def _envelope(namespace: str) -> tuple[_Element, _Element]:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, "m": namespace})
    return envelope, etree.SubElement(envelope, f"{{{SOAP}}}Body")


def _add(parent: _Element, name: str, text: str | None) -> None:
    """Append an unqualified child if the text is not None."""
    if text is not None:
        etree.SubElement(parent, name).text = text


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _serialised(envelope: _Element) -> bytes:
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
