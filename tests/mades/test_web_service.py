"""SOAP envelopes: accepted requests, refused requests, and the WSDL (F1)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.support.growth import grows_at_most_linearly
from tps.errors import Malformed, Refused, TooLarge
from tps.mades import web_service
from tps.mades.web_service import (
    ECP,
    MADES,
    SOAP,
    Fault,
    MessageStatus,
    NotUnderstood,
    Operation,
    ReceivedMessage,
    TraceItem,
    read_request,
)

AT = datetime(2026, 4, 10, 8, 0, 0, 250_000, tzinfo=UTC)
ASKING = "CheckMessageStatusRequest"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SECURITY = f'<w:Security xmlns:w="urn:w" xmlns:e="{SOAP}" e:mustUnderstand="1"/>'
namespaces = pytest.mark.parametrize("namespace", [MADES, ECP])


def envelope(body: str, header: str = "", namespace: str = MADES, soap: str = SOAP) -> bytes:
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{soap}" xmlns:m="{namespace}">{head}<s:Body>{body}</s:Body></s:Envelope>'.encode()


def sending(content: str = "aGVsbG8=", more: str = "", namespace: str = MADES) -> bytes:
    fields = f"<receiverCode>5790000000029</receiverCode><businessType>X</businessType><content>{content}</content>"
    return envelope(f"<m:SendMessageRequest><message>{fields}</message>{more}</m:SendMessageRequest>", "", namespace)


def body_of(answer: bytes) -> Any:
    return etree.fromstring(answer).find(f"{{{SOAP}}}Body")[0]


def shape(element: Any) -> Any:
    """Return an element as nested pairs of local name and text or children."""
    children = [shape(child) for child in element]
    return element.tag.rpartition("}")[2], children or element.text


def make_request(operation: Operation = Operation.STATUS, namespace: str = MADES, **fields: str) -> web_service.Request:
    return web_service.Request(operation, namespace, fields)


@namespaces
def test_a_message_is_read_in_both_namespaces(namespace: str) -> None:
    request = read_request(sending(more="<conversationID>c</conversationID>", namespace=namespace))

    assert (request.operation, request.namespace, request.content) == (Operation.SEND, namespace, b"hello")
    assert request.fields == {"receiverCode": "5790000000029", "businessType": "X", "conversationID": "c"}


def test_an_empty_field_counts_as_absent() -> None:
    request = read_request(sending(more="<conversationID></conversationID>"))

    assert "conversationID" not in request.fields
    with pytest.raises(Malformed):
        request.needed("conversationID")


def test_qualified_children_and_content_in_lines_are_understood() -> None:
    fields = "<m:receiverCode>5</m:receiverCode><m:businessType>X</m:businessType><m:content>aGVs\r\n bG8=</m:content>"

    request = read_request(envelope(f"<m:SendMessageRequest><m:message>{fields}</m:message></m:SendMessageRequest>"))

    assert (request.content, request.fields["receiverCode"]) == (b"hello", "5")


@given(st.binary(max_size=500))
def test_any_content_comes_through(content: bytes) -> None:
    assert read_request(sending(base64.b64encode(content).decode())).content == content


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("not XML", b"hello"),
        ("nothing", b""),
        ("cut off", sending()[:-10]),
        ("a DTD", b'<!DOCTYPE a [<!ENTITY b "c">]>' + sending()),
        ("an entity out of nowhere", sending("&boom;")),
        ("UTF-16", sending().decode().encode("utf-16")),
        ("another encoding", b'<?xml version="1.0" encoding="iso-8859-1"?>' + sending()),
        ("a binary zero", sending() + b"\x00"),
        ("not an envelope", b"<x/>"),
        ("no body", f'<s:Envelope xmlns:s="{SOAP}"/>'.encode()),
        ("two requests", envelope("<m:SendMessageRequest/><m:SendMessageRequest/>")),
        ("another operation", envelope("<m:DeleteEverythingRequest/>")),
        ("another namespace", envelope("<m:SendMessageRequest/>", "", "urn:other")),
        ("no message", envelope("<m:SendMessageRequest/>")),
        ("a field twice", envelope(f"<m:{ASKING}><messageID/><messageID/></m:{ASKING}>")),
        ("XML as content", sending("<x/>")),
        ("no base64", sending("?")),
        ("half base64", sending("aGVsbG8")),
        ("letters beyond ASCII", sending("æøå")),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_with_a_named_reason(name: str, body: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        read_request(body)

    assert refused.value.findings[0].code in (
        "not_xml",
        "not_soap",
        "unknown_operation",
        "missing",
        "unknown_field",
        "bad_type",
    )


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "deep": lambda count: envelope("<a>" * count + "</a>" * count),
    "wide": lambda count: envelope(
        "<m:CheckMessageStatusRequest>" + "<a/>" * (10 * count) + "</m:CheckMessageStatusRequest>"
    ),
    "attributes": lambda count: envelope("<a " + " ".join(f'a{n}="b"' for n in range(2 * count)) + "/>"),
    "references": lambda count: sending("&#65;" * (10 * count)),
    "laughs": lambda count: b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "' + b"&a;" * count + b'">]>' + sending("&b;"),
    "comments": lambda count: sending("<!--" + "x" * (100 * count) + "-->" + "<!---->" * (count // 25)),
}


@pytest.mark.parametrize("make_body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_xml_is_refused_in_linear_time(make_body: Callable[[int], bytes]) -> None:
    def make(count: int) -> Callable[[], object]:
        body = make_body(count)
        return lambda: refused(body)

    assert grows_at_most_linearly(make, 25_000)


def refused(body: bytes) -> None:
    with pytest.raises(Refused):
        read_request(body)


def test_a_content_above_50_mb_is_too_large() -> None:
    with pytest.raises(TooLarge):
        read_request(sending("AAAA" * 16_666_668))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (envelope(f"<m:{ASKING}/>", soap=SOAP_11), "VersionMismatch"),
        (envelope(f"<m:{ASKING}/>", SECURITY), "MustUnderstand"),
    ],
)
def test_what_soap_has_its_own_faults_for(body: bytes, code: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        read_request(body)

    assert refused.value.code == code


def test_a_header_that_need_not_be_understood_is_left_alone() -> None:
    body = envelope("<m:CheckMessageStatusRequest/>", '<w:Security xmlns:w="urn:w">x</w:Security>')

    assert read_request(body).operation is Operation.STATUS


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_an_xsd_boolean(text: str, expected: bool) -> None:
    assert make_request(Operation.RECEIVE, downloadMessage=text).downloads is expected


def test_a_word_is_no_boolean() -> None:
    with pytest.raises(Malformed):
        _ = make_request(Operation.RECEIVE, downloadMessage="yes").downloads


def test_a_received_message_holds_its_fields_in_order() -> None:
    received = ReceivedMessage("m", "r", "s", "X", b"<x/>", "SCADA", "b")

    answer = web_service.received_response(make_request(Operation.RECEIVE, ECP), received, 7)

    assert body_of(answer).tag == f"{{{ECP}}}ReceiveMessageResponse"
    assert shape(body_of(answer))[1] == [
        (
            "receivedMessage",
            [
                ("messageID", "m"),
                ("receiverCode", "r"),
                ("senderCode", "s"),
                ("businessType", "X"),
                ("content", base64.b64encode(b"<x/>").decode()),
                ("senderApplication", "SCADA"),
                ("baMessageID", "b"),
            ],
        ),
        ("remainingMessagesCount", "7"),
    ]


def test_an_application_cannot_move_the_content_of_what_it_sends() -> None:
    received = ReceivedMessage("m", "r", "s", "X", b"<x/>", "@content@", "<content>@content@")

    answer = body_of(web_service.received_response(make_request(Operation.RECEIVE), received, 0))

    assert answer.findtext("receivedMessage/content") == base64.b64encode(b"<x/>").decode()
    assert answer.findtext("receivedMessage/senderApplication") == "@content@"


def test_a_message_that_is_not_downloaded_has_no_content_and_an_empty_one_an_empty_one() -> None:
    def content(given: bytes | None) -> Any:
        received = ReceivedMessage("m", "r", "s", "X", given)
        return body_of(web_service.received_response(make_request(Operation.RECEIVE), received, 0)).find("*/content")

    assert content(None) is None
    assert not content(b"").text


def test_nothing_to_receive_is_a_count_alone() -> None:
    answer = web_service.received_response(make_request(Operation.RECEIVE), None, 0)

    assert shape(body_of(answer)) == ("ReceiveMessageResponse", [("remainingMessagesCount", "0")])


def test_a_status_holds_its_trace() -> None:
    items = [TraceItem(AT, "ACCEPTED", "c", "Alpha"), TraceItem(AT, "FAILED", "c", "Alpha", "expired")]
    status = MessageStatus("m", "FAILED", "r", "s", "X", AT, None, items)

    answer = shape(body_of(web_service.status_response(make_request(), status)))

    (_, [(_, fields)]) = answer
    assert fields[5] == ("sendTimestamp", "2026-04-10T08:00:00.250Z")
    assert fields[-1] == (
        "trace",
        [
            ("trace", [("timestamp", "2026-04-10T08:00:00.250Z"), ("state", "ACCEPTED"), ("component", "c"),
                       ("componentDescription", "Alpha")]),
            ("trace", [("timestamp", "2026-04-10T08:00:00.250Z"), ("state", "FAILED"), ("component", "c"),
                       ("componentDescription", "Alpha"), ("details", "expired")]),
        ],
    )  # fmt: skip


@namespaces
@pytest.mark.parametrize("operation", Operation)
def test_a_fault_has_its_operations_own_detail(operation: Operation, namespace: str) -> None:
    quoted = {"receiverCode": "r", "businessType": "X", "messageID": "m"}
    request = make_request(operation, namespace, **quoted)

    fault = body_of(web_service.fault_response(request, Fault("not_found", "no such message", "id")))

    assert fault.findtext(f"{{{SOAP}}}Code/{{{SOAP}}}Value") == "soap:Sender"
    detail = fault.find(f"{{{SOAP}}}Detail")[0]
    assert detail.tag == f"{{{namespace}}}{operation}Error"
    names = [child.tag for child in detail]
    assert names[:3] == ["errorCode", "errorID", "errorMessage"]
    assert names[3:] in (["receiverCode"], ["businessType"], ["messageID"])


def test_a_fault_about_nothing_understood_has_no_detail() -> None:
    fault = body_of(web_service.fault_response(None, Fault("not_soap", "not a SOAP envelope", "id")))

    assert fault.find(f"{{{SOAP}}}Detail") is None


@namespaces
def test_the_description_names_all_operations_in_its_namespace_alone(namespace: str) -> None:
    described = web_service.wsdl(namespace, "https://tps.example/ws?a=1&b=2")

    other = ({MADES, ECP} - {namespace}).pop()
    assert other.encode() not in described
    assert b'location="https://tps.example/ws?a=1&amp;b=2"' in described
    binding = {MADES: b"MadesEndpointSOAP12", ECP: b"ECPEndpointSOAP12"}[namespace]
    assert binding in described
    root = etree.fromstring(described)
    actions = {
        soap_operation.get("soapAction")
        for soap_operation in root.iter("{http://schemas.xmlsoap.org/wsdl/soap12/}operation")
    }
    assert actions == {f"{namespace}{operation}" for operation in Operation}


@namespaces
def test_answers_are_valid_by_the_description(namespace: str) -> None:
    """Validate answers against the schema in the WSDL with an independent validator."""
    root = etree.fromstring(web_service.wsdl(namespace, "https://tps.example"))
    schema = etree.XMLSchema(root.find(".//{http://www.w3.org/2001/XMLSchema}schema"))
    status = MessageStatus("m", "FAILED", "r", "s", "X", AT, AT, [TraceItem(AT, "ACCEPTED", "c", "A", "d")], "a", "b")
    received = ReceivedMessage("m", "r", "s", "X", b"<x/>", "a", "b")
    answers = [
        web_service.status_response(make_request(namespace=namespace), status),
        web_service.received_response(make_request(Operation.RECEIVE, namespace), received, 1),
        *(web_service.message_id_response(make_request(operation, namespace), "m")
          for operation in (Operation.SEND, Operation.CONFIRM, Operation.TEST)),
    ]  # fmt: skip
    faults = [
        web_service.fault_response(
            make_request(operation, namespace, receiverCode="r", messageID="m"), Fault("c", "m", "i")
        )
        for operation in Operation
    ]

    for answer in answers:
        schema.assertValid(body_of(answer))
    for fault in faults:
        schema.assertValid(body_of(fault).find(f"{{{SOAP}}}Detail")[0])
