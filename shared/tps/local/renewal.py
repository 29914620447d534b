"""`./tps party renew`: new keys and certificates now, by whoever has both the group's keys and the authority's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tps.api.types import moment_json
from tps.directory import certification
from tps.directory import entries as directory
from tps.directory.directory import GROUP_OF_ROLE
from tps.domain.scope import DirectoryScope
from tps.endpoint.renewing import renew_now
from tps.errors import Conflict, NotFound
from tps.host.directory import directory_by_command
from tps.host.services import build_services, utc_now
from tps.host.settings import Settings
from tps.stores.database import one_transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tps.directory.entries import Registered
    from tps.local.embedded.stack import LocalStack


def renew_party(stack: LocalStack, code: str) -> dict[str, str]:
    """Renew a component whose keys are here; also one whose certificates ran out, which cannot do so itself any more.

    Args:
        code: The component's, or its party's.

    Raises:
        NotFound: No such component, or its keys are not in a group of this installation: its endpoint renews it.
        Conflict: It is revoked, for good.
        Unavailable: It is being renewed just now.
    """
    settings = Settings.from_env(stack.environment())
    component = _registered(settings, code).component

    def certify(_code: str, keys: Mapping[str, str]) -> Sequence[str]:
        scope = DirectoryScope(component.party, component.role, component.code)
        issued = certification.renew(directory_by_command(settings, utc_now), scope, component.code, dict(keys))
        return [each.pem for each in issued]

    services = build_services(settings)
    try:
        issued = renew_now(services.endpoint(GROUP_OF_ROLE[component.role]), component.code, certify)
    finally:
        services.close()
    return {"component": component.code, "valid_to": moment_json(min(each.valid_to for each in issued))}


def _registered(settings: Settings, code: str) -> Registered:
    with one_transaction(settings.groups["ecp"].database_url) as tx:
        found = directory.registered(tx, code)
    if found is None or found.component.role not in GROUP_OF_ROLE:
        raise NotFound(f"no component {code}")
    if found.status == "revoked":
        raise Conflict(f"{code} is revoked; its party applies for a component anew")
    return found
