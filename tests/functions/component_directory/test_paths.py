"""Changes of a component's message paths: its owner can narrow them, but neither widen them nor remove all."""

from __future__ import annotations

from tests.support.applicants import AtDirectory, join, make_path
from tests.support.world import World


def test_an_owner_narrows_its_paths_and_never_widens_them(world: World, operator: AtDirectory) -> None:
    joined = join(operator)
    path, start = f"/components/{joined.code}/paths", joined.answer["paths"][0]["valid_from"]
    narrow = make_path(world, "TPS-LIMIT*", valid_from=start, valid_to="2098-01-01T00:00:00Z")

    narrowed = joined.caller.done("PUT", path, {"paths": [narrow]})
    wider = joined.caller.call("PUT", path, {"paths": [make_path(world, valid_from=start)]})
    back = operator.done("PUT", path, {"paths": [make_path(world, valid_from=start)]})

    assert narrowed["paths"] == [narrow]
    assert [each["code"] for each in narrowed["warnings"]] == ["unreachable"]
    assert "TPS-ASSET-ACK" in narrowed["warnings"][0]["detail"]
    assert (wider.status, wider.codes(), wider.pointers()) == (422, {"A59"}, {"/paths/0"})
    assert back == {"paths": [make_path(world, valid_from=start)]}


def test_nobody_lets_another_party_in_and_conflicts_name_the_path(world: World, operator: AtDirectory) -> None:
    joined, other = join(operator), world.dso()
    path = f"/components/{joined.code}/paths"

    strange = operator.call("PUT", path, {"paths": [make_path(world, allowed_senders=[other.code])]})
    anybody = operator.call("PUT", path, {"paths": [make_path(world, allowed_senders=None)]})
    double = operator.call(
        "PUT", path, {"paths": [make_path(world), make_path(world, valid_from="2027-01-01T00:00:00Z")]}
    )
    split = operator.call(
        "PUT",
        path,
        {
            "paths": [
                make_path(world, valid_to="2027-01-01T00:00:00Z"),
                make_path(world, valid_from="2027-01-01T00:00:00Z"),
            ]
        },
    )

    assert (strange.status, anybody.status) == (422, 422)
    assert (double.status, double.codes(), double.pointers()) == (409, {"path_conflict"}, {"/paths/1"})
    assert "* from 2026-01-01T00:00:00Z" in double.text
    assert split.status == 200


def test_the_last_path_cannot_go(world: World, operator: AtDirectory) -> None:
    joined = join(operator)
    path = f"/components/{joined.code}/paths"

    last = joined.caller.call("DELETE", f"{path}?message_type=*")
    none = joined.caller.call("DELETE", f"{path}?message_type=TPS-LIMIT*")

    assert (last.status, last.codes()) == (422, {"unreachable"})
    assert none.status == 404
    assert len(joined.caller.done("GET", path)["paths"]) == 1
