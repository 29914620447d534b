"""The MADES web service on the wire: SOAP 1.2 envelopes, document/literal, in both namespaces; pure.

Children of requests are read by their local names, so that clients of either reading of the standard are understood;
they are written unqualified, as our WSDL says. Hostile XML is refused before it is parsed: a request has few tags, no
DTD and no entities, whatever its size.

Source: STANDARDS.md section 3, "Web service".
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
    """What an application asks of its endpoint."""

    SEND = "SendMessage"
    RECEIVE = "ReceiveMessage"
    CONFIRM = "ConfirmReceiveMessage"
    STATUS = "CheckMessageStatus"
    TEST = "ConnectivityTest"


# The field that a fault's detail repeats from its request.
_QUOTED = {
    Operation.SEND: "receiverCode",
    Operation.RECEIVE: "businessType",
    Operation.CONFIRM: "messageID",
    Operation.STATUS: "messageID",
    Operation.TEST: "receiverCode",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request; a field that is absent or empty is not in `fields`.

    Attributes:
        namespace: The one it came in, and is answered in.
        fields: Texts by their names in the standard; of SendMessage those of its message, too, but for the content.
        content: Of SendMessage, decoded.
    """

    operation: Operation
    namespace: str
    fields: Mapping[str, str]
    content: bytes = b""

    def needed(self, name: str) -> str:
        """A field that must be there; Malformed `missing` if it is not."""
        if name not in self.fields:
            raise Malformed(f"{name} is needed", [Finding("missing", "", f"{name} is needed")])
        return self.fields[name]

    @property
    def downloads(self) -> bool:
        """Whether ReceiveMessage asks for the content; Malformed `bad_type` if it is no xsd:boolean."""
        value = self.needed("downloadMessage").strip()
        if value not in ("true", "1", "false", "0"):
            raise Malformed("downloadMessage is true or false", [Finding("bad_type", "", "true or false")])
        return value in ("true", "1")


class NotUnderstood(Malformed):
    """A header that must be understood, or an envelope of another version.

    Attributes:
        code: `MustUnderstand` or `VersionMismatch`, as SOAP 1.2 names it.
    """

    def __init__(self, code: str, detail: str):
        super().__init__(detail, [Finding(code, "", detail)])
        self.code = code


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as ReceiveMessage gives it; `content` is None if it was not asked for."""

    message_id: str
    receiver: str
    sender: str
    business_type: str
    content: bytes | None = None
    sender_application: str | None = None
    ba_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class TraceItem:
    """One step of a message; `state` as applications may see it."""

    at: datetime
    state: str
    component: str
    description: str
    details: str | None = None


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """What became of a message."""

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
    """Why a request was not served.

    Attributes:
        code: In one word, for programs.
        message: In a sentence, for people.
        fault_id: Of this one occurrence.
        soap_code: `Sender`, `Receiver`, `MustUnderstand` or `VersionMismatch`.
    """

    code: str
    message: str
    fault_id: str
    soap_code: str = "Sender"


def read_request(body: bytes) -> Request:
    """The request in an envelope.

    Raises:
        Malformed: Not a request of this service; NotUnderstood for what SOAP 1.2 has faults of its own for.
        TooLarge: The content is above 50 MB.
    """
    element = _requested(_parse(body))
    name = etree.QName(element)
    operation = Operation(name.localname.removesuffix("Request"))
    fields, content = _texts(element), b""
    if operation is Operation.SEND:
        message = next((child for child in element if etree.QName(child).localname == "message"), None)
        if message is None:
            _refuse("missing", "message is needed")
        fields = {**_texts(message), **fields}
        if "content" not in fields:
            _refuse("missing", "content is needed: base64, no XML")
        content = _content(fields.pop("content"))
    return Request(operation, name.namespace or "", {key: text for key, text in fields.items() if text}, content)


def _parse(body: bytes) -> _Element:
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    if len(body) > MAXIMUM_REQUEST_BYTES:
        raise TooLarge("a request has at most 75 MB")
    if any(mark in body for mark in _FORBIDDEN) or _FOREIGN_ENCODING.match(body):
        _refuse("not_xml", "XML in UTF-8 without a document type declaration is accepted")
    limits = ((b"<", _MAXIMUM_TAGS), (b"=", _MAXIMUM_EQUAL_SIGNS), (b"&", _MAXIMUM_REFERENCES))
    if any(body.count(mark) > most for mark, most in limits):
        _refuse("not_xml", "more tags, attributes or references than any request has")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, dtd_validation=False, no_network=True,
        huge_tree=True, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        _refuse("not_xml", "not well-formed XML")


def _requested(root: _Element) -> _Element:
    """The one element in the body, which names the operation."""
    name = etree.QName(root)
    if name.localname != "Envelope":
        _refuse("not_soap", "not a SOAP envelope")
    if name.namespace != SOAP:
        raise NotUnderstood("VersionMismatch", "only SOAP 1.2 is spoken here")
    if [part.tag for part in root] not in ([_BODY], [_HEADER, _BODY]):
        _refuse("not_soap", "an envelope holds one body, after at most one header")
    if any(_must_be_understood(block) for block in root.iterfind(f"{_HEADER}/*")):
        raise NotUnderstood("MustUnderstand", "no header is understood here")
    requested = list(root[-1])
    names = {f"{{{namespace}}}{operation}Request" for namespace in (MADES, ECP) for operation in Operation}
    if len(requested) != 1 or requested[0].tag not in names:
        _refuse("unknown_operation", "the body holds one request of the MADES web service")
    return requested[0]


def _must_be_understood(block: _Element) -> bool:
    return block.get(f"{{{SOAP}}}mustUnderstand") in ("true", "1") and block.get(f"{{{SOAP}}}role", "") in _ROLES


def _texts(element: _Element) -> dict[str, str]:
    """Texts of the children that have no children themselves, by local name."""
    leaves = [child for child in element if len(child) == 0]
    found = {etree.QName(child).localname: child.text or "" for child in leaves}
    if len(found) != len(leaves):
        _refuse("unknown_field", "a field comes twice")
    return found


def _content(text: str) -> bytes:
    try:
        encoded = text.encode("ascii")
        if any(blank in encoded for blank in (b"\n", b"\r", b" ", b"\t")):
            encoded = encoded.translate(None, _BLANKS)
        content = binascii.a2b_base64(encoded, strict_mode=True) if encoded else b""
    except ValueError:
        _refuse("bad_type", "content is not base64")
    if len(content) > MAXIMUM_CONTENT_BYTES:
        raise TooLarge("a content has at most 50 MB", [Finding("content_too_large", "", "at most 50 MB")])
    return content


def _refuse(code: str, detail: str) -> NoReturn:
    raise Malformed(detail, [Finding(code, "", detail)])


def message_id_response(request: Request, message_id: str) -> bytes:
    """The answer to SendMessage, ConfirmReceiveMessage and ConnectivityTest."""
    envelope, answer = _response(request)
    _add(answer, "messageID", message_id)
    return _serialised(envelope)


def received_response(request: Request, received: ReceivedMessage | None, remaining: int) -> bytes:
    """The answer to ReceiveMessage: a message, if there is one, and how many there are beside it."""
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
    # Spliced in, not built as text: a content of 50 MB is copied once.
    head, _, tail = data.partition(f"<content>{_CONTENT_PLACE}".encode())
    return b"".join((head, b"<content>", base64.b64encode(received.content), tail))


def status_response(request: Request, status: MessageStatus) -> bytes:
    """The answer to CheckMessageStatus."""
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
    for each in status.trace:
        item = etree.SubElement(trace, "trace")
        _add(item, "timestamp", _moment(each.at))
        _add(item, "state", each.state)
        _add(item, "component", each.component)
        _add(item, "componentDescription", each.description)
        _add(item, "details", each.details)
    return _serialised(envelope)


def fault_response(request: Request | None, fault: Fault) -> bytes:
    """A fault; if the request was understood so far, with its operation's own detail element."""
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
    """The service's description in one of its namespaces, with the address that it is asked for at."""
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
    """Append a child, unqualified, if there is something to say."""
    if text is not None:
        etree.SubElement(parent, name).text = text


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _serialised(envelope: _Element) -> bytes:
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
