"""A backend's own resources, its received lists, and the components of its group."""

import json
from datetime import timedelta
from typing import Any

from tests.support.rows import NOW, hours
from tests.support.servers import GRID, OPERATOR, RIVAL
from tps.domain.scope import DsoScope
from tps.dso import asset_lists
from tps.dso.asset_lists import KeptList
from tps.endpoint import components
from tps.endpoint.components import OwnComponent, WrappedKey
from tps.mades.ids import new_id
from tps.party import resources
from tps.party.resources import OwnResource
from tps.stores.database import Database


def wish(database: Database, sequence: int, bodies: dict[str, Any], party: str = OPERATOR) -> str:
    message_id = new_id()
    with database.transaction() as tx:
        resources.add_wish(tx, party=party, message_id=message_id, sequence=sequence, bodies=bodies)
    return message_id


def settle(database: Database, message_id: str, is_accepted: bool = True, party: str = OPERATOR) -> None:
    with database.transaction() as tx:
        resources.settle_wish(tx, party=party, message_id=message_id, is_accepted=is_accepted)


def own(database: Database, party: str = OPERATOR) -> dict[str, dict[str, Any]]:
    with database.transaction() as tx:
        return {each.id: each.body for each in resources.read_own(tx, party)}


def test_a_wish_counts_once_it_is_accepted(agr: Database) -> None:
    message_id = wish(agr, 1, {"A": {"id": "A"}})
    assert own(agr) == {}

    settle(agr, message_id)

    assert own(agr) == {"A": {"id": "A"}}


def test_a_refused_wish_leaves_nothing(agr: Database) -> None:
    settle(agr, wish(agr, 1, {"A": {"id": "A"}}), is_accepted=False)

    assert own(agr) == {}
    with agr.transaction() as tx:
        assert resources.read_wanted(tx, OPERATOR, ["A"]) == {}


def test_keys_stay_in_the_order_in_which_they_were_written(agr: Database) -> None:
    body = {"id": "A", "connection_point_id": "P", "a": 1, "max_production_kw": 0.5}

    settle(agr, wish(agr, 1, {"A": body}))

    assert json.dumps(own(agr)["A"]) == json.dumps(body)


def test_answers_in_another_order_do_not_bring_an_older_wish_back(agr: Database) -> None:
    older, newer = wish(agr, 1, {"A": {"name": "older"}}), wish(agr, 2, {"A": {"name": "newer"}})

    settle(agr, newer)
    settle(agr, older)

    assert own(agr) == {"A": {"name": "newer"}}


def test_a_removed_resource_is_not_brought_back_by_an_older_wish(agr: Database) -> None:
    older, removal = wish(agr, 1, {"A": {"name": "older"}}), wish(agr, 2, {"A": None})

    settle(agr, removal)
    settle(agr, older)

    assert own(agr) == {}


def test_a_change_is_merged_into_what_is_under_way(agr: Database) -> None:
    settle(agr, wish(agr, 1, {"A": {"n": 1}, "B": {"n": 1}, "C": {"n": 1}}))
    wish(agr, 2, {"A": {"n": 2}, "B": None})
    wish(agr, 3, {"A": {"n": 3}}, party=RIVAL)

    with agr.transaction() as tx:
        assert resources.read_wanted(tx, OPERATOR, ["A", "B", "C", "D"]) == {"A": {"n": 2}, "C": {"n": 1}}


def test_older_news_of_a_state_is_ignored(agr: Database) -> None:
    settle(agr, wish(agr, 1, {"A": {}, "B": {}}))

    with agr.transaction() as tx:
        resources.note_states(tx, party=OPERATOR, notices={"ACTIVE": ["A"], "CAPPED": ["A"]}, state_sequence=5)
        resources.note_states(tx, party=OPERATOR, notices={"WAITING": ["A"], "ACTIVE": ["B"]}, state_sequence=4)
        found = resources.read_own(tx, OPERATOR)

    assert found == [OwnResource("A", {}, "active", True), OwnResource("B", {}, "active", False)]


def test_only_the_named_ones_are_read_and_only_ones_own(agr: Database) -> None:
    settle(agr, wish(agr, 1, {"A": {}, "B": {}}))
    settle(agr, wish(agr, 1, {"C": {}}, party=RIVAL), party=RIVAL)

    with agr.transaction() as tx:
        assert [each.id for each in resources.read_own(tx, OPERATOR, ["A", "C", "D"])] == ["A"]
        assert resources.read_own(tx, OPERATOR, []) == []


def test_a_list_is_kept_for_the_request_that_it_answers(databases: dict[str, Database]) -> None:
    older, newer = KeptList(hours(1), "key"), KeptList(hours(2), None)
    with databases["dso"].transaction() as tx:
        asset_lists.keep_list(tx, GRID, "r2", newer)
        asset_lists.keep_list(tx, GRID, "r1", older)
        asset_lists.keep_list(tx, GRID, "r1", newer)

        assert asset_lists.read_list(tx, DsoScope(GRID), "r2") == newer
        assert asset_lists.read_list(tx, DsoScope(GRID), "r1") == older
        assert asset_lists.read_list(tx, DsoScope(RIVAL), "r1") is None


def test_the_valid_keys_for_a_use_come_the_newest_first(agr: Database) -> None:
    def key(certificate_id: str, use: str, start: float, end: float) -> WrappedKey:
        return WrappedKey(certificate_id, OPERATOR, use, b"wrapped", hours(start), hours(end))

    keys = [
        key("expired", "signing", -9, 0),
        key("older", "signing", -8, 9),
        key("newer", "signing", -1, 9),
        key("ahead", "signing", 1, 9),
        key("other use", "encryption", -1, 9),
    ]
    with agr.transaction() as tx:
        components.add_component(tx, OwnComponent(OPERATOR, OPERATOR, "agr", "Alpha"), keys)
        signing = components.valid_keys(tx, OPERATOR, "signing", NOW)
        none = components.valid_keys(tx, OPERATOR, "signing", NOW + timedelta(hours=9))

        assert signing == [keys[2], keys[1]]
        assert none == []
        assert components.key_by_certificate(tx, "expired") == keys[0]
