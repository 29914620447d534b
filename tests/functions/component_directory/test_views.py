"""Visibility in the component directory, as JSON and as MADES XML, and after changes."""

from __future__ import annotations

import psycopg

from tests.support.applicants import AtDirectory, fresh_keys, join, make_application, make_path
from tests.support.world import Member, World, fresh_gln
from tps.mades.directory_xml import read_listing


def of(member: Member, world: World) -> AtDirectory:
    return AtDirectory.of(world, member.code, member.role)


def test_a_party_sees_itself_the_platform_broker_and_directory_and_the_operator_all(
    world: World, operator: AtDirectory
) -> None:
    settings, alpha, beta = world.settings, of(world.operator(), world), of(world.dso(), world)
    everybodys = {settings.platform_component, settings.broker_component, settings.directory_component}

    seen = [{entry["code"] for entry in each.done("GET", "/components")["components"]} for each in (alpha, beta)]
    all_seen = {entry["code"] for entry in operator.done("GET", "/components")["components"]}

    assert seen == [{alpha.code, *everybodys}, {beta.code, *everybodys}]
    assert all_seen >= {alpha.code, beta.code, *everybodys}
    kinds = {each["code"]: each["kind"] for each in alpha.done("GET", "/components")["components"]}
    assert kinds[settings.broker_component] == "broker"
    assert kinds[settings.directory_component] == "componentDirectory"


def test_whom_to_ask_is_told_to_the_party_itself_and_the_operator(world: World, operator: AtDirectory) -> None:
    """DIR-01: only the party itself and the platform operator see contacts, of whatever component."""
    alpha, platform, url = join(operator).caller, world.settings.platform_component, world.settings.groups["ecp"]
    change = "UPDATE registered_component SET person = %s WHERE code = %s"
    with psycopg.connect(url.database_url) as connection:
        connection.execute(change, ["Ola Jensen", platform])

    seen = [alpha.call("GET", path).text for path in ("/components", "/components.xml", f"/components/{platform}")]
    told = operator.done("GET", f"/components/{platform}")

    with psycopg.connect(url.database_url) as connection:
        connection.execute(change, [None, platform])
    assert ["Ola Jensen" in text for text in seen] == [False, False, False]
    assert ["Ada Nilsson" in text for text in seen] == [True, True, False]
    assert told["person"] == "Ola Jensen"


def test_somebody_elses_component_and_application_are_as_if_not_there(world: World, operator: AtDirectory) -> None:
    """DIR-01: every route answers as for an unknown code."""
    alpha, beta = join(operator), of(world.operator(), world)
    waiting, nobody = AtDirectory.of(world, fresh_gln(), "dso"), fresh_gln()
    waiting.done("POST", "/components", make_application(fresh_keys()))
    paths = {"paths": [{"message_type": "*", "valid_from": "2026-01-01T00:00:00Z"}]}

    for method, ending, body in (("GET", "", None), ("GET", "/paths", None), ("PUT", "/paths", paths)):
        replies = [
            beta.call(method, f"/components/{code}{ending}", body) for code in (alpha.code, waiting.code, nobody)
        ]
        assert {reply.status for reply in replies} == {404}
        assert len({reply.text for reply in replies}) == 1


def test_content_ids_and_tags_move_with_what_a_viewer_sees_alone(world: World, operator: AtDirectory) -> None:
    """DIR-03: applications, renewals and revocations of others do not change a party's tags."""
    alpha = of(world.operator(), world)
    before, all_before = alpha.call("GET", "/components"), operator.done("GET", "/components")["metadata"]

    other = join(operator)
    operator.done("POST", f"/components/{other.code}/revocation", {"reason": "gone"})

    after = alpha.call("GET", "/components", If_None_Match=before.headers["ETag"])
    known = before.json["metadata"]["content_id"]
    assert (after.status, after.text) == (304, "")
    assert alpha.done("GET", f"/components?contentId={known}")["unchanged"] is True
    assert operator.done("GET", "/components")["metadata"]["content_id"] > all_before["content_id"]
    operator.done("PUT", f"/components/{alpha.code}/paths", {"paths": [make_path(world, "TPS*"), make_path(world)]})
    changed = alpha.done("GET", f"/components?contentId={known}")
    assert changed["metadata"]["content_id"] > known
    assert changed["components"]


def test_the_list_as_xml_says_what_the_list_as_json_says(world: World, operator: AtDirectory) -> None:
    alpha = join(operator).caller
    listed = alpha.done("GET", "/components")

    reply = alpha.call("GET", "/components.xml")
    listing = read_listing(reply.text.encode())

    metadata = {"directory": listing.directory, "content_id": listing.content_id, "ttl_s": listing.ttl_s}
    assert reply.headers["content-type"] == "application/xml; charset=utf-8"
    assert metadata == listed["metadata"]
    assert [each.code for each in listing.components] == [each["code"] for each in listed["components"]]
    for xml, entry in zip(listing.components, listed["components"], strict=True):
        assert [each.pem for each in xml.certificates] == entry["certificates"]
        assert [each.message_type for each in xml.paths] == [each["message_type"] for each in entry["paths"]]
        assert (xml.contact.person, xml.kind) == (entry.get("person"), entry["kind"])
    unchanged = alpha.call("GET", f"/components.xml?contentId={listing.content_id}")
    assert read_listing(unchanged.text.encode()).components == ()
    assert alpha.call("GET", "/components.xml", If_None_Match=reply.headers["ETag"]).status == 304


def test_the_operators_list_comes_in_pages(world: World, operator: AtDirectory) -> None:
    whole = [each["code"] for each in operator.done("GET", "/components")["components"]]
    page = operator.done("GET", f"/components?limit={len(whole) - 1}")

    rest = operator.done("GET", page["next"].removeprefix("/ecp/v1"))

    assert [each["code"] for each in (*page["components"], *rest["components"])] == whole
    assert rest["applications"] == []
