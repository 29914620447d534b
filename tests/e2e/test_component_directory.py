"""The Component Directory (F1): who applies, who is let in, who sees whom, and what becomes of keys and paths."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.support.applicants import AtDirectory, fresh_keys, join, make_application, pems
from tests.support.world import Member, World, fresh_gln
from tps.mades.certificate import CertificateUse, load_certificate, verify_certificate
from tps.mades.certificates import dump_public_key, generate_key
from tps.mades.directory_xml import read_listing
from tps.runtime.directory import AUTHORITY_CERTIFICATE
from tps.runtime.stack import ROOT


def of(member: Member, world: World) -> AtDirectory:
    return AtDirectory.of(world, member.code, member.role)


@pytest.fixture(scope="module")
def operator(world: World) -> AtDirectory:
    return AtDirectory.of(world, world.settings.platform_party, "tps")


def test_an_applicant_becomes_a_component_whose_certificates_fit_its_keys(world: World, operator: AtDirectory) -> None:
    applicant, keys = AtDirectory.of(world, fresh_gln(), "agr"), fresh_keys()

    applied = applicant.call("POST", "/components", make_application(keys))
    again = applicant.call("POST", "/components", make_application(keys))
    waiting = applicant.own()
    approved = operator.done("POST", f"/components/{applicant.code}/approval", {})

    assert (applied.status, again.status) == (201, 200)
    assert applied.json == again.json == waiting
    assert waiting["status"] == "applied"
    entry = applicant.own()
    assert entry == {name: value for name, value in approved.items() if name != "warnings"}
    assert (entry["status"], entry["group"], entry["person"]) == ("active", f"agr-{applicant.code}", "Ada Nilsson")
    authority = (world.stack.keys_dir / AUTHORITY_CERTIFICATE).read_text()
    for use, pem in zip(CertificateUse, entry["certificates"], strict=True):
        certificate = load_certificate(pem)
        verify_certificate(certificate, authority, datetime.now(UTC), component=applicant.code, use=use)
        assert pems(keys)[use] == dump_public_key(certificate.public_key).decode()


def test_an_approval_enters_the_party_in_the_platforms_registry_and_copy_and_says_what_is_left(
    world: World, operator: AtDirectory
) -> None:
    joined = join(operator, "dso", organisation="Sydnet")
    again = operator.done("POST", f"/components/{joined.code}/approval", {})

    parties = {each["code"]: each for each in _parties(world)}
    with psycopg.connect(world.settings.groups["tps"].database_url) as connection:
        copied = connection.execute("SELECT entry FROM directory_entry WHERE code = %s", [joined.code]).fetchone()
    expected = {"code": joined.code, "role": "dso", "name": "Sydnet", "component": joined.code}
    assert expected.items() <= parties[joined.code].items()
    assert copied is not None
    assert copied[0]["certificates"] == joined.answer["certificates"] == again["certificates"]
    assert [each["code"] for each in joined.answer["warnings"]] == ["broker_user"]
    assert f"dso-{joined.code}" in joined.answer["warnings"][0]["detail"]


def _parties(world: World) -> list[dict[str, Any]]:
    token = world.token(world.settings.platform_party, "tps")
    answer = world.http.get("/tps/v1/parties", headers={"Authorization": f"Bearer {token}"})
    parties: list[dict[str, Any]] = answer.json()["parties"]
    return parties


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
    """DIR-01: also of those that everybody sees."""
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
    """DIR-01: by whatever route, in the words for a code that nobody has."""
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


def test_a_code_that_another_has_or_wishes_is_taken_like_any_other_and_the_operator_sees_it(
    world: World, operator: AtDirectory
) -> None:
    """DIR-02: the applicant learns nothing; the operator names whose application it means, and cannot give it twice."""
    first = join(operator, code=_fresh_eic_v())
    second = AtDirectory.of(world, fresh_gln(), "agr")

    wished = second.call("POST", "/components", make_application(fresh_keys(), code=first.code))
    free = AtDirectory.of(world, fresh_gln(), "agr").call("POST", "/components", make_application(fresh_keys()))

    assert (wished.status, set(wished.json)) == (free.status, set(free.json))
    refused = operator.call("POST", f"/components/{first.code}/approval", {"party": second.code})
    assert (refused.status, refused.codes()) == (409, {"taken"})


def test_who_is_sent_away_reads_why_and_may_apply_again(world: World, operator: AtDirectory) -> None:
    """INF-REJ: what the applicant learns of why its code could not be had is what the operator writes."""
    first, second = join(operator, code=_fresh_eic_v()), AtDirectory.of(world, fresh_gln(), "agr")
    application = make_application(second.keys, code=first.code)
    second.done("POST", "/components", application)

    operator.done("POST", f"/components/{first.code}/rejection", {"reason": "choose another", "party": second.code})

    assert second.done("GET", f"/components/{first.code}")["reason"] == "choose another"
    again = second.call("POST", "/components", {**application, "code": None})
    assert (again.status, again.json["status"], again.json["code"]) == (201, "applied", second.code)


def test_content_ids_and_tags_move_with_what_a_viewer_sees_alone(world: World, operator: AtDirectory) -> None:
    """DIR-03: that others join, apply, renew or are revoked moves nothing of a party's."""
    alpha = of(world.operator(), world)
    before, all_before = alpha.call("GET", "/components"), operator.done("GET", "/components")["metadata"]

    other = join(operator)
    operator.done("POST", f"/components/{other.code}/revocation", {"reason": "gone"})

    after = alpha.call("GET", "/components", If_None_Match=before.headers["ETag"])
    known = before.json["metadata"]["content_id"]
    assert (after.status, after.text) == (304, "")
    assert alpha.done("GET", f"/components?contentId={known}")["unchanged"] is True
    assert operator.done("GET", "/components")["metadata"]["content_id"] > all_before["content_id"]
    operator.done("PUT", f"/components/{alpha.code}/paths", {"paths": [_path(world, "TPS*"), _path(world)]})
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


def test_a_component_renews_by_its_own_key_and_keeps_its_older_certificates(
    world: World, operator: AtDirectory
) -> None:
    joined, keys = join(operator), fresh_keys()
    body, path = {"keys": pems(keys)}, f"/components/{joined.code}/certificates"

    issued = joined.asserting(body).done("POST", path, body)["certificates"]
    again = joined.asserting(body).done("POST", path, body)["certificates"]
    by_the_new_key = joined.asserting(key=joined.key(issued, keys)).done("GET", f"/components/{joined.code}")

    assert issued == again
    assert by_the_new_key["certificates"] == [*joined.answer["certificates"], *issued]


def test_only_a_valid_certificate_renews(world: World, operator: AtDirectory) -> None:
    joined, other, body = join(operator), join(operator), {"keys": pems(fresh_keys())}
    path = f"/components/{joined.code}/certificates"

    replies = {
        "token": joined.caller.call("POST", path, body),
        "another component": other.asserting(body).call("POST", path, body),
        "another body": joined.asserting({"keys": pems(fresh_keys())}).call("POST", path, body),
        "no body in it": joined.asserting().call("POST", path, body),
        "another's key": joined.asserting(body, replace(joined.key(), private_key=generate_key())).call(
            "POST", path, body
        ),
    }

    statuses = {name: reply.status for name, reply in replies.items()}
    assert statuses == {
        "token": 403,
        "another component": 404,
        "another body": 401,
        "no body in it": 401,
        "another's key": 401,
    }
    assert len({replies[name].text for name, status in statuses.items() if status == 401}) == 1


def test_a_revoked_certificate_proves_nothing_and_is_in_nobodys_copy(world: World, operator: AtDirectory) -> None:
    joined = join(operator)
    revoked_id = joined.key().certificate_id
    body = {"reason": "the key was lost", "certificate_id": revoked_id}

    first = operator.done("POST", f"/components/{joined.code}/revocation", body)
    again = operator.done("POST", f"/components/{joined.code}/revocation", body)

    assert first == again
    assert (first["status"], first["revoked_certificates"], len(first["certificates"])) == ("active", [revoked_id], 2)
    assert joined.asserting().call("GET", "/components").status == 401
    with psycopg.connect(world.settings.groups["tps"].database_url) as connection:
        row = connection.execute("SELECT entry FROM directory_entry WHERE code = %s", [joined.code]).fetchone()
    assert row is not None
    assert row[0]["certificates"] == first["certificates"]


def test_a_revoked_component_is_left_without_certificates(world: World, operator: AtDirectory) -> None:
    joined = join(operator)

    revoked = operator.done("POST", f"/components/{joined.code}/revocation", {"reason": "left the market"})

    assert (revoked["status"], revoked["certificates"]) == ("revoked", [])
    assert len(revoked["revoked_certificates"]) == 3
    assert joined.caller.own()["status"] == "revoked"
    assert operator.call("POST", f"/components/{joined.code}/approval", {}).status == 409
    assert joined.caller.call("POST", "/components", make_application(fresh_keys())).status == 409
    platform = operator.call("POST", f"/components/{world.settings.platform_component}/revocation", {"reason": "no"})
    assert platform.status == 409


def _path(world: World, message_type: str = "*", **changes: Any) -> dict[str, Any]:
    senders = [world.settings.platform_component]
    head = {"message_type": message_type, "allowed_senders": senders, "valid_from": "2026-01-01T00:00:00Z"}
    return {**head, **changes}


def test_an_owner_narrows_its_paths_and_never_widens_them(world: World, operator: AtDirectory) -> None:
    joined = join(operator)
    path, start = f"/components/{joined.code}/paths", joined.answer["paths"][0]["valid_from"]
    narrow = _path(world, "TPS-LIMIT*", valid_from=start, valid_to="2098-01-01T00:00:00Z")

    narrowed = joined.caller.done("PUT", path, {"paths": [narrow]})
    wider = joined.caller.call("PUT", path, {"paths": [_path(world, valid_from=start)]})
    back = operator.done("PUT", path, {"paths": [_path(world, valid_from=start)]})

    assert narrowed["paths"] == [narrow]
    assert [each["code"] for each in narrowed["warnings"]] == ["unreachable"]
    assert "TPS-ASSET-ACK" in narrowed["warnings"][0]["detail"]
    assert (wider.status, wider.codes(), wider.pointers()) == (422, {"A59"}, {"/paths/0"})
    assert back == {"paths": [_path(world, valid_from=start)]}


def test_nobody_lets_another_party_in_and_conflicts_name_the_path(world: World, operator: AtDirectory) -> None:
    joined, other = join(operator), world.dso()
    path = f"/components/{joined.code}/paths"

    strange = operator.call("PUT", path, {"paths": [_path(world, allowed_senders=[other.code])]})
    anybody = operator.call("PUT", path, {"paths": [_path(world, allowed_senders=None)]})
    double = operator.call("PUT", path, {"paths": [_path(world), _path(world, valid_from="2027-01-01T00:00:00Z")]})
    split = operator.call(
        "PUT",
        path,
        {
            "paths": [
                _path(world, valid_to="2027-01-01T00:00:00Z"),
                _path(world, valid_from="2027-01-01T00:00:00Z"),
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


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
OTHER_CURVE = ec.generate_private_key(ec.SECP384R1())
BAD_KEYS = {
    "no PEM": "x",
    "a certificate's border around nothing": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
    "RSA of 1024 bits": dump_public_key(WEAK.public_key()).decode(),
    "another curve": dump_public_key(OTHER_CURVE.public_key()).decode(),  # type: ignore[arg-type]
    "not ASCII": "-----BEGIN PUBLIC KEY-----\n\u00e9\n-----END PUBLIC KEY-----\n",
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_bad_key_is_refused_by_its_name(world: World, name: str) -> None:
    keys = {**pems(fresh_keys()), "encryption": BAD_KEYS[name]}

    reply = AtDirectory.of(world, fresh_gln(), "agr").call(
        "POST", "/components", make_application(fresh_keys(), keys=keys)
    )

    assert (reply.status, reply.codes(), reply.pointers()) == (422, {"bad_key"}, {"/keys/encryption"})


def test_one_key_for_two_uses_and_a_huge_one_are_refused(world: World) -> None:
    applicant, keys = AtDirectory.of(world, fresh_gln(), "agr"), pems(fresh_keys())

    twins = applicant.call(
        "POST", "/components", make_application(fresh_keys(), keys={**keys, "signing": keys["encryption"]})
    )
    huge = applicant.call("POST", "/components", make_application(fresh_keys(), keys={**keys, "signing": "x" * 9_999}))

    assert (twins.status, twins.codes(), twins.pointers()) == (422, {"bad_key"}, {"/keys/signing"})
    assert (huge.status, huge.codes(), huge.pointers()) == (400, {"bad_type"}, {"/keys/signing"})


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"code": "5790000000029"}, "/code"),
        ({"code": "45V0000000000010"}, "/code"),
        ({"code": "5790000000029-BROKER"}, "/code"),
        ({"organisation": " "}, "/organisation"),
        ({"person": "Ada\x00"}, "/person"),
        ({"email": "ada"}, "/email"),
        ({"phone": "call me"}, "/phone"),
    ],
)
def test_an_application_that_cannot_be_names_the_field(world: World, changes: dict[str, Any], pointer: str) -> None:
    reply = AtDirectory.of(world, fresh_gln(), "dso").call(
        "POST", "/components", make_application(fresh_keys(), **changes)
    )

    assert (reply.status, reply.pointers()) == (422, {pointer})


def test_only_the_operator_decides(world: World, operator: AtDirectory) -> None:
    applicant = AtDirectory.of(world, fresh_gln(), "agr")
    applicant.done("POST", "/components", make_application(fresh_keys()))
    pretender = AtDirectory.of(world, applicant.code, "tps")

    for who in (applicant, pretender):
        assert who.call("POST", f"/components/{applicant.code}/approval", {}).status == 403
        assert who.call("POST", f"/components/{applicant.code}/revocation", {"reason": "x"}).status == 403
    assert operator.call("POST", "/components", make_application(fresh_keys())).status == 403
    assert applicant.own()["status"] == "applied"


def _fresh_eic_v() -> str:
    from stdnum.eu import eic

    body = f"45V{fresh_gln()[-12:]}"
    return str(body + eic.calc_check_digit(body))


def test_an_applicant_gets_in_by_what_the_page_says(world: World, operator: AtDirectory) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "mades.md").read_text(), re.MULTILINE | re.DOTALL)
    (block,) = (each for each in blocks if "/ecp/v1" in each)
    code = fresh_gln()
    names: dict[str, Any] = {"base_url": world.stack.gateway_url, "token": world.token(code, "dso")}

    exec(compile(block, "docs/mades.md", "exec"), names)

    names["directory"].close()
    assert names["application"]["status"] == "applied"
    entry = operator.done("POST", f"/components/{code}/approval", {"grid_prefixes": ["5713131"]})
    assert (entry["organisation"], entry["group"], len(entry["certificates"])) == ("Delta Flex", f"dso-{code}", 3)
