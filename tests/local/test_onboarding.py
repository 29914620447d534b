"""Onboarding: one step, repeatable after an interruption, and refused for invalid input."""

import pytest

from tests.support.world import World, fresh_gln
from tps.directory import entries as directory
from tps.endpoint import components
from tps.errors import RuleBroken
from tps.local import onboarding
from tps.stores.database import one_transaction


def add(world: World, code: str, role: str = "agr", name: str = "Alpha", grid: tuple[str, ...] = ()) -> dict[str, str]:
    return onboarding.add_party(world.stack, role=role, code=code, name=name, grid_prefixes=grid)


def test_a_party_is_told_its_component_and_its_password_once(world: World) -> None:
    code = fresh_gln()

    added = add(world, code)

    assert added["component"] == added["username"] == added["code"] == code
    assert added["platform_component"] == world.settings.platform_component
    assert len(added["password"]) >= 20


def test_who_was_onboarded_before_there_was_a_web_service_gets_in_all_the_same(world: World) -> None:
    """An earlier version left hashes only in the directory, and none of the platform's."""
    alpha, settings = world.operator(), world.settings
    for group in ("agr", "tps"):
        with one_transaction(settings.groups[group].database_url) as tx:
            tx.execute("UPDATE component SET password_hash = NULL")

    onboarding.ensure_platform(world.stack)

    given = {"agr": (alpha.code, alpha.password)}
    given["tps"] = (settings.platform_component, world.stack.vault.password("web-service.tps"))
    for group, (code, password) in given.items():
        with one_transaction(settings.groups[group].database_url) as tx:
            assert directory.is_password(password, components.password_hash_of(tx, code) or "")


def test_a_code_that_is_taken_is_refused_and_its_keys_stay(world: World) -> None:
    alpha = world.operator()

    with pytest.raises(RuleBroken, match="already registered"):
        add(world, alpha.code)

    assert alpha.call("GET", "/flexibility-assets").status == 200


@pytest.mark.parametrize("code", ["5790000000013", "579", "", "10X1001A1001A44Z", "5790000000029"])
def test_a_code_that_is_no_gln_or_eic_or_the_platforms_own_is_refused(world: World, code: str) -> None:
    with pytest.raises(RuleBroken):
        add(world, code)


@pytest.mark.parametrize("role", ["agr", "dso"])
def test_a_refused_code_gives_no_right_to_send_under_it(world: World, role: str) -> None:
    """Else the group could send in the name of the platform, or of the party that has the code."""
    taken = (world.settings.platform_component, world.dso().code if role == "agr" else world.operator().code)

    for code in taken:
        with pytest.raises(RuleBroken, match="already registered"):
            add(world, code, role)

    assert not world.stack.nats.access().components.get(role, frozenset()) & set(taken)


def test_grid_prefixes_are_for_dsos(world: World) -> None:
    with pytest.raises(RuleBroken, match="DSO"):
        add(world, fresh_gln(), grid=("5713131",))


def test_an_interrupted_onboarding_can_be_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory is written last: until then the party is not onboarded, whatever other databases contain."""
    code = fresh_gln()

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(directory, "register", power_cut)
        with pytest.raises(KeyboardInterrupt):
            add(world, code)

    assert add(world, code)["code"] == code
