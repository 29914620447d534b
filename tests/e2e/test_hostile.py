"""Hostile messages by the broker and by the web service (NF3): FAILED or refused, recorded, without effect."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from lxml import etree

from tests.e2e.hostile import DOCUMENTS, ENVELOPES, FAILING, Lab, make_lab
from tests.local.broker import user
from tests.support.world import World, eventually, fresh_gln
from tps.documents import decode
from tps.documents.acknowledgement import Acknowledgement, Outcome
from tps.endpoint import applications, components, ledger
from tps.endpoint.archiving import read_document
from tps.endpoint.message_row import MessageRow
from tps.host.services import build_services, utc_now
from tps.local.cli import commands
from tps.local.files.service import Service
from tps.mades.file_names import OutgoingName
from tps.mades.ids import new_id
from tps.mades.message import Message
from tps.mades.paths import MessagePath
from tps.mades.subjects import message_subject
from tps.mades.types import LIMIT_FORESEEN


@pytest.fixture(scope="module")
def lab(world: World) -> Iterator[Lab]:
    services = build_services(world.settings)
    yield make_lab(world, services)
    services.close()


def stored(lab: Lab) -> Any:
    """Return the data that no hostile message may change."""
    return (
        lab.victim.done("GET", "/flexibility-assets"),
        lab.victim.done("GET", "/capacity-limits?all_revisions=true"),
        lab.grid.done("GET", "/capacity-limits?all_revisions=true"),
        lab.grid.done("GET", "/connection-points"),
    )


def row_of(lab: Lab, message: Message) -> MessageRow | None:
    """Return the platform's ledger row of a message."""
    with lab.services.endpoint("tps").database.transaction() as tx:
        return ledger.find(tx, lab.platform, message.message_id)


def reasons(row: dict[str, Any]) -> list[str]:
    return [error["code"] for error in row.answer.get("errors", [])]


def listed(lab: Lab) -> dict[str, str]:
    """Return the reasons by message id, as the platform operator lists them."""
    done = CliRunner().invoke(commands, ["dead-letters", "list", "--json", "--data", str(lab.world.stack.data)])
    assert done.exit_code == 0, done.output
    return {each["message_id"]: each["reason"] for each in json.loads(done.stdout)["undelivered"]}


def test_each_hostile_message_fails_with_its_reason_is_seen_and_changes_nothing(lab: Lab) -> None:
    before = stored(lab)

    sent = {name: publish(lab) for name, (publish, _) in FAILING.items()}

    failed = {name: eventually(lambda message=message: row_of(lab, message)) for name, message in sent.items()}
    found = {name: (row.state, row.status, reasons(row)) for name, row in failed.items()}
    assert found == {name: ("FAILED", "failed", [reason]) for name, (_, reason) in FAILING.items()}
    shown = listed(lab)
    assert {name: shown.get(message.message_id) for name, message in sent.items()} == {
        name: reason for name, (_, reason) in FAILING.items()
    }
    assert stored(lab) == before


def test_a_replayed_message_has_its_effect_once_and_is_refused_by_any_other_way(lab: Lab) -> None:
    message = lab.message()
    envelope = lab.sealed(message)
    lab.publish(message, envelope)
    eventually(lambda: (row := row_of(lab, message)) and row.state == "RECEIVED")
    limits = eventually(lambda: lab.victim.done("GET", "/capacity-limits?all_revisions=true")["limits"])

    lab.publish(message, envelope)
    lab.publish(message, envelope, message_subject("tps", "TPS-POINT", lab.platform, message.sender))
    lab.publish(message, envelope, message_subject("tps", message.type, lab.victim.code, message.sender))

    def trace() -> list[str]:
        with lab.services.endpoint("tps").database.transaction() as tx:
            return [step.details for step in ledger.trace_of(tx, lab.platform, message.message_id)]

    assert eventually(lambda: [each for each in trace() if each == "came again"]) == ["came again"]
    last = lab.message(type="TPS-SCHEDULE")
    lab.publish(last, lab.sealed(last))
    eventually(lambda: row_of(lab, last))
    row = row_of(lab, message)
    assert row is not None
    assert (row.state, row.status) == ("RECEIVED", "accepted")
    assert lab.victim.done("GET", "/capacity-limits?all_revisions=true")["limits"] == limits


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_document_in_a_proper_message_is_refused_and_its_sender_told(lab: Lab, name: str) -> None:
    before = stored(lab)
    platform = lab.services.endpoint("tps")
    message = lab.message(content=DOCUMENTS[name])

    lab.publish(message, lab.sealed(message))

    row = eventually(lambda: (found := row_of(lab, message)) and found.is_handled and found)
    assert (row.state, row.status) == ("RECEIVED", "refused")
    with platform.database.transaction() as tx:
        answer_id = eventually(lambda: answer_to(tx, message.message_id))
    acknowledgement = decode(read_document(platform, lab.platform, answer_id) or b"")
    assert isinstance(acknowledgement, Acknowledgement)
    assert acknowledgement.outcome is Outcome.REJECTED
    assert "A94" in {reason.code for reason in acknowledgement.reasons}
    assert stored(lab) == before


def answer_to(tx: Any, message_id: str) -> str | None:
    row = tx.execute("SELECT message_id FROM message WHERE in_reply_to = %s", (message_id,)).fetchone()
    return row["message_id"] if row else None


@pytest.mark.parametrize("side", ["at the sender", "at the receiver"])
def test_a_message_by_a_path_that_is_not_open_fails_at_both_ends(lab: Lab, side: str) -> None:
    """The platform sends to an operator whose path has expired in the copy of one of the two."""
    member, platform = lab.world.operator("Late"), lab.services.endpoint("tps")
    entry, now = lab.entry(member.code), utc_now().replace(microsecond=0)
    over = MessagePath(member.code, frozenset({lab.platform}), "*", now - timedelta(days=2), now - timedelta(days=1))
    lab.known_as(dataclasses.replace(entry, paths=(over,)), "tps" if side == "at the sender" else "agr")
    with platform.database.transaction() as tx:
        own = components.component_by_code(tx, lab.platform)
    assert own is not None

    message_id = applications.send_test(platform, own, member.code, None)

    def last_step() -> Any:
        with platform.database.transaction() as tx:
            step = ledger.trace_of(tx, lab.platform, message_id)[-1]
        return step.state == "FAILED" and step

    step = eventually(last_step)
    assert (step.details, step.at_component) == (
        "no_path",
        lab.platform if side == "at the sender" else member.code,
    )
    assert listed(lab)[message_id] == "no_path"


def test_an_operators_message_to_a_dso_is_one_to_nobody_and_the_broker_takes_none(lab: Lab) -> None:
    service = Service(lab.world.stack.gateway_url, lab.victim.code, lab.victim.password)
    told = set()
    for receiver in (lab.grid.code, fresh_gln()):
        message_id = service.send(OutgoingName("SCADA", receiver, "TPS-ASSET", "1"), b"<x/>", new_id())
        status = service.status(message_id)
        told.add((status.state, tuple((step.state, step.component, step.details) for step in status.trace)))
    service.close()
    assert len(told) == 1
    ((state, trace),) = told
    assert (state, trace[-1]) == ("FAILED", ("FAILED", lab.victim.code, "unknown_receiver: No such receiver."))

    subject = message_subject("dso", "TPS-ASSET", lab.grid.code, lab.victim.code)
    assert asyncio.run(is_refused(lab.world, "agr", subject))
    forged = message_subject("tps", LIMIT_FORESEEN, lab.platform, lab.grid.code)
    assert asyncio.run(is_refused(lab.world, "agr", forged)), "in the name of a component of another group"
    assert not asyncio.run(is_refused(lab.world, "dso", forged))


async def is_refused(world: World, group: str, subject: str) -> bool:
    """Return True if the broker refuses this publication of a group's user."""
    async with user(world.stack, group) as connection:
        return not await connection.may_publish(subject)


def test_hostile_envelopes_are_faults_and_send_nothing(lab: Lab) -> None:
    before = stored(lab), sent_by_applications(lab)

    told = {name: ask(lab, envelope.replace(b"@platform@", lab.platform.encode()))
            for name, (envelope, _) in ENVELOPES.items()}  # fmt: skip

    assert {(each.status_code, each.headers["Content-Type"]) for each in told.values()} == {
        (400, "application/soap+xml; charset=utf-8")
    }
    reasons = {
        name: etree.fromstring(each.content).findtext(".//{*}Fault/{*}Reason/{*}Text") for name, each in told.items()
    }
    assert reasons == {name: reason for name, (_, reason) in ENVELOPES.items()}
    assert (stored(lab), sent_by_applications(lab)) == before


def sent_by_applications(lab: Lab) -> int:
    """Return the number of messages that the grid's endpoint took by its web service."""
    with lab.services.endpoint("dso").database.transaction() as tx:
        row = tx.execute(
            "SELECT count(*) AS sent FROM message WHERE component = %s AND by_application", (lab.grid.code,)
        ).fetchone()
    assert row is not None
    return int(row["sent"])


def ask(lab: Lab, body: bytes) -> httpx2.Response:
    """Send a request with the grid's own user name and password."""
    return lab.world.http.post(
        "/ECP_MODULE/services/MadesEndpoint",
        content=body,
        headers={"Content-Type": "application/soap+xml"},
        auth=(lab.grid.code, lab.grid.password),
    )
