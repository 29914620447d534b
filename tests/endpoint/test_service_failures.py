"""Internal failures of the web service: a fault of the receiver with an id that leads to the log, and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from lxml import etree
from structlog.testing import capture_logs

from tests.endpoint.net import Net
from tests.support.servers import OPERATOR
from tps.directory.entries import hash_password
from tps.endpoint import components
from tps.host.app import create_app, load_function
from tps.mades.web_service import MADES, SOAP

ADDRESS = "/ECP_MODULE/services/MadesEndpoint"
ASKED = "0" * 32


def ask(net: Net) -> tuple[int, str, etree._Element]:
    """Call CheckMessageStatus in the operator's name. Return status, media type and envelope."""
    body = (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><m:CheckMessageStatusRequest xmlns:m="{MADES}"><messageID>{ASKED}'
        "</messageID></m:CheckMessageStatusRequest></s:Body></s:Envelope>"
    )
    client = create_app(load_function("endpoint"), net.services).test_client()
    credentials = base64.b64encode(f"{OPERATOR}:of the test".encode()).decode()
    answer = client.post(
        ADDRESS, data=body, content_type="application/soap+xml", headers={"Authorization": f"Basic {credentials}"}
    )
    return answer.status_code, answer.mimetype, etree.fromstring(answer.data)


@pytest.fixture(autouse=True)
def _password(net: Net) -> None:
    with net.operators.database.transaction() as tx:
        components.set_password_hash(tx, OPERATOR, hash_password("of the test"))


@contextmanager
def table_gone(net: Net, table: str) -> Iterator[None]:
    """The operators' database without one of its tables, which no code expects."""
    with psycopg.connect(net.stack.database_url("agr"), autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO set_aside")  # type: ignore[arg-type]
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE set_aside RENAME TO {table}")  # type: ignore[arg-type]


def test_a_crash_is_a_fault_of_the_receiver_with_the_id_of_the_log(net: Net) -> None:
    with capture_logs() as logs, table_gone(net, "message"):
        status, media_type, envelope = ask(net)

    incident = next(each for each in logs if each["event"] == "unexpected failure")["incident"]
    assert (status, media_type) == (500, "application/soap+xml")
    assert envelope.findtext(".//{*}Code/{*}Value") == "soap:Receiver"
    detail = envelope.find(f".//{{{MADES}}}CheckMessageStatusError")
    assert detail is not None
    assert {child.tag: child.text for child in detail} == {
        "errorCode": "failed",
        "errorID": incident,
        "errorMessage": f"unexpected failure, reported as {incident}",
        "messageID": ASKED,
    }


def test_a_crash_before_the_request_is_read_is_a_fault_as_well(net: Net) -> None:
    with capture_logs() as logs, table_gone(net, "component"):
        status, media_type, envelope = ask(net)

    incident = next(each for each in logs if each["event"] == "unexpected failure")["incident"]
    assert (status, media_type) == (500, "application/soap+xml")
    assert envelope.findtext(".//{*}Text") == f"unexpected failure, reported as {incident}"
    assert b"component" not in etree.tostring(envelope), "nothing of the error's own text"


def test_what_was_refused_is_found_in_the_log_by_the_id_of_its_fault(net: Net) -> None:
    with capture_logs() as logs:
        status, _media_type, envelope = ask(net)

    assert status == 400
    assert envelope.findtext(".//errorCode") == "not_found"
    assert [(each["event"], each["incident"]) for each in logs] == [("fault", envelope.findtext(".//errorID"))]
