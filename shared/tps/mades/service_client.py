"""The client side of the MADES web service: writes requests and reads answers. No I/O.

Our own applications use this module. Other organisations use their own clients.

Source: docs/mades.md, "Web service".
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from lxml import etree

from tps.errors import Malformed
from tps.mades.web_service import MADES, SOAP, Operation

_Element = etree._Element


@dataclass(frozen=True, slots=True)
class Received:
    """A message that the web service offered."""

    message_id: str
    sender: str
    type: str
    content: bytes = field(repr=False)
    sender_application: str | None
    ba_message_id: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """One step of a message's trace, as text."""

    at: str
    state: str
    component: str
    details: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a message and its trace."""

    state: str
    trace: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A SOAP fault. `is_ours` is True if the request is at fault, and False if the service is at fault."""

    code: str
    detail: str
    is_ours: bool


def send_request(
    *, receiver: str, type: str, content: bytes, sender_application: str, ba_message_id: str, conversation_id: str
) -> bytes:
    """Return a SendMessage request."""
    envelope, request = _request(Operation.SEND)
    message = etree.SubElement(request, "message")
    _add(message, "receiverCode", receiver)
    _add(message, "businessType", type)
    _add(message, "content", base64.b64encode(content).decode())
    _add(message, "senderApplication", sender_application)
    _add(message, "baMessageID", ba_message_id)
    _add(request, "conversationID", conversation_id)
    return _serialised(envelope)


def receive_request(type: str = "*") -> bytes:
    """Return a ReceiveMessage request. `*` matches any type."""
    envelope, request = _request(Operation.RECEIVE)
    _add(request, "businessType", type)
    _add(request, "downloadMessage", "true")
    return _serialised(envelope)


def confirm_request(message_id: str) -> bytes:
    """Return a ConfirmReceiveMessage request."""
    return _about(Operation.CONFIRM, message_id)


def status_request(message_id: str) -> bytes:
    """Return a CheckMessageStatus request."""
    return _about(Operation.STATUS, message_id)


def read_refusal(data: bytes) -> Refusal | None:
    """Return the fault in an answer. None if there is no fault, or if the answer is not SOAP."""
    try:
        fault = _parse(data).find(f"{{{SOAP}}}Body/{{{SOAP}}}Fault")
    except Malformed:
        return None
    if fault is None:
        return None
    side = fault.findtext(f"{{{SOAP}}}Code/{{{SOAP}}}Value") or ""
    reason = fault.findtext(f"{{{SOAP}}}Reason/{{{SOAP}}}Text") or ""
    return Refusal(fault.findtext(".//errorCode") or "refused", reason, not side.endswith("Receiver"))


def read_message_id(data: bytes) -> str:
    """Return the message id in the answer to SendMessage, ConfirmReceiveMessage or ConnectivityTest."""
    return _needed(_answer(data), "messageID")


def read_received(data: bytes) -> Received | None:
    """Return the message in the answer to ReceiveMessage, or None if no message is waiting."""
    message = _answer(data).find("receivedMessage")
    if message is None:
        return None
    try:
        content = base64.b64decode(message.findtext("content") or "")
    except (binascii.Error, ValueError):
        raise Malformed("the content in the answer is not base64") from None
    return Received(
        message_id=_needed(message, "messageID"),
        sender=_needed(message, "senderCode"),
        type=_needed(message, "businessType"),
        content=content,
        sender_application=message.findtext("senderApplication"),
        ba_message_id=message.findtext("baMessageID"),
    )


def read_status(data: bytes) -> Status:
    """Return the status in the answer to CheckMessageStatus."""
    status = _answer(data).find("messageStatus")
    if status is None:
        raise Malformed("messageStatus is missing in the answer")
    steps = status.iterfind("trace/trace")
    return Status(_needed(status, "state"), tuple(_seen(step) for step in steps))


def _seen(step: _Element) -> Seen:
    return Seen(
        at=_needed(step, "timestamp"),
        state=_needed(step, "state"),
        component=_needed(step, "component"),
        details=step.findtext("details"),
    )


def _about(operation: Operation, message_id: str) -> bytes:
    envelope, request = _request(operation)
    _add(request, "messageID", message_id)
    return _serialised(envelope)


def _request(operation: Operation) -> tuple[_Element, _Element]:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP, "m": MADES})
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    return envelope, etree.SubElement(body, f"{{{MADES}}}{operation}Request")


def _add(parent: _Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text


def _serialised(envelope: _Element) -> bytes:
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def _answer(data: bytes) -> _Element:
    answer = _parse(data).find(f"{{{SOAP}}}Body/*")
    if answer is None or etree.QName(answer).localname == "Fault":
        raise Malformed("the response is not an answer of the MADES web service")
    return answer


def _parse(data: bytes) -> _Element:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True, remove_pis=True)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Malformed("the response is not an answer of the MADES web service") from None


def _needed(element: _Element, name: str) -> str:
    text = element.findtext(name)
    if not text:
        raise Malformed(f"{name} is missing in the answer")
    return text
