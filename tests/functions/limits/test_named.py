"""A limit by section or point, a dry run, and a search by time."""

from __future__ import annotations

from tests.functions.limits.steps import LIMITS, comes, known_to, parts, put
from tests.support.world import Member, World, eventually, fresh_gsrn, make_foreseen, make_stop


def test_a_limit_by_section_or_point_says_what_it_came_to(
    world: World, dso: Member, alpha: Member, point: str, chp: str
) -> None:
    eventually(lambda: known_to(world, dso) == [chp])
    body = make_foreseen([], 100)
    del body["asset_ids"]

    by_section = dso.send_foreseen(body | {"sections": ["T17/F1"]})
    by_point = put(dso, by_section["id"], body | {"connection_point_ids": [point]})
    unknown = dso.call("POST", f"{LIMITS}/foreseen", body | {"sections": ["T17/F1", "T18"]})
    stranger = dso.call("POST", f"{LIMITS}/foreseen", body | {"connection_point_ids": [fresh_gsrn()]})
    both = dso.call("POST", f"{LIMITS}/foreseen", body | {"sections": ["T17/F1"], "asset_ids": [chp]})
    neither = dso.call("POST", f"{LIMITS}/foreseen", body)

    assert by_section["asset_ids"] == by_point["asset_ids"] == [chp]
    comes(lambda: parts(alpha), [[100]])
    assert (unknown.codes(), unknown.pointers()) == ({"A64"}, {"/sections/1"})
    assert (stranger.codes(), stranger.pointers()) == ({"A64"}, {"/connection_point_ids/0"})
    assert (both.status, neither.status, neither.codes()) == (400, 400, {"missing"})


def test_a_dry_run_warns_and_sends_nothing(world: World, dso: Member, alpha: Member, chp: str) -> None:
    """LIM-OVL."""
    eventually(lambda: known_to(world, dso) == [chp])
    dso.send_foreseen(make_foreseen([chp], 100))
    eventually(alpha.active_limits)

    tried = dso.done("POST", f"{LIMITS}/foreseen?dry_run=true", make_foreseen([chp], 600))
    stop = dso.done("POST", f"{LIMITS}/unforeseen?dry_run=true", make_stop([chp, fresh_gsrn()]))

    assert (tried["dry_run"], tried["status"]) == (True, "accepted")
    assert {each["code"] for each in tried["warnings"]} == {"does_not_bind", "overlaps_own_limit"}
    assert (stop["status"], len(stop["rejected"])) == ("partly_accepted", 1)
    assert {each["code"] for each in stop["warnings"]} == {"long_emergency", "overlaps_own_limit"}
    assert len(dso.done("GET", LIMITS)["limits"]) == 1


def test_own_limits_are_found_by_when_they_apply(dso: Member, chp: str) -> None:
    """UNI-PER."""
    limit_id = dso.send_foreseen(make_foreseen([chp], 500))["id"]

    def found(query: str) -> list[str]:
        return [each["id"] for each in dso.done("GET", f"{LIMITS}?{query}")["limits"]]

    assert found("from=2099-04-10T13:59:00Z") == found("to=2099-04-10T06:01:00Z") == [limit_id]
    assert found("from=2099-04-10T14:00:00Z") == found("to=2099-04-10T06:00:00Z") == []
