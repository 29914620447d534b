"""Recorded traffic of a story (F1, NF3): senders, receivers, schemas, and who can read it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import Any

import pytest
from lxml import etree

from tests.documents.oracle import ORACLE
from tests.documents.test_samples import MODELS
from tests.privacy.wiretap import Opened, Packet, Wiretap
from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop
from tps.documents import decode, load_official_schemas, profiles
from tps.mades.types import ROUTES

XSD = ORACLE / "xsd"
TOTAL_KW = 977.123
_DIGITS = re.compile(rb"\d{13,18}")


@dataclass(frozen=True)
class Scene:
    """Two grids, three operators, and all their recorded messages.

    Attributes:
        assets: Ids of the registered assets by their operator's code.
        points: Ids of the registered points by their DSO's code.
    """

    dsos: tuple[Member, ...]
    operators: tuple[Member, ...]
    assets: dict[str, list[str]]
    points: dict[str, list[str]]
    messages: list[Opened]
    packets: list[Packet]

    @property
    def documents(self) -> list[Opened]:
        return [message for message in self.messages if not message.is_acknowledgement]


@pytest.fixture(scope="module")
def scene(world: World) -> Iterator[Scene]:
    """A story with everything that the first functions can do."""
    dsos = (world.dso("Dunkle Netze"), world.dso("Sydnet"))
    operators = (world.operator("Alphard"), world.operator("Betelgeuse", role="brp"), world.operator("Gamow"))
    with Wiretap(world).listening() as tap:
        assets, points = _play(dsos, operators)
        codes = {party.code for party in (*dsos, *operators)}
        # Notices for parties of other stories may arrive late.
        messages = [each for each in tap.settled(*codes) if {each.way.sender, each.way.receiver} & codes]
        yield Scene(dsos, operators, assets, points, messages, tap.packets())


def _play(dsos: tuple[Member, ...], operators: tuple[Member, ...]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    north, south = dsos
    points = {dso.code: [fresh_gsrn(), fresh_gsrn()] for dso in dsos}
    shared, other = points[north.code]
    unclaimed = fresh_gsrn()
    north.register_points({"id": shared, "max_production_kw": 700, "name": "Shared yard"}, other)
    south.register_points(*points[south.code])
    assets = {}
    for number, operator in enumerate(operators):
        places = [shared, other, points[south.code][0], unclaimed]
        own = [make_asset(place, name=f"{operator.name} {place}", max_production_kw=401 + number) for place in places]
        operator.register_assets(*own)
        assets[operator.code] = [asset["id"] for asset in own]
    alpha, beta, gamma = operators
    beta.register_assets(make_asset(other, id=assets[alpha.code][0]))
    in_north = [asset_id for own in assets.values() for asset_id in own[:2]]
    north.send_foreseen(make_foreseen(in_north, power_kw=TOTAL_KW, reason={"code": "B19", "text": "New cable"}))
    north.send_unforeseen(make_stop([*in_north, assets[alpha.code][2], assets[beta.code][3]]))
    assert north.call("POST", "/capacity-limits/foreseen", make_foreseen([assets[gamma.code][2]])).status == 422
    alpha.done("POST", "/flexibility-assets/removal", {"ids": assets[alpha.code][:1]})
    for dso in dsos:
        dso.done("GET", "/flexibility-assets")
    south.done("POST", "/connection-points/removal", {"ids": points[south.code]})
    south.done("GET", "/flexibility-assets")
    for operator in operators:
        eventually(partial(_has_both_limits, operator))
    return assets, points


def _has_both_limits(operator: Member) -> bool:
    return len(operator.active_limits()) == 2


def test_every_message_comes_from_and_goes_to_whom_it_may(world: World, scene: Scene) -> None:
    """PTH-01: operators and DSOs exchange messages with the platform only."""
    platform = world.settings.platform_component
    roles = {party.code: party.group for party in (*scene.dsos, *scene.operators)} | {platform: "tps"}

    seen = {(each.way.type, roles[each.way.sender], roles[each.way.receiver]) for each in scene.documents}
    pairs = {(roles[each.way.sender], roles[each.way.receiver]) for each in scene.messages}

    assert all((sender, receiver) in ROUTES[message_type] for message_type, sender, receiver in seen)
    assert pairs == {("agr", "tps"), ("tps", "agr"), ("dso", "tps"), ("tps", "dso")}
    assert {message_type for message_type, _, _ in seen} >= {
        "TPS-ASSET", "TPS-ASSET-ACK", "TPS-POINT", "TPS-POINT-ACK", "TPS-STATUSREQUEST", "TPS-STATUSREQUEST-ACK",
        "TPS-ASSET-LIST", "TPS-ASSET-LIST-ACK", "TPS-LIMIT-FORESEEN", "TPS-LIMIT-FORESEEN-ACK",
        "TPS-LIMIT-UNFORESEEN", "TPS-LIMIT-UNFORESEEN-ACK",
    }  # fmt: skip


def test_every_document_says_of_its_ends_what_its_message_says(scene: Scene) -> None:
    for message in scene.documents:
        header = decode(message.content).header

        assert (header.sender, header.receiver) == (message.way.sender, message.way.receiver)


def test_every_document_is_valid_by_the_official_schemas(scene: Scene) -> None:
    if not XSD.is_dir():
        pytest.skip("the official schemas are not here (TPS_ORACLE_DIR)")
    load_official_schemas(XSD)
    try:
        faults = [fault for each in scene.documents if (fault := profiles.fault(etree.fromstring(each.content)))]
    finally:
        load_official_schemas(None)

    assert faults == []


def test_every_document_is_read_by_an_independent_model(scene: Scene) -> None:
    pytest.importorskip("entsoe", reason="entsoe-apy is not installed")
    for message in scene.documents:
        root = etree.fromstring(message.content)

        model = _parser().from_bytes(message.content, _model(etree.QName(root).localname))

        assert root.findtext("{*}mRID") == model.m_rid


def test_no_document_lies_open_on_the_wire(scene: Scene) -> None:
    """WIR-01: no id of an asset or point, no name, no document. Codes of components and message ids are visible."""
    private = {each for ids in (*scene.assets.values(), *scene.points.values()) for each in ids}
    words = {word.encode() for word in (*private, "Shared yard", "New cable", "MarketDocument", "<?xml", str(TOTAL_KW))}
    codes = {party.code.encode() for party in (*scene.dsos, *scene.operators)}

    for packet in scene.packets:
        seen = packet.data + repr((packet.subject, packet.headers)).encode()
        assert not [word for word in words if word in seen]
        if packet.subject.startswith("mades."):
            assert len(codes & set(_DIGITS.findall(seen))) <= 1


def test_signed_metadata_names_nobody_but_the_two_ends(scene: Scene) -> None:
    for message in scene.messages:
        named = {party.code for party in (*scene.dsos, *scene.operators) if party.code in message.clear_text()}

        assert named <= {message.way.sender, message.way.receiver}
        assert not [each for ids in scene.assets.values() for each in ids if each in message.clear_text()]


def test_nothing_that_goes_to_a_dso_names_an_operator(scene: Scene) -> None:
    """DSO-OPR: neither code nor name of an operator, nor an asset's name."""
    for dso in scene.dsos:
        told = _everything_to(dso, scene)
        assert told
        assert not [party for party in scene.operators if party.code in told or party.name in told]


def test_nothing_that_goes_to_a_dso_is_of_another_grid(scene: Scene) -> None:
    """DSO-GRD: no point or asset of another DSO, unless this DSO named it itself."""
    north, south = scene.dsos
    own = {scene.assets[operator.code][2] for operator in scene.operators}

    for dso, foreign in ((north, set(scene.points[south.code])), (south, {*scene.points[north.code]})):
        assert not [each for each in foreign if each in _everything_to(dso, scene)]
    for asset_id in own:
        assert asset_id not in _lists_to(north, scene)
        assert asset_id in _lists_to(south, scene)


def test_nothing_that_goes_to_an_operator_names_another(scene: Scene) -> None:
    """OPR-OTH: no code, name or asset of another operator, no total, and only its own part."""
    for operator in scene.operators:
        told = _everything_to(operator, scene)
        others = [other for other in scene.operators if other is not operator]
        claimed = {scene.assets[scene.operators[0].code][0]} if operator is scene.operators[1] else set()
        theirs = {each for other in others for each in scene.assets[other.code]} - claimed
        assert told
        assert not [word for other in others for word in (other.code, other.name) if word in told]
        assert not [each for each in theirs if each in told]
        assert str(TOTAL_KW) not in told


def test_the_ids_of_one_limit_have_nothing_in_common_between_its_recipients(scene: Scene) -> None:
    """OPR-IDS: the operators' messages about one limit share no id with each other or with the DSO's message."""
    for kind in ("TPS-LIMIT-FORESEEN", "TPS-LIMIT-UNFORESEEN"):
        of_kind = [each for each in scene.documents if each.way.type == kind]
        got = {operator.code: set[str]() for operator in scene.operators}
        for message in of_kind:
            if message.way.group == "agr":
                # All revisions: an asset changes its operator in this story, and two parts are divided again.
                got[message.way.receiver] |= _ids(message)
        sent = [_ids(each) for each in of_kind if each.way.group == "tps"]

        assert all(got.values())
        assert all(not one & other for one, other in itertools.combinations([*got.values(), *sent], 2))


def test_each_operators_count_of_messages_is_its_own(scene: Scene) -> None:
    """OPR-SEQ: the signed sequence counts the messages between two components without gaps."""
    ways = {(each.way.sender, each.way.receiver) for each in scene.documents}
    for sender, receiver in ways:
        counted = [each.signed.sequence for each in scene.documents if _way(each) == (sender, receiver)]  # type: ignore[union-attr]

        assert sorted(counted) == list(range(1, len(counted) + 1))


def _everything_to(party: Member, scene: Scene) -> str:
    messages = [each for each in scene.messages if each.way.receiver == party.code]
    return "\n".join(each.clear_text() + each.content.decode() for each in messages)


def _lists_to(party: Member, scene: Scene) -> str:
    own = [each for each in scene.documents if _way(each)[1] == party.code and each.way.type == "TPS-ASSET-LIST"]
    return "\n".join(each.content.decode() for each in own)


def _ids(message: Opened) -> set[str]:
    return set(re.findall(r"\b[0-9a-f]{32}\b", message.clear_text() + message.content.decode()))


def _way(message: Opened) -> tuple[str, str]:
    return message.way.sender, message.way.receiver


@cache
def _parser() -> Any:
    from xsdata_pydantic.bindings import XmlParser

    return XmlParser()


def _model(name: str) -> Any:
    module, _, model = MODELS[name].partition(":")
    return getattr(import_module(f"entsoe.xml_models.{module}"), model)
