"""Answers do not distinguish unknown ids, other parties' objects and waiting objects: they are equal to the byte.

A DSO tries ids of assets that it must not learn of. An operator claims another operator's asset. Both look up objects
of others. The tests compare answers, headers, documents and their sizes after replacing the ids.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from typing import Any

import pytest

from tests.privacy.guards import alike, text_alike, told_apart
from tests.privacy.wiretap import Opened, Wiretap
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop


@pytest.fixture(scope="module")
def dso(world: World) -> Member:
    return world.dso("Dunkle Netze")


@pytest.fixture(scope="module")
def holder(world: World) -> Member:
    return world.operator("Holder")


@pytest.fixture(scope="module")
def rival(world: World) -> Member:
    return world.operator("Rival", role="brp")


@pytest.fixture(scope="module")
def point(dso: Member) -> str:
    point = fresh_gsrn()
    dso.register_points(point)
    return point


@pytest.fixture(scope="module")
def hidden(world: World, dso: Member, holder: Member, point: str) -> dict[str, str]:
    """Return assets that a DSO must not distinguish: unknown, in another grid, waiting, and removed assets."""
    south, there, removed = world.dso("Sydnet"), fresh_gsrn(), make_asset(point)
    south.register_points(there)
    foreign, waiting = make_asset(there), make_asset(fresh_gsrn())
    holder.register_assets(foreign, waiting, removed)
    holder.done("POST", "/flexibility-assets/removal", {"ids": [removed["id"]]})
    return {"unknown": fresh_gsrn(), "foreign": foreign["id"], "waiting": waiting["id"], "removed": removed["id"]}


def test_a_foreseen_limit_is_refused_alike_whatever_hides_the_asset(
    tap: Wiretap, dso: Member, hidden: dict[str, str]
) -> None:
    """DSO-A64: the refusal of a foreseen limit is the same for every reason."""
    replies = {}
    for name, asset_id in hidden.items():
        replies[name] = alike(dso.call("POST", "/capacity-limits/foreseen", make_foreseen([asset_id])), asset_id)

    assert replies["unknown"][0] == 422
    assert told_apart(replies) == []
    assert len(_documents_alike(tap, dso, hidden)) == 1


def test_an_emergency_leaves_assets_out_alike_whatever_hides_them(
    tap: Wiretap, dso: Member, holder: Member, point: str, hidden: dict[str, str]
) -> None:
    """DSO-A64: an emergency omits such assets, the same for every reason."""
    asset = make_asset(point)
    holder.register_assets(asset)
    # All following limits overlap one of the DSO's own limits, and get a warning.
    dso.send_unforeseen(make_stop([asset["id"]]))
    replies = {}
    for name, asset_id in hidden.items():
        reply = dso.call("POST", "/capacity-limits/unforeseen", make_stop([asset["id"], asset_id]))
        replies[name] = alike(reply, asset_id)

    assert '"status":"partly_accepted"' in replies["unknown"][2]
    assert told_apart(replies) == []
    assert len(_documents_alike(tap, dso, hidden)) == 1


def test_a_claim_on_anothers_asset_is_answered_like_one_at_a_point_of_nobody(
    tap: Wiretap, holder: Member, rival: Member, point: str
) -> None:
    """CLM-01: answers, documents, sizes and later reads are the same."""
    taken = make_asset(point)
    holder.register_assets(taken)
    told_before = len(_to(tap, holder))
    claims = {"taken": taken, "nobody's": make_asset(fresh_gsrn())}

    replies, states, ids = {}, {}, {name: claim["id"] for name, claim in claims.items()}
    for name, claim in claims.items():
        replies[name] = alike(rival.call("PUT", "/flexibility-assets", {"assets": [claim]}), claim["id"])
        states[name] = rival.done("GET", f"/flexibility-assets?id={claim['id']}")["assets"][0]["state"]

    assert states == {"taken": "waiting", "nobody's": "waiting"}
    assert told_apart(replies) == []
    assert len(_documents_alike(tap, rival, ids)) == 1
    assert len(_to(tap, holder)) == told_before


def test_no_one_hears_who_lets_go_or_who_waited(tap: Wiretap, holder: Member, rival: Member, point: str) -> None:
    """CLM-02: the waiting operator hears only that its own asset is ACTIVE."""
    asset = make_asset(point)
    holder.register_assets(asset)
    rival.register_assets(asset)

    holder.done("POST", "/flexibility-assets/removal", {"ids": [asset["id"]]})

    (notice,) = eventually(lambda: [each for each in _to(tap, rival) if b"ACTIVE=" in each.content])
    assert holder.code not in notice.content.decode() + notice.clear_text()
    assert re.findall(rb"<text>(.*?)</text>", notice.content) == [f"ACTIVE={asset['id']}".encode()]
    assert not [each for each in _to(tap, holder) if rival.code in each.content.decode() + each.clear_text()]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/flexibility-assets", {"assets": [{"id": "{id}", "max_production_kw": 1}]}),
        ("DELETE", "/flexibility-assets?id={id}", None),
        ("POST", "/flexibility-assets/removal", {"ids": ["{id}"]}),
        ("GET", "/flexibility-assets?id={id}", None),
        ("POST", "/flexibility-assets/query", {"ids": ["{id}"]}),
    ],
)
def test_anothers_asset_is_as_if_it_were_not_there(
    holder: Member, rival: Member, point: str, method: str, path: str, body: Any
) -> None:
    """OPR-404: another operator's asset looks like an unknown asset."""
    asset, replies = make_asset(point), []
    holder.register_assets(asset)

    for asset_id in (asset["id"], fresh_gsrn()):
        filled = json.loads(json.dumps(body).replace("{id}", asset_id))
        replies.append(alike(rival.call(method, path.replace("{id}", asset_id), filled), asset_id))

    assert replies[0] == replies[1]


def test_anothers_message_and_cursor_are_as_if_they_were_not_there(
    dso: Member, holder: Member, rival: Member, point: str
) -> None:
    """OPR-404: another party's message looks unknown, and a cursor works for its party only."""
    asset = make_asset(point)
    sent = holder.register_assets(asset)["message_id"]
    dso.send_foreseen(make_foreseen([asset["id"]]))
    cursor = eventually(lambda: holder.done("GET", "/capacity-limits/wait?timeout=1"))["cursor"]

    for caller in (rival, dso):
        replies = [alike(caller.call("GET", f"/messages/{each}"), each) for each in (sent, "0" * 32)]
        assert replies[0][0] == 404
        assert replies[0] == replies[1]
    refusals = [rival.call("GET", f"/capacity-limits/wait?timeout=0&after={each}") for each in (cursor, "bm90aGluZw==")]
    assert [reply.status for reply in refusals] == [400, 400]
    assert refusals[0].text == refusals[1].text


def test_a_cursor_is_sealed(dso: Member, holder: Member, rival: Member, point: str) -> None:
    """CUR-01, FED-OPQ: a cursor cannot be read, counted or changed, and works for its party and feed only."""
    cursors: list[str] = []
    for _ in range(3):
        asset = make_asset(point)
        holder.register_assets(asset)
        dso.send_foreseen(make_foreseen([asset["id"]]))
        cursors.append(eventually(lambda: _next_cursor(holder, cursors)) or "")
    sealed = base64.urlsafe_b64decode(cursors[-1])
    changed = [sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :] for place in range(len(sealed))]
    shortened = [sealed[:place] for place in range(len(sealed))]

    tried = [base64.urlsafe_b64encode(each).decode() for each in (*changed, *shortened[1:], sealed + b"x")]
    replies = [holder.call("GET", f"/capacity-limits/wait?timeout=0&after={each}") for each in tried]

    assert len({len(cursor) for cursor in cursors}) == 1
    assert all(_in_common(one, other) < 4 for one, other in itertools.combinations(cursors, 2))
    assert holder.code.encode() not in sealed
    assert {(reply.status, reply.text) for reply in replies} == {(400, replies[0].text)}
    assert rival.call("GET", f"/capacity-limits/wait?timeout=0&after={cursors[0]}").text == replies[0].text


def test_ids_are_random(dso: Member, holder: Member, rival: Member, point: str) -> None:
    """IDS-01: ids of messages, documents and limits reveal nothing about each other."""
    asset, answers = make_asset(point), []
    for _ in range(4):
        answers += [holder.register_assets(asset), rival.register_assets(make_asset(point))]
        answers.append(dso.send_foreseen(make_foreseen([asset["id"]])))
    limits = eventually(lambda: _four_limits(holder, asset["id"]))

    ids = [each[name] for each in answers for name in ("id", "message_id")] + [limit["id"] for limit in limits]
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)
    assert all(_in_common(one, other) < 8 for one, other in itertools.combinations(ids, 2))
    assert all(_in_common(one[::-1], other[::-1]) < 8 for one, other in itertools.combinations(ids, 2))


def _four_limits(party: Member, asset_id: str) -> list[dict[str, Any]]:
    found = [limit for limit in party.active_limits() if limit["asset_ids"] == [asset_id]]
    return found if len(found) == 4 else []


def _next_cursor(party: Member, known: list[str]) -> str | None:
    given = party.done("GET", "/capacity-limits/wait?timeout=1")
    return given["cursor"] if given["limits"] and given["cursor"] not in known else None


def _in_common(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), len(one))


def test_a_token_of_a_party_that_does_not_exist_reads_like_one_in_another_role(world: World, rival: Member) -> None:
    """TOK-01: a token for a code does not reveal whether the code is registered."""
    tokens = [world.token("5790000009992", "agr"), world.token(rival.code, "agr")]

    replies = [alike(rival.call("GET", "/flexibility-assets", Authorization=f"Bearer {token}")) for token in tokens]

    assert replies[0][0] == 403
    assert replies[0] == replies[1]


def test_a_capped_weight_is_told_without_any_number_or_name(
    tap: Wiretap, dso: Member, holder: Member, rival: Member
) -> None:
    """CAP-01: each operator hears only that its own asset is capped."""
    point, assets = fresh_gsrn(), [make_asset(fresh_gsrn(), max_production_kw=60) for _ in range(2)]
    dso.register_points({"id": point, "max_production_kw": 100})
    first, second = ({**asset, "connection_point_id": point} for asset in assets)
    holder.register_assets(first)
    rival.register_assets(second)

    (notice,) = eventually(lambda: [each for each in _to(tap, holder) if b"CAPPED=" in each.content])

    assert re.findall(rb"<text>(.*?)</text>", notice.content) == [f"CAPPED={first['id']}".encode()]
    assert rival.code not in notice.content.decode() + notice.clear_text()
    assert eventually(lambda: holder.done("GET", f"/flexibility-assets?id={first['id']}")["assets"][0]).keys() == {
        *first,
        "state",
        "is_weight_capped",
    }


# Inferences that remain possible, as docs/privacy.md says


def test_at_ones_own_active_point_waiting_means_taken(holder: Member, rival: Member, point: str) -> None:
    """INF-CLM: an operator that knows that the point is registered can infer why its claim waits."""
    taken, free = make_asset(point), make_asset(point)
    holder.register_assets(taken)

    rival.register_assets({**taken, "name": "Probe"}, free)

    read = rival.done("POST", "/flexibility-assets/query", {"ids": [taken["id"], free["id"]]})["assets"]
    assert {asset["id"]: asset["state"] for asset in read} == {taken["id"]: "waiting", free["id"]: "active"}


@pytest.mark.parametrize(("own_kw", "is_capped"), [(40, False), (41, True)])
def test_by_trying_powers_an_operator_finds_what_is_left_of_a_point(
    dso: Member, holder: Member, rival: Member, own_kw: int, is_capped: bool
) -> None:
    """INF-CAP: with a maximum of 100 kW and 60 kW of another operator, an asset is capped above 40 kW."""
    point = fresh_gsrn()
    dso.register_points({"id": point, "max_production_kw": 100})
    holder.register_assets(make_asset(point, max_production_kw=60))
    own = make_asset(point, max_production_kw=own_kw)

    rival.register_assets(own)

    read = rival.done("GET", f"/flexibility-assets?id={own['id']}")["assets"][0]
    assert is_capped == read.get("is_weight_capped", False)


def test_a_list_asked_for_between_two_registrations_shows_what_came_together(
    world: World, holder: Member, rival: Member
) -> None:
    """INF-LST: a list is current, so assets that appear together were registered together."""
    dso, point = world.dso(), fresh_gsrn()
    dso.register_points(point)
    first, second = [make_asset(point) for _ in range(2)], [make_asset(point)]

    holder.register_assets(*first)
    between = dso.done("GET", "/flexibility-assets")["assets"]
    rival.register_assets(*second)

    assert {asset["id"] for asset in between} == {asset["id"] for asset in first}


def test_an_operator_can_work_out_how_tight_a_limit_is(dso: Member, holder: Member, rival: Member, point: str) -> None:
    """INF-LVL: part divided by weight equals total divided by total weight; neither total is visible."""
    own, others = make_asset(point, max_production_kw=300), make_asset(point, max_production_kw=700)
    holder.register_assets(own)
    rival.register_assets(others)

    dso.send_foreseen(make_foreseen([own["id"], others["id"]], power_kw=250))

    limit = eventually(lambda: [each for each in holder.active_limits() if each["asset_ids"] == [own["id"]]])[0]
    assert limit["available"][0]["power_kw"] / limit["share"]["weight_kw"] == 250 / 1000


def _to(tap: Wiretap, party: Member) -> list[Opened]:
    return [each for each in tap.documents() if each.way.receiver == party.code]


def _documents_alike(tap: Wiretap, party: Member, ids: dict[str, str]) -> set[tuple[str, int, str]]:
    """Return type, size, text and metadata of the platform's answers on each of these ids."""
    tap.settled(party.code)
    answers = [each for each in _to(tap, party) if any(asset_id in each.content.decode() for asset_id in ids.values())]
    assert len(answers) == len(ids)
    found = set()
    for each in answers:
        signed = {name: getattr(each.signed, name) for name in ("type", "sender", "receiver", "content_size")}
        found.add((str(signed), len(each.content), text_alike(each.content.decode(), *ids.values())))
    return found
