"""One call that takes several documents back: each document has its own outcome."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.functions import function
from tests.support.messages import make_message_row
from tps.domain.limit import Interval, LimitKind
from tps.domain.limit_revision import LimitStatus
from tps.domain.scope import AgrScope, DsoScope
from tps.dso.limits import OwnLimit
from tps.endpoint.message_row import MessageRow, Status
from tps.errors import Finding, RevisionConflict
from tps.operator.schedules import SentSchedule
from tps.rest import several
from tps.rest.function import Answer, Call
from tps.rest.submission import Submission

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = Interval(datetime(2026, 5, 5, tzinfo=UTC), datetime(2026, 5, 6, tzinfo=UTC))
FAILED, OTHER, RACED, LATE, WRONG = IDS = tuple(letter * 32 for letter in "abcde")
ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    FAILED: ("failed", {"errors": [{"code": "no_route", "detail": "no way there"}]}),
    OTHER: ("accepted", {}),
    LATE: ("pending", {}),
    WRONG: ("refused", {"errors": [{"code": "A57", "detail": "it is over"}]}),
}
WANTED = [
    (FAILED, "failed", ["no_route"]),
    (OTHER, "accepted", []),
    (RACED, "refused", ["A51"]),
    (LATE, "pending", []),
    (WRONG, "refused", ["A57"]),
]


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """In these tests, the id of a message equals the id of its document."""

    def send(_call: Call, submission: Submission) -> tuple[str, str]:
        assert submission.document_id is not None
        if submission.document_id == RACED:
            raise RevisionConflict(
                "changed", [Finding("A51", "", "another request changed the schedules at the same time")]
            )
        return "c", submission.document_id

    def await_answer(_call: Call, _component: str, message_id: str, _wait_s: float) -> MessageRow:
        status, answer = ANSWERS[message_id]
        return make_message_row(
            status=Status(status), answer=answer, document_id=message_id, revision=2, message_id=message_id
        )

    monkeypatch.setattr(several, "sent_before", lambda _call: None)
    monkeypatch.setattr(several, "send", send)
    monkeypatch.setattr(several, "await_answer", await_answer)


def make_call(scope: DsoScope | AgrScope) -> Call:
    endpoint: Any = SimpleNamespace(clock=lambda: NOW, kind="dso")
    body, waits = json.dumps({"ids": IDS}).encode(), SimpleNamespace()
    return Call(scope, "DELETE", "/", {}, {}, {}, body, endpoint, waits, "5790000000029", lambda: True)  # type: ignore[arg-type]


def outcomes(answer: Answer, name: str) -> list[tuple[str, str, list[str]]]:
    assert answer.status == 202
    return [(one["id"], one["status"], [each["code"] for each in one.get("errors", ())]) for one in answer.body[name]]


def test_a_limit_that_failed_on_its_way_does_not_hide_what_became_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {"direction": "production", "asset_ids": [], "reason": {"code": "B19"}}
    own = {
        each: OwnLimit(each, 1, LimitKind.FORESEEN, LimitStatus.ACTIVE, DAY, sent_at=NOW, message_id="", body=body)
        for each in IDS
    }
    send_limit = function("send_limit")
    monkeypatch.setattr(send_limit, "_latest", lambda *_arguments: own)

    answer = send_limit.remove_many(LimitKind.FORESEEN, make_call(DsoScope("5790000000012")))

    assert outcomes(answer, "limits") == WANTED


def test_a_schedule_that_failed_on_its_way_does_not_hide_what_became_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send_schedule = function("send_schedule")

    def known(_call: Call, document_id: str, _pointer: str = "") -> list[SentSchedule]:
        return [SentSchedule(document_id, 1, "", NOW, DAY, ("571313190000000011",), ())]

    monkeypatch.setattr(send_schedule, "_cancellable", known)
    monkeypatch.setattr(send_schedule, "_own_assets", lambda *_arguments: [])

    answer = send_schedule.cancel_named(make_call(AgrScope("5790000000012")))

    assert outcomes(answer, "schedules") == WANTED
