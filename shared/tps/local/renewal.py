"""`./tps party renew`: new keys and certificates now. Needs the keys of the group and of the certificate authority."""

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
    """Renew a component whose keys are here, also with expired certificates, which its endpoint cannot renew.

    Args:
        code: Code of the component, or of its party.

    Raises:
        NotFound: The component is unknown, or another installation has its keys; then its endpoint renews it.
        Conflict: The component is revoked, which is final.
        Unavailable: Another renewal of the component is running.
    """
    settings = Settings.from_env(stack.environment())
    component = _registered(settings, code).component

    def certify(_code: str, keys: Mapping[str, str]) -> Sequence[str]:
        scope = DirectoryScope(component.party, component.role, component.code)
        issued = certification.renew(directory_by_command(settings, utc_now), scope, component.code, dict(keys))
        return [certificate.pem for certificate in issued]

    services = build_services(settings)
    try:
        issued = renew_now(services.endpoint(GROUP_OF_ROLE[component.role]), component.code, certify)
    finally:
        services.close()
    return {"component": component.code, "valid_to": moment_json(min(certificate.valid_to for certificate in issued))}


def _registered(settings: Settings, code: str) -> Registered:
    with one_transaction(settings.groups["ecp"].database_url) as tx:
        registered = directory.registered(tx, code)
    if registered is None or registered.component.role not in GROUP_OF_ROLE:
        raise NotFound(f"unknown component {code}")
    if registered.status == "revoked":
        raise Conflict(f"the component {code} is revoked; its party must apply for a new component")
    return registered
