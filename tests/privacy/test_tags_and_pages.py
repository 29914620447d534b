"""An ETag and a page token reveal nothing beyond the answer."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

from tests.privacy.guards import marks_beyond
from tests.support.world import Member, Reply, World, eventually, fresh_gsrn, make_asset, make_foreseen


def test_a_tag_is_made_of_what_is_shown(world: World) -> None:
    """TAG-01: a new name, a new operator and other traffic do not change a DSO's tag; a new power does."""
    dso, first, second = world.dso(), world.operator(), world.operator()
    asset = make_asset(fresh_gsrn())
    dso.register_points(asset["connection_point_id"])
    first.register_assets(asset)
    replies = [_with_assets(dso)]

    first.register_assets({**asset, "name": "another name"})
    replies.append(_with_assets(dso))
    dso.send_foreseen(make_foreseen([asset["id"]]))
    first.done("DELETE", f"/flexibility-assets?id={asset['id']}")
    second.register_assets(asset)
    replies.append(_with_assets(dso))
    second.register_assets({**asset, "max_production_kw": 601})
    changed = _with_assets(dso)

    assert marks_beyond([*replies, changed]) == []
    assert len({reply.headers["ETag"] for reply in replies}) == 1
    assert changed.headers["ETag"] != replies[0].headers["ETag"]


def test_two_parties_tags_have_nothing_in_common(world: World) -> None:
    """TAG-01: two parties get different tags for equal answers; a tag works for its party and list only."""
    first, second = world.operator(), world.operator()

    tags = {
        (member.code, path): member.call("GET", path).headers["ETag"]
        for member in (first, second)
        for path in ("/capacity-limits", "/capacity-limits/active", "/flexibility-assets")
    }

    assert len(set(tags.values())) == len(tags)
    assert {len(tag) for tag in tags.values()} == {len('W/""') + 24}
    theirs = second.call("GET", "/flexibility-assets", If_None_Match=tags[first.code, "/flexibility-assets"])
    assert theirs.status == 200


def test_the_place_of_a_page_is_sealed(world: World) -> None:
    """CUR-01: no readable id, one length, refused after a changed bit."""
    operator = world.operator()
    assets = [make_asset("T17"), make_asset("T17", id="NDK:" + "x" * 50), make_asset(fresh_gsrn())]
    operator.register_assets(*assets)
    place = _place(operator.done("GET", "/flexibility-assets?limit=1"))
    other = _place(operator.done("GET", "/flexibility-assets?limit=2"))
    sealed = base64.urlsafe_b64decode(place)
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(0, len(sealed), 16)]

    tried = [base64.urlsafe_b64encode(each).decode() for each in (*changed, sealed[:-1], sealed + b"x", b"")]
    replies = [operator.call("GET", f"/flexibility-assets?page={each}") for each in tried]

    assert len(place) == len(other)
    assert place[:8] != other[:8]
    assert not [asset for asset in assets if asset["id"].encode() in sealed]
    assert {(reply.status, reply.text) for reply in replies} == {(400, replies[0].text)}


def _place(page: dict[str, str]) -> str:
    return parse_qs(urlsplit(page["next"]).query)["page"][0]


def _with_assets(dso: Member) -> Reply:
    return eventually(lambda: _seen(dso))


def _seen(dso: Member) -> Reply | None:
    reply = dso.call("GET", "/flexibility-assets")
    return reply if reply.json["assets"] else None
