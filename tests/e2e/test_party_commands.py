"""`./tps party list|approve|reject|revoke|path` on a running system: the directory of the platform operator."""

from __future__ import annotations

import json
from typing import Any

import nats.errors
import pytest
from click.testing import CliRunner, Result

from tests.local.broker import User, as_user
from tests.support.applicants import AtDirectory, make_application
from tests.support.world import World, eventually, fresh_gln
from tps.endpoint import components
from tps.errors import Conflict, NotFound
from tps.local.cli import commands
from tps.mades.subjects import message_subject
from tps.stores.database import one_transaction


def party(world: World, *arguments: str) -> Result:
    done = CliRunner().invoke(commands, ["party", *arguments, "--data", str(world.stack.data)])
    if done.exception is not None:
        raise done.exception
    return done


def listed(world: World) -> dict[str, Any]:
    parties = json.loads(party(world, "list", "--json").stdout)["parties"]
    return {each["component"]: each for each in parties}


def applicant(world: World, role: str = "agr") -> AtDirectory:
    found = AtDirectory.of(world, fresh_gln(), role)
    found.done("POST", "/components", make_application(found.keys))
    return found


def copied_paths(world: World, group: str, code: str) -> list[str]:
    with one_transaction(world.settings.groups[group].database_url) as tx:
        copied = components.entry_of(tx, code)
    return [] if copied is None else [path.message_type for path in copied.entry.paths]


def test_the_list_tells_who_takes_part_and_who_has_applied(world: World) -> None:
    alpha, waiting, settings = world.operator("Alpha"), applicant(world), world.settings

    found, table = listed(world), party(world, "list").stdout

    assert (found[alpha.code]["name"], found[alpha.code]["status"], found[alpha.code]["role"]) == (
        "Alpha",
        "active",
        "agr",
    )
    assert {each["use"] for each in found[alpha.code]["certificates"]} == {"authentication", "encryption", "signing"}
    assert [each["message_type"] for each in found[alpha.code]["paths"]] == ["*"]
    assert (found[waiting.code]["status"], found[waiting.code]["person"]) == ("applied", "Ada Nilsson")
    assert {settings.platform_component, settings.broker_component, settings.directory_component} <= found.keys()
    (line,) = (each for each in table.splitlines() if each.startswith(alpha.code))
    assert line.split() == [
        *(alpha.code, "agr", "active", alpha.code),
        found[alpha.code]["certificates"][0]["valid_to"][:10],
        *("*", "Alpha"),
    ]


def test_an_approval_gives_a_party_its_own_group_at_the_broker_and_a_revocation_takes_it(world: World) -> None:
    joining = applicant(world)
    group, platform = f"agr-{joining.code}", world.settings.platform_component
    subject = message_subject("tps", "TPS-ASSET", platform, joining.code)
    in_anothers_name = message_subject("tps", "TPS-ASSET", platform, world.operator().code)

    async def attempt(user: User) -> list[bool]:
        return [await user.may_publish(each) for each in (subject, in_anothers_name)]

    def attempt_once_the_broker_knows() -> list[bool] | None:
        """Return None until the broker has reloaded its configuration."""
        try:
            return list(as_user(world.stack, group, attempt))
        except nats.errors.Error:
            return None

    approved = json.loads(party(world, "approve", joining.code).stdout)
    may = eventually(attempt_once_the_broker_knows)

    assert (approved["status"], approved["group"], approved["nats_user"]) == ("active", group, group)
    assert approved["nats_password"] == world.stack.vault.password(f"nats.{group}")
    assert may == [True, False]
    assert (group, "TPS-LIMIT-FORESEEN") in world.stack.nats.access().consumers
    revoked = json.loads(party(world, "revoke", joining.code, "--reason", "left the market").stdout)
    assert (revoked["status"], revoked["certificates"]) == ("revoked", [])
    assert joining.own()["status"] == "revoked"
    assert group not in world.stack.nats.access().passwords


def test_who_is_rejected_reads_why(world: World) -> None:
    waiting = applicant(world, "dso")

    party(world, "reject", waiting.code, "--reason", "not known to us")

    assert (waiting.own()["status"], waiting.own()["reason"]) == ("rejected", "not known to us")
    with pytest.raises(NotFound):
        party(world, "approve", waiting.code)


def test_one_certificate_is_revoked_in_every_copy_at_once(world: World) -> None:
    alpha = world.operator()
    (_, encryption, _) = listed(world)[alpha.code]["certificates"]

    revoked = json.loads(
        party(world, "revoke", alpha.code, "--certificate", encryption["id"], "--reason", "lost").stdout
    )

    assert (revoked["status"], len(revoked["certificates"])) == ("active", 2)
    for group in ("agr", "tps"):
        with one_transaction(world.settings.groups[group].database_url) as tx:
            copied = components.entry_of(tx, alpha.code)
        assert copied is not None
        assert copied.entry.revoked_certificates == {encryption["id"]}


def test_paths_are_added_listed_and_removed_in_every_copy_at_once(world: World) -> None:
    alpha = world.operator()

    added = party(world, "path", "add", alpha.code, "TPS-LIMIT*", "--to", "2098-01-01T00:00:00Z").stdout.splitlines()
    told = party(world, "path", "list", alpha.code).stdout.splitlines()

    assert added == told
    assert [json.loads(each)["message_type"] for each in told] == ["*", "TPS-LIMIT*"]
    assert json.loads(told[1])["allowed_senders"] == [world.settings.platform_component]
    assert copied_paths(world, "agr", alpha.code) == copied_paths(world, "tps", alpha.code) == ["*", "TPS-LIMIT*"]
    with pytest.raises(Conflict, match="is valid at the same time"):
        party(world, "path", "add", alpha.code, "TPS-LIMIT*")
    left = party(world, "path", "remove", alpha.code, "*")
    assert [json.loads(each)["message_type"] for each in left.stdout.splitlines()] == ["TPS-LIMIT*"]
    assert "no path is valid now for" in left.stderr
    assert copied_paths(world, "agr", alpha.code) == ["TPS-LIMIT*"]
