"""Onboarding of a party in one step: directory entry, keys, certificates, and the right to send.

The first start or onboarding creates the platform's own component. Only this module and the component directory use the
key of the certificate authority.
"""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tps.directory import entries as directory
from tps.directory.directory import GROUP_OF_ROLE
from tps.directory.entries import ECP_ROLE, NewComponent
from tps.domain.identifiers import party_code_findings
from tps.domain.text import name_findings
from tps.endpoint import components
from tps.endpoint.components import OwnComponent, WrappedKey
from tps.errors import Finding, RuleBroken
from tps.host.directory import AUTHORITY_CERTIFICATE, AUTHORITY_KEY
from tps.host.services import utc_now
from tps.host.settings import Settings
from tps.mades.certificates import Authority, Component, create_authority, create_component
from tps.mades.directory import ComponentEntry
from tps.mades.keys import bound_to, dump_private_key, load_private_key, wrap
from tps.mades.paths import MessagePath
from tps.platform import registry
from tps.platform.registry import Party
from tps.stores.database import one_transaction

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack
    from tps.stores.database import Transaction

PLATFORM_NAME = "Trade Permission System"
DIRECTORY_KIND = "componentDirectory"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """The party to onboard. In the embedded stack, the code of its component equals the code of the party."""

    role: str
    code: str
    name: str
    grid_prefixes: tuple[str, ...] = ()


def add_party(stack: LocalStack, *, role: str, code: str, name: str, grid_prefixes: tuple[str, ...]) -> dict[str, str]:
    """Onboard a party. Return what the party needs to know; its password is not stored in clear text.

    Raises:
        RuleBroken: The code is not a GLN or EIC, is taken, or grid prefixes were given for another role than dso.
    """
    newcomer = Newcomer(role, code, name, grid_prefixes)
    _check(newcomer)
    settings = Settings.from_env(stack.environment())
    ensure_platform(stack)
    # Before the group may send under the code: a refused attempt must not leave this right behind.
    with _transaction(settings, "ecp") as tx:
        _check_free(tx, code)
    password = secrets.token_urlsafe(18)
    stack.allow_component(GROUP_OF_ROLE[role], code)
    _enter(stack, settings, newcomer, password)
    return {
        "code": code,
        "role": role,
        "name": name,
        "component": code,
        "platform_component": settings.platform_component,
        "username": code,
        "password": password,
    }


def ensure_platform(stack: LocalStack) -> None:
    """Create the platform's own component if it is missing, and the entries of the broker and the directory."""
    settings = Settings.from_env(stack.environment())
    _enter_infrastructure(settings)
    with _transaction(settings, "ecp") as tx:
        is_known = directory.registered(tx, settings.platform_component) is not None
        hashes = directory.password_hashes(tx)
    if is_known:
        _hand_out_hashes(stack, settings, hashes)
        return
    stack.allow_component("tps", settings.platform_component)
    # No onboarding shows this password, so it is stored with the other secrets of the installation.
    password = stack.vault.password("web-service.tps")
    _enter(stack, settings, Newcomer("tps", settings.platform_party, PLATFORM_NAME), password)


def _enter_infrastructure(settings: Settings) -> None:
    """Enter the broker and the directory. They sign and receive nothing, so they have neither keys nor paths."""
    entries = [
        ComponentEntry(settings.broker_component, PLATFORM_NAME, "broker", "ecp", settings.broker_component),
        ComponentEntry(
            settings.directory_component, PLATFORM_NAME, DIRECTORY_KIND, "ecp", settings.directory_component
        ),
    ]
    now = utc_now()
    with _transaction(settings, "ecp") as tx:
        directory.lock(tx)
        missing = [entry for entry in entries if directory.registered(tx, entry.code) is None]
        for entry in missing:
            own = OwnComponent(entry.code, entry.party, ECP_ROLE, entry.organisation)
            directory.register(tx, NewComponent(own, entry), now)
    for group in settings.groups.keys() - {"ecp"} if missing else ():
        with _transaction(settings, group) as tx:
            for entry in missing:
                components.put_entry(tx, entry, now)


def _hand_out_hashes(stack: LocalStack, settings: Settings, hashes: dict[str, str]) -> None:
    """Copy password hashes to groups whose components were onboarded before their endpoint had a web service.

    Such an installation has no password hash for the platform.
    """
    with _transaction(settings, "tps") as tx:
        if components.password_hash_of(tx, settings.platform_component) is not None:
            return
        for group in ("agr", "dso"):
            with _transaction(settings, group) as own_tx:
                components.fill_password_hashes(own_tx, hashes)
        own = directory.hash_password(stack.vault.password("web-service.tps"))
        components.set_password_hash(tx, settings.platform_component, own)


def _check(newcomer: Newcomer) -> None:
    findings = list(party_code_findings(newcomer.code, "/id"))
    if not newcomer.name.strip():
        findings.append(Finding("missing", "/name", "name must not be empty"))
    else:
        findings += name_findings(newcomer.name, "/name")
    if newcomer.grid_prefixes and newcomer.role != "dso":
        findings.append(Finding("A59", "/grid", "only a DSO can have grid prefixes"))
    if findings:
        raise RuleBroken("; ".join(finding.detail for finding in findings), findings)


def _check_free(tx: Transaction, code: str) -> None:
    if directory.registered(tx, code) is not None:
        raise RuleBroken(f"the code {code} is already registered")


def _enter(stack: LocalStack, settings: Settings, newcomer: Newcomer, password: str) -> None:
    """Write a newcomer to its own group, to the platform's copy, and last to the directory.

    A component that is not in the directory is not onboarded: a repeated attempt overwrites the rest of an interrupted
    one.
    """
    now, group = utc_now(), GROUP_OF_ROLE[newcomer.role]
    component_code = settings.platform_component if newcomer.role == "tps" else newcomer.code
    component = create_component(_authority(stack.keys_dir, now), component_code, newcomer.name, now=now)
    entry = _entry(settings, newcomer, component, group=group, now=now)
    own = OwnComponent(component_code, newcomer.code, newcomer.role, newcomer.name)
    keys = _wrapped(component, settings.groups[group].key)
    password_hash = directory.hash_password(password)
    with _transaction(settings, "ecp") as tx:
        directory.lock(tx)
        _check_free(tx, component_code)
        with _transaction(settings, group) as own_tx:
            _take_in(own_tx, own, entry=entry, keys=keys, now=now)
            components.set_password_hash(own_tx, component_code, password_hash)
            _copy_shared_entries(tx, own_tx, settings, now)
        with _transaction(settings, "tps") as platform_tx:
            components.put_entry(platform_tx, entry, now)
            registry.add_party(
                platform_tx,
                Party(newcomer.code, newcomer.role, newcomer.name, component_code, newcomer.grid_prefixes),
            )
        directory.register(tx, NewComponent(own, entry, password_hash), now)


def _take_in(
    tx: Transaction, own: OwnComponent, *, entry: ComponentEntry, keys: list[WrappedKey], now: datetime
) -> None:
    components.add_component(tx, own, keys)
    components.put_entry(tx, entry, now)


def _copy_shared_entries(tx: Transaction, own_tx: Transaction, settings: Settings, now: datetime) -> None:
    """Copy the entries of the platform, the broker and the directory to a party's directory copy."""
    for code in (settings.platform_component, settings.broker_component, settings.directory_component):
        known = directory.registered(tx, code)
        if known is not None:
            components.put_entry(own_tx, known.entry, now)


def _entry(
    settings: Settings, newcomer: Newcomer, component: Component, *, group: str, now: datetime
) -> ComponentEntry:
    """Return the directory entry with its path: a party receives from the platform, the platform from everybody."""
    senders = None if newcomer.role == "tps" else frozenset({settings.platform_component})
    path = MessagePath(component.code, senders, "*", now.replace(microsecond=0))
    return ComponentEntry(
        code=component.code,
        organisation=newcomer.name,
        kind="endpoint",
        group=group,
        party=newcomer.code,
        certificates=component.certificates,
        paths=(path,),
    )


def _wrapped(component: Component, group_key: bytes) -> list[WrappedKey]:
    return [
        WrappedKey(
            certificate_id=certificate.certificate_id,
            component=component.code,
            use=certificate.use,
            wrapped=wrap(
                dump_private_key(component.keys.of(certificate.use)),
                group_key,
                bound_to(component.code, certificate.use),
            ),
            valid_from=certificate.valid_from,
            valid_to=certificate.valid_to,
        )
        for certificate in component.certificates
    ]


def _authority(keys_dir: Path, now: datetime) -> Authority:
    from tps.local.embedded.record import write_private

    certificate, key = keys_dir / AUTHORITY_CERTIFICATE, keys_dir / AUTHORITY_KEY
    if not key.exists():
        made = create_authority("TPS platform authority", now)
        write_private(certificate, made.certificate_pem)
        write_private(key, dump_private_key(made.private_key).decode())
    return Authority(certificate.read_text(), load_private_key(key.read_bytes()))


def _transaction(settings: Settings, group: str) -> AbstractContextManager[Transaction]:
    return one_transaction(settings.groups[group].database_url)
