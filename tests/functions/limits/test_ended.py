"""A limit is cancelled before its start, ended in force, or withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.functions.limits.steps import LIMITS, comes, make_running, received, registered
from tests.support.world import Member, eventually, make_foreseen


def test_a_limit_cancelled_before_its_start_comes_through_the_wait(dso: Member, alpha: Member, chp: str) -> None:
    """LIF-CAN."""
    limit_id = dso.send_foreseen(make_foreseen([chp]))["id"]
    (limit,) = eventually(alpha.active_limits)
    cursor = alpha.done("GET", f"{LIMITS}/wait?timeout=0")["cursor"]

    answer = dso.done("DELETE", f"{LIMITS}/foreseen/{limit_id}?reason=work%20put%20off")

    assert (answer["revision"], answer["status"]) == (2, "accepted")
    (cancelled,) = alpha.done("GET", f"{LIMITS}/wait?timeout=15&after={cursor}")["limits"]
    assert (cancelled["id"], cancelled["revision"], cancelled["status"]) == (limit["id"], 2, "cancelled")
    assert cancelled["reason"] == {"code": "B19", "text": "work put off"}
    assert cancelled["available"] == limit["available"]
    assert alpha.active_limits() == []
    assert dso.done("GET", f"{LIMITS}/{limit_id}")["status"] == "cancelled"
    again = dso.call("DELETE", f"{LIMITS}/foreseen/{limit_id}")
    after = dso.call("PUT", f"{LIMITS}/foreseen/{limit_id}", make_foreseen([chp]))
    assert (again.status, again.codes(), after.status, after.codes()) == (422, {"A59"}, 422, {"A59"})


def test_a_limit_in_force_ends_at_the_next_full_minute(dso: Member, alpha: Member, chp: str) -> None:
    """LIF-END: the record shows that the limit was in force."""
    limit_id = dso.send_foreseen(make_running([chp]))["id"]
    (limit,) = eventually(alpha.active_limits)
    before = datetime.now(UTC)

    dso.done("DELETE", f"{LIMITS}/foreseen/{limit_id}")

    comes(lambda: received(alpha), [(2, "ended")])
    (ended,) = alpha.done("GET", LIMITS)["limits"]
    end = datetime.fromisoformat(ended["end"])
    assert before < end <= datetime.now(UTC) + timedelta(minutes=1)
    assert not end.second
    assert (ended["start"], ended["available"][0]["start"]) == (limit["start"], limit["start"])
    own = dso.done("GET", f"{LIMITS}/{limit_id}")
    assert (own["status"], own["revision"], own["end"]) == ("ended", 2, ended["end"])


def test_a_limit_ends_though_one_of_its_assets_is_gone(dso: Member, alpha: Member, point: str, chp: str) -> None:
    other = registered(alpha, point, 100)
    limit_id = dso.send_foreseen(make_running([chp, other]))["id"]
    eventually(alpha.active_limits)
    alpha.done("DELETE", f"/flexibility-assets?id={other}")

    dso.done("DELETE", f"{LIMITS}/foreseen/{limit_id}")

    comes(lambda: received(alpha), [(2, "ended")])
    assert alpha.done("GET", LIMITS)["limits"][0]["asset_ids"] == sorted([chp, other])


def test_what_was_sent_in_error_is_withdrawn_even_in_force(dso: Member, alpha: Member, chp: str) -> None:
    """LIF-WDR."""
    limit_id = dso.send_foreseen(make_running([chp]))["id"]
    eventually(alpha.active_limits)

    dso.done("DELETE", f"{LIMITS}/foreseen/{limit_id}?sent_in_error=true&reason=wrong%20feeder")

    comes(lambda: received(alpha), [(2, "withdrawn")])
    assert alpha.done("GET", LIMITS)["limits"][0]["reason"]["text"] == "wrong feeder"
    assert dso.done("GET", f"{LIMITS}/{limit_id}")["status"] == "withdrawn"


def test_several_limits_are_cancelled_in_one_call_or_none(dso: Member, alpha: Member, chp: str) -> None:
    """LIF-DEL."""
    ids = [dso.send_foreseen(make_foreseen([chp]))["id"] for _ in range(2)]

    unknown = dso.call("DELETE", f"{LIMITS}/foreseen", {"ids": [*ids, "0" * 32]})
    done = dso.done("DELETE", f"{LIMITS}/foreseen", {"ids": ids}, Idempotency_Key="all of them")
    again = dso.done("DELETE", f"{LIMITS}/foreseen", {"ids": ids}, Idempotency_Key="all of them")

    assert (unknown.status, unknown.codes(), unknown.pointers()) == (404, {"A64"}, {"/ids/2"})
    assert [(each["id"], each["revision"], each["status"]) for each in done["limits"]] == [
        (each, 2, "accepted") for each in ids
    ]
    assert again == done
    comes(lambda: received(alpha), [(2, "cancelled")] * 2)
    refused = dso.done("DELETE", f"{LIMITS}/foreseen", {"ids": ids})["limits"]
    assert [(each["status"], each["errors"][0]["code"]) for each in refused] == [("refused", "A59")] * 2
