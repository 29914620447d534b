"""The component directory (F1): applications, approvals and rejections."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg

from tests.support.applicants import AtDirectory, fresh_keys, join, make_application, pems
from tests.support.world import World, fresh_gln
from tps.host.directory import AUTHORITY_CERTIFICATE
from tps.mades.certificate import CertificateUse, load_certificate, verify_certificate
from tps.mades.certificates import dump_public_key


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


def test_a_code_that_another_has_or_wishes_is_taken_like_any_other_and_the_operator_sees_it(
    world: World, operator: AtDirectory
) -> None:
    """DIR-02: the applicant learns nothing. The platform operator selects an application, and gives a code once."""
    first = join(operator, code=_fresh_eic_v())
    second = AtDirectory.of(world, fresh_gln(), "agr")

    wished = second.call("POST", "/components", make_application(fresh_keys(), code=first.code))
    free = AtDirectory.of(world, fresh_gln(), "agr").call("POST", "/components", make_application(fresh_keys()))

    assert (wished.status, set(wished.json)) == (free.status, set(free.json))
    refused = operator.call("POST", f"/components/{first.code}/approval", {"party": second.code})
    assert (refused.status, refused.codes()) == (409, {"taken"})


def test_who_is_sent_away_reads_why_and_may_apply_again(world: World, operator: AtDirectory) -> None:
    """INF-REJ: the applicant learns only the reason that the platform operator writes."""
    first, second = join(operator, code=_fresh_eic_v()), AtDirectory.of(world, fresh_gln(), "agr")
    application = make_application(second.keys, code=first.code)
    second.done("POST", "/components", application)

    operator.done("POST", f"/components/{first.code}/rejection", {"reason": "choose another", "party": second.code})

    assert second.done("GET", f"/components/{first.code}")["reason"] == "choose another"
    again = second.call("POST", "/components", {**application, "code": None})
    assert (again.status, again.json["status"], again.json["code"]) == (201, "applied", second.code)


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
