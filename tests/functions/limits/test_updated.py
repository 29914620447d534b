"""Update a limit (F6, F7; docs/semantics.md, "Update, cancel, end"): each operator gets only its own changes."""

from __future__ import annotations

from tests.functions.limits.steps import LIMITS, comes, parts, put, received, registered
from tests.support.world import Member, World, eventually, fresh_gsrn, make_foreseen


def test_an_update_reaches_both_operators_as_their_second_revision(
    dso: Member, alpha: Member, beta: Member, chp: str, wind: str
) -> None:
    """LIF-PUT, TLD-STY."""
    limit_id = dso.send_foreseen(make_foreseen([chp, wind], 500))["id"]

    answer = put(dso, limit_id, make_foreseen([chp, wind], 250))

    assert (answer["id"], answer["revision"], answer["status"]) == (limit_id, 2, "accepted")
    comes(lambda: (parts(alpha), parts(beta)), ([[150]], [[100]]))
    assert received(alpha) == received(beta) == [(2, "active")]
    put(dso, limit_id, make_foreseen([chp, wind], 750))
    comes(lambda: (parts(alpha), parts(beta)), ([[450]], [[300]]))


def test_who_is_dropped_gets_a_cancel_and_who_comes_back_a_new_limit(
    dso: Member, alpha: Member, beta: Member, chp: str, wind: str
) -> None:
    """LIF-CAN, TLD-NEW, TLD-OUT, TLD-BCK."""
    limit_id = dso.send_foreseen(make_foreseen([chp, wind], 500))["id"]
    (first,) = eventually(beta.active_limits)

    put(dso, limit_id, make_foreseen([chp], 500))

    comes(lambda: received(beta), [(2, "cancelled")])
    comes(lambda: parts(alpha), [[500]])
    (cancelled,) = beta.done("GET", LIMITS)["limits"]
    assert cancelled["asset_ids"] == [wind]
    assert cancelled["direction"] == "production"
    put(dso, limit_id, make_foreseen([chp, wind], 500))
    comes(lambda: received(beta), [(2, "cancelled"), (1, "active")])
    assert eventually(beta.active_limits)[0]["id"] != first["id"]
    comes(lambda: received(alpha), [(3, "active")])


def test_whom_an_update_does_not_touch_is_sent_nothing(
    dso: Member, alpha: Member, beta: Member, point: str, chp: str, wind: str
) -> None:
    """TLD-NOT: 2000 kW over 600 and 400 bind nobody, so Beta's second turbine changes nothing for Alpha."""
    second = registered(beta, point, 400)
    limit_id = dso.send_foreseen(make_foreseen([chp, wind], 2000))["id"]
    comes(lambda: parts(alpha), [[600]])
    cursor = alpha.done("GET", f"{LIMITS}/wait?timeout=0")["cursor"]

    put(dso, limit_id, make_foreseen([chp, wind, second], 2000))

    comes(lambda: parts(beta), [[800]])
    comes(lambda: dso.done("GET", f"{LIMITS}/{limit_id}")["delivery"]["all_reached_at"] is not None, True)
    assert received(alpha) == [(1, "active")]
    assert alpha.done("GET", f"{LIMITS}/wait?timeout=0&after={cursor}")["limits"] == []
    put(dso, limit_id, make_foreseen([chp, wind], 900))
    comes(lambda: received(alpha), [(2, "active")])


def test_a_refused_update_changes_nothing_and_leaves_its_number(dso: Member, alpha: Member, chp: str) -> None:
    limit_id = dso.send_foreseen(make_foreseen([chp], 500))["id"]

    refused = dso.call("PUT", f"{LIMITS}/foreseen/{limit_id}", make_foreseen([chp, fresh_gsrn()], 100))

    assert (refused.status, refused.codes(), refused.pointers()) == (422, {"A64"}, {"/asset_ids/1"})
    own = dso.done("GET", f"{LIMITS}/{limit_id}?all_revisions=true")
    assert (own["revision"], own["status"]) == (1, "active")
    assert [(each["revision"], each["status"]) for each in own["revisions"]] == [(1, "active"), (2, "refused")]
    assert put(dso, limit_id, make_foreseen([chp], 100))["revision"] == 2


def test_nobody_changes_a_limit_that_is_not_its_own_or_of_the_other_kind(world: World, dso: Member, chp: str) -> None:
    limit_id = dso.send_foreseen(make_foreseen([chp]))["id"]
    south = world.dso("South Grid")

    statuses = {
        "another's": south.call("DELETE", f"{LIMITS}/foreseen/{limit_id}").status,
        "another's read": south.call("GET", f"{LIMITS}/{limit_id}").status,
        "other kind": dso.call("DELETE", f"{LIMITS}/unforeseen/{limit_id}").status,
        "unknown": dso.call("PUT", f"{LIMITS}/foreseen/{'0' * 32}", make_foreseen([chp])).status,
    }

    assert statuses == dict.fromkeys(statuses, 404)
    assert south.done("GET", LIMITS)["limits"] == []
