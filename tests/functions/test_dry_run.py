"""`?dry_run=true` validates a call and sends nothing (docs/rest.md, "Sending")."""

from __future__ import annotations

import pytest

from tests.support.world import World, fresh_gsrn, make_asset


def test_a_registration_tried_is_answered_and_leaves_nothing(world: World) -> None:
    agr, asset = world.operator(), make_asset(fresh_gsrn())

    tried = agr.done("PUT", "/flexibility-assets?dry_run=true", {"assets": [asset]}, Idempotency_Key="tried")

    assert tried == {"dry_run": True, "status": "accepted"}
    assert agr.done("GET", "/flexibility-assets")["assets"] == []
    agr.register_assets(asset)
    assert agr.done("DELETE", f"/flexibility-assets?id={asset['id']}&dry_run=true")["dry_run"] is True
    assert len(agr.done("GET", "/flexibility-assets")["assets"]) == 1


@pytest.mark.parametrize(
    ("query", "power_kw", "status"), [("dry_run=true", 0, 422), ("dry_run=yes", 600, 400), ("dry=true", 600, 400)]
)
def test_what_is_wrong_is_refused_in_a_trial_too(world: World, query: str, power_kw: int, status: int) -> None:
    body = {"assets": [make_asset(fresh_gsrn(), max_production_kw=power_kw)]}

    assert world.operator().call("PUT", f"/flexibility-assets?{query}", body).status == status
