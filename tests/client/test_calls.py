"""Calls of the client: retries that never send twice, named problems, paged lists, and waits that continue."""

import itertools
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import pytest

from tests.client.fake import ACCEPTED, FakePlatform, answer, away, problem
from tps.client import (
    Asset,
    AvailablePower,
    Bound,
    Conflict,
    Failed,
    ForeseenLimit,
    Malformed,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Outcome,
    Problem,
    Refused,
    Schedule,
    Unavailable,
    UnforeseenLimit,
)

PUMP = Asset(id="571313190000000011", connection_point_id="P1", kind="heat_pump", max_consumption_kw=Decimal("3.7"))
LIMIT = {
    "id": "l1",
    "revision": 2,
    "kind": "foreseen",
    "status": "active",
    "issuer": {"code": "5790000000005", "name": "North Grid", "colour": "green"},
    "asset_ids": ["571313190000000011"],
    "received_at": "2099-04-01T12:00:00Z",
    "direction": "production",
    "start": "2099-04-10T06:00:00Z",
    "end": "2099-04-10T14:00:00Z",
    "available": [{"start": "2099-04-10T06:00:00Z", "end": "2099-04-10T14:00:00Z", "power_kw": 300.001}],
    "share": {"rule": "weighted_max_min", "weight_kw": 600},
    "reason": {"code": "B19"},
    "of_the_future": {"a": 1},
}


CONFLICT = {
    "limit_id": "l1",
    "kind": "over_limit",
    "start": "2099-04-10T06:00:00Z",
    "end": "2099-04-10T06:30:00Z",
    "peak_excess_kw": 0.5,
    "excess_kwh": 0.25,
    "intervals": [
        {
            "start": "2099-04-10T06:00:00Z",
            "end": "2099-04-10T06:30:00Z",
            "planned_kw": 300.5,
            "available_kw": 300,
            "excess_kw": 0.5,
        }
    ],
    "assets": {"count": 1, "largest": [{"asset_id": "571313190000000011", "energy_kwh": 150.25}]},
    "unknown": {"asset_count": 1, "up_to_kw": 600},
}


def test_conflicts_are_read_with_exact_powers_whoever_reads_them() -> None:
    part = {**CONFLICT["intervals"][0], "part_kw": 300}  # type: ignore[index]
    del part["available_kw"]
    platform = FakePlatform(
        answer({"conflicts": [CONFLICT]}), answer({"conflicts": [{**CONFLICT, "kind": "unknown", "intervals": [part]}]})
    )

    (in_grid,) = platform.dso().conflicts(start=datetime(2099, 4, 10, tzinfo=UTC))
    (own,) = platform.operator().conflicts()

    (excess,) = in_grid.intervals
    assert (excess.planned_kw, excess.available_kw, in_grid.excess_kwh) == (Decimal("300.5"), 300, Decimal("0.25"))
    assert own.intervals == in_grid.intervals
    assert (in_grid.is_certain, own.is_certain, own.unknown_kw) == (True, False, 600)
    assert platform.requests[0].url.query == b"from=2099-04-10T00%3A00%3A00Z"


@pytest.mark.parametrize("trouble", [away(), httpx2.ConnectError("x"), httpx2.ReadTimeout("x"), httpx2.Response(502)])
def test_what_is_sent_again_has_the_same_key_and_the_same_body(trouble: httpx2.Response | Exception) -> None:
    platform = FakePlatform(trouble, answer(ACCEPTED))

    outcome = platform.operator().set_assets([PUMP])

    first, again = platform.requests
    assert outcome == Outcome("accepted", "d1", 1, "m1")
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"]
    assert first.content == again.content
    assert platform.body() == {
        "assets": [
            {
                "id": "571313190000000011",
                "connection_point_id": "P1",
                "kind": "heat_pump",
                "max_consumption_kw": 3.7,
            }
        ]
    }


def test_two_sends_have_two_keys_and_a_key_given_is_used() -> None:
    platform = FakePlatform(*[answer(ACCEPTED) for _ in range(3)])
    operator = platform.operator()

    operator.remove_assets(["a"])
    operator.remove_assets(["a"])
    operator.remove_assets(["a"], key="mine")

    first, second, third = platform.keys
    assert first != second
    assert third == "mine"


def test_the_pause_is_as_long_as_the_server_asks() -> None:
    platform = FakePlatform(away(retry_after_s=1), answer(ACCEPTED))
    asked = time.monotonic()

    platform.operator().set_assets([PUMP])

    assert time.monotonic() - asked >= 1


def test_patience_has_an_end() -> None:
    platform = FakePlatform(away(), away(retry_after_s=9), answer(ACCEPTED))

    with pytest.raises(Unavailable) as raised:
        platform.operator(patience_s=2).assets()

    assert (raised.value.status, raised.value.retry_after_s, len(platform.requests)) == (503, 9, 2)


def test_no_answer_at_all_is_unavailable_too() -> None:
    platform = FakePlatform(httpx2.ConnectError("refused"))

    with pytest.raises(Unavailable, match="no answer; ConnectError"):
        platform.operator(patience_s=0).assets()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Malformed),
        (401, NotAuthenticated),
        (403, NotAllowed),
        (404, NotFound),
        (409, Conflict),
        (413, Problem),
        (422, Refused),
        (500, Problem),
        (502, Failed),
    ],
)
def test_each_problem_has_its_kind_and_is_not_retried(status: int, kind: type[Problem]) -> None:
    error = {"pointer": "/assets/0/id", "code": "check_digit", "detail": "wrong check digit"}
    platform = FakePlatform(problem(status, error))

    with pytest.raises(Problem) as raised:
        platform.operator().set_assets([PUMP])

    assert type(raised.value) is kind
    assert (raised.value.status, raised.value.detail, raised.value.codes) == (status, "because", {"check_digit"})
    assert raised.value.errors[0].pointer == "/assets/0/id"
    assert "/assets/0/id check_digit: wrong check digit" in str(raised.value)


def test_an_answer_of_something_in_between_is_a_problem() -> None:
    platform = FakePlatform(httpx2.Response(200, text="<html>welcome</html>"), httpx2.Response(403, text="<html>"))

    for title in ("not valid JSON", "the request failed"):
        with pytest.raises(Problem, match=title):
            platform.operator().assets()


def test_the_token_is_asked_for_every_attempt() -> None:
    numbers = itertools.count(1)
    platform = FakePlatform(away(), answer({"assets": []}))

    platform.operator(token=lambda: f"t{next(numbers)}").assets()

    assert platform.authorizations == ["Bearer t1", "Bearer t2"]


def test_what_is_wrong_on_our_side_is_not_tried_again() -> None:
    platform = FakePlatform(httpx2.LocalProtocolError("Illegal header value"))

    with pytest.raises(httpx2.LocalProtocolError):
        platform.operator().assets()


def test_pages_are_followed_on_the_same_host_and_the_token_goes_nowhere_else() -> None:
    following = "https://evil.example/agr/v1/capacity-limits/active?per_asset=true&limit=1&page=AA%3D"
    platform = FakePlatform(answer({"limits": [LIMIT], "next": following}), answer({"limits": [{**LIMIT, "id": "l2"}]}))

    limits = platform.operator(page_size=1).active_limits(per_asset=True)

    assert [limit.id for limit in limits] == ["l1", "l2"]
    assert {request.url.host for request in platform.requests} == {"tps.example"}
    assert platform.paths == [
        "/agr/v1/capacity-limits/active?per_asset=true&limit=1",
        "/agr/v1/capacity-limits/active?per_asset=true&limit=1&page=AA%3D",
    ]


def test_named_ids_travel_in_a_body() -> None:
    platform = FakePlatform(answer({"assets": [{"id": "a", "connection_point_id": "P"}]}))
    operator = platform.operator(page_size=10)

    assert operator.assets(["a", "b"]) == [Asset("a", "P")]
    assert operator.assets([]) == []
    assert (platform.body(), platform.paths) == ({"ids": ["a", "b"]}, ["/agr/v1/flexibility-assets/query"])


def test_a_limit_is_read_exactly_and_unknown_fields_are_ignored() -> None:
    platform = FakePlatform(answer({"limits": [LIMIT]}))

    (limit,) = platform.operator().active_limits()

    assert limit.available == (
        AvailablePower(datetime(2099, 4, 10, 6, tzinfo=UTC), datetime(2099, 4, 10, 14, tzinfo=UTC), Decimal("300.001")),
    )
    assert limit.share is not None
    assert (limit.revision, limit.share.weight_kw, limit.expected_end) == (2, 600, None)


def test_bounds_of_assets_are_read_exactly_and_asked_for_once() -> None:
    times = {"start": "2099-04-10T06:00:00Z", "end": "2099-04-10T14:00:00Z"}
    parts = [
        {"asset_id": "a", "direction": "production", "power_kw": 0.001},
        {"asset_id": "a", "direction": "consumption"},
    ]
    bodies = [{**parts[0], **times}, {**parts[1], **times, "action": "hold"}]
    platform = FakePlatform(
        answer({"limits": [LIMIT], "next": "/agr/v1/capacity-limits/active?page=AA", "bounds": bodies})
    )
    start, end = datetime(2099, 4, 10, 6, tzinfo=UTC), datetime(2099, 4, 10, 14, tzinfo=UTC)

    assert platform.operator().bounds() == [
        Bound("a", "production", start, end, Decimal("0.001")),
        Bound("a", "consumption", start, end, None, "hold"),
    ]
    assert platform.paths == ["/agr/v1/capacity-limits/active?per_asset=true&limit=1"]


def test_a_wait_goes_on_by_cursor_through_silence_and_restarts() -> None:
    platform = FakePlatform(
        answer({"limits": [], "cursor": "c1"}),
        httpx2.ConnectError("restarting"),
        away(),
        answer({"limits": [LIMIT], "cursor": "c2"}),
        answer({"limits": [LIMIT], "cursor": "c3"}),
    )

    batches = list(itertools.islice(platform.operator(patience_s=0).limits(after="c0"), 2))

    assert [batch.cursor for batch in batches] == ["c2", "c3"]
    asked = [request.url.params["after"] for request in platform.requests]
    assert asked == ["c0", "c1", "c1", "c1", "c2"]


def test_a_wait_without_cursor_leaves_the_place_to_the_server() -> None:
    platform = FakePlatform(*[answer({"limits": [LIMIT], "cursor": "c"}) for _ in range(2)])

    list(itertools.islice(platform.operator().limits(reader="archive"), 2))

    assert platform.paths == ["/agr/v1/capacity-limits/wait?timeout=30&reader=archive"] * 2


def _message(status: str, **fields: object) -> httpx2.Response:
    body = {"message_id": "m1", "direction": "sent", "type": "TPS-ASSET", "state": "RECEIVED", "status": status}
    return answer({**body, "document": {"id": "d1", "revision": 1}, "errors": [], "trace": [], **fields})


def test_a_pending_outcome_is_waited_for() -> None:
    rejected = [{"asset_id": "a", "code": "A64", "detail": "unknown"}]
    platform = FakePlatform(
        answer({**ACCEPTED, "status": "pending"}, 202),
        _message("pending"),
        _message("partly_accepted", rejected=rejected),
    )
    operator = platform.operator(wait_s=0)

    outcome = operator.set_assets([PUMP])
    settled = operator.wait_for(outcome)

    assert outcome.is_pending
    assert platform.requests[0].headers["Prefer"] == "respond-async"
    assert (settled.status, settled.id, settled.rejected[0].code) == ("partly_accepted", "d1", "A64")


def test_a_pending_outcome_that_is_refused_raises_and_one_that_stays_pending_does_not() -> None:
    pending = Outcome("pending", "d1", 1, "m1")
    refusal = _message("refused", errors=[{"code": "A64", "detail": "unknown", "subject": "a"}])
    platform = FakePlatform(_message("pending"), refusal, _message("failed", errors=[{"code": "expired"}]))
    operator = platform.operator()

    assert operator.wait_for(pending, timeout_s=0).is_pending
    with pytest.raises(Refused, match="a A64: unknown"):
        operator.wait_for(pending)
    with pytest.raises(Failed, match="expired"):
        operator.wait_for(pending)


def test_a_limit_is_written_as_the_contract_has_it() -> None:
    platform = FakePlatform(*[answer(ACCEPTED, 201) for _ in range(3)])
    start, end = datetime.fromisoformat("2099-05-10T08:00+02:00"), datetime(2099, 5, 10, 10, tzinfo=UTC)
    limit = ForeseenLimit("production", (AvailablePower(start, end, Decimal(500)),), sections=("T17/F3",))
    dso = platform.dso()

    dso.send_limit(limit, dry_run=True)
    dso.update_limit("l1", limit)
    dso.withdraw_limit("l1", "foreseen", "wrong feeder")

    assert platform.body() == {
        "direction": "production",
        "available": [{"start": "2099-05-10T06:00:00Z", "end": "2099-05-10T10:00:00Z", "power_kw": 500}],
        "sections": ["T17/F3"],
    }
    assert platform.paths == [
        "/dso/v1/capacity-limits/foreseen?dry_run=true",
        "/dso/v1/capacity-limits/foreseen/l1",
        "/dso/v1/capacity-limits/foreseen/l1?sent_in_error=true&reason=wrong+feeder",
    ]


@pytest.mark.parametrize("id", ["", "..", "a/b", "a?b", "a%2fb", "a\n"])
def test_an_id_cannot_lead_to_another_route(id: str) -> None:
    with pytest.raises(ValueError, match="an id must not"):
        FakePlatform().dso().end_limit(id, "foreseen")


def test_naive_times_and_floats_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="zone"):
        Schedule("a", datetime(2099, 1, 1), (Decimal(1),))
    with pytest.raises(TypeError, match="float"):
        Schedule("a", datetime(2099, 1, 1, tzinfo=UTC), (0.1,))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="float"):
        Asset("a", "p", max_production_kw=0.1)  # type: ignore[arg-type]


def test_the_client_needs_neither_server_nor_stores() -> None:
    others = "flask werkzeug parliament psycopg nats boto3 minio lxml pydantic cryptography"
    program = f"import sys, tps.client; print(sorted(set({others.split()!r}) & set(sys.modules)))"

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert (said.stdout.strip(), said.returncode) == ("[]", 0), said.stderr


def test_what_was_only_tried_says_what_it_came_to_and_has_no_id() -> None:
    warning = {"code": "overlaps_own_limit", "detail": "limited already"}
    tried = {"dry_run": True, "status": "accepted", "asset_ids": ["a", "b"], "warnings": [warning]}
    limit = UnforeseenLimit("stop", datetime(2099, 1, 1, tzinfo=UTC), sections=("T17",))

    outcome = FakePlatform(answer(tried)).dso().send_limit(limit, dry_run=True)

    assert (outcome.id, outcome.message_id, outcome.asset_ids) == ("", "", ("a", "b"))
    assert [each.code for each in outcome.warnings] == ["overlaps_own_limit"]


def test_powers_that_are_no_numbers_are_not_sent() -> None:
    platform = FakePlatform()

    with pytest.raises(ValueError, match="JSON"):
        platform.operator().set_assets([Asset("a", "p", max_production_kw=Decimal("NaN"))])

    assert platform.requests == []
