"""Waiting for the platform's answer to a sent message (`tps.rest.submission`)."""

from __future__ import annotations

from typing import Any

import pytest

from tps.rest import submission
from tps.rest.waiting import TooManyWaiting


class FullWaits:
    """No place for a waiting call is free."""

    def until(self, *_arguments: object) -> None:
        raise TooManyWaiting("too many calls are waiting; try again later")


class FakeCall:
    party = "5790000000012"
    waits = FullWaits()

    def is_connected(self) -> bool:
        return True


def test_what_was_sent_is_not_refused_for_want_of_a_place_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that gets 503 would send the message twice. A caller that gets 202 follows `Location`."""
    pending = {"message_id": "m", "status": "pending"}
    monkeypatch.setattr(submission, "_row", lambda *_arguments: pending)
    call: Any = FakeCall()

    assert submission.await_answer(call, "c", "m", 10) == pending
