"""The services of a process, built once from its settings. Clients connect at first use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tps.directory.directory import Directory
from tps.endpoint.directory_client import DirectoryClient
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.upkeep import Upkeep
from tps.errors import NotFound, StoreAway
from tps.host.directory import directory_of
from tps.host.identity import TokenVerifier
from tps.host.issuer_keys import FileKeys, RemoteKeys
from tps.host.readiness import Readiness
from tps.host.settings import GroupSettings, Settings
from tps.rest.waiting import Waits
from tps.stores.database import Database, Patience
from tps.stores.mailbox import Mailbox
from tps.stores.objects import DocumentStore

_THREADS_KEPT_FREE = 32


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """Endpoints and waits by group. The group `ecp` has no inbox, only its database and the directory on it."""

    settings: Settings
    endpoints: Mapping[str, Endpoint]
    waits: Mapping[str, Waits]
    tokens: TokenVerifier
    readiness: Readiness
    directory: Directory | None = None

    def endpoint(self, group: str) -> Endpoint:
        """Return the endpoint of a group, by its name or its kind.

        Raises:
            NotFound: This deployment does not run the group.
        """
        for name, endpoint in self.endpoints.items():
            if group in (name, endpoint.kind):
                return endpoint
        raise NotFound("this deployment does not serve this group")

    def warm_up(self) -> None:
        """Open all connections in the background, so that the first emergency after a start is fast.

        A store that does not answer is connected at first use.
        """
        for endpoint in self.endpoints.values():
            for store in (endpoint.database.warm_up, *_other_stores(endpoint)):
                threading.Thread(target=_try, args=[store], name=f"warm up {endpoint.group}", daemon=True).start()

    def close(self) -> None:
        for endpoint in self.endpoints.values():
            endpoint.owed.flush(endpoint)
            endpoint.mailbox.close()
            endpoint.database.close()
            endpoint.upkeep.close()


def _other_stores(endpoint: Endpoint) -> tuple[Callable[[], bool], ...]:
    """Return the probes of a group's stores other than its database."""
    return () if endpoint.kind == "ecp" else (endpoint.mailbox.can_connect, endpoint.documents.is_there)


def _try(warm_up: Callable[[], object]) -> None:
    with suppress(StoreAway):
        warm_up()


def build_services(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Services:
    """Build the services of every group in the settings."""
    upkeep = upkeep_of(settings)
    endpoints = {name: _endpoint(settings, group, clock, upkeep) for name, group in settings.groups.items()}
    places = max(settings.threads - _THREADS_KEPT_FREE, 4)
    waits = {name: Waits(endpoint.mailbox, places) for name, endpoint in endpoints.items()}
    stores = endpoints.values()
    probes = [probe for endpoint in stores for probe in (endpoint.database.is_there, *_other_stores(endpoint))]
    directory = _directory(settings, endpoints, clock)
    return Services(settings, endpoints, waits, _verifier(settings), Readiness(probes), directory)


def _directory(
    settings: Settings, endpoints: Mapping[str, Endpoint], clock: Callable[[], datetime]
) -> Directory | None:
    """Return the directory if this deployment runs it, which needs the groups `ecp` and `tps`."""
    if not {"ecp", "tps"} <= endpoints.keys():
        return None
    transactions = {name: endpoint.database.transaction for name, endpoint in endpoints.items()}
    return directory_of(settings, transactions, clock)


def _verifier(settings: Settings) -> TokenVerifier:
    keys = RemoteKeys(settings.jwks_url) if settings.jwks_url else FileKeys(settings.jwks_file or Path())
    return TokenVerifier(settings.issuer, settings.audience, keys, settings.party_claim, settings.role_claim)


def upkeep_of(settings: Settings) -> Upkeep:
    """Return what keeps copies of the directory and keys of components up to date."""
    return Upkeep(
        directory=DirectoryClient(settings.directory_url),
        authority_file=settings.authority_file,
        sync_every=timedelta(seconds=settings.directory_sync_s),
        ttl=timedelta(seconds=settings.directory_ttl_s),
        renew_before=timedelta(days=settings.certificate_renew_days),
    )


def _endpoint(settings: Settings, group: GroupSettings, clock: Callable[[], datetime], upkeep: Upkeep) -> Endpoint:
    return Endpoint(
        group=group.name,
        platform=settings.platform_component,
        key=group.key,
        database=Database(group.database_url, patience=Patience(settings.statement_timeout_s, settings.lock_timeout_s)),
        documents=DocumentStore(settings.s3_url, group.s3_access_key, group.s3_secret_key, group.s3_bucket),
        mailbox=Mailbox(settings.nats_url, group.nats_user, group.nats_password, group.name),
        clock=clock,
        upkeep=upkeep,
        batch_window_s=settings.batch_window_s,
        unreached_after_s=settings.unreached_after_s,
        broker=settings.broker_component,
        times_to_live=settings.times_to_live,
    )
