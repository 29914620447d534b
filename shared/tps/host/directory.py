"""The component directory of this installation, built from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from tps.directory.directory import Directory, OpenTransaction
from tps.endpoint.components import OwnComponent
from tps.errors import Unavailable
from tps.platform import registry
from tps.platform.registry import Party
from tps.stores.database import one_transaction

if TYPE_CHECKING:
    from pathlib import Path

    from tps.host.settings import Settings
    from tps.mades.certificates import Authority

AUTHORITY_CERTIFICATE, AUTHORITY_KEY = "authority.pem", "authority.key"


def directory_of(
    settings: Settings, transactions: Mapping[str, OpenTransaction], clock: Callable[[], datetime]
) -> Directory:
    """Return the directory on the databases of these groups, which must include `ecp` and `tps`."""
    return Directory(
        code=settings.directory_component,
        broker=settings.broker_component,
        platform=settings.platform_component,
        transaction=transactions["ecp"],
        copies={name: transaction for name, transaction in transactions.items() if name != "ecp"},
        authority=partial(_authority, settings.authority_folder),
        clock=clock,
        ttl_s=settings.directory_ttl_s,
        enter_party=partial(_enter_party, transactions["tps"]),
    )


def _enter_party(transaction: OpenTransaction, own: OwnComponent, grid_prefixes: tuple[str, ...]) -> None:
    """Enter an admitted party into the platform's registry, because the platform operator also runs the directory."""
    with transaction() as tx:
        registry.add_party(tx, Party(own.party, own.role, own.name, own.code, grid_prefixes))


def directory_by_command(settings: Settings, clock: Callable[[], datetime]) -> Directory:
    """Return the directory for a short-lived command."""
    transactions = {name: partial(one_transaction, group.database_url) for name, group in settings.groups.items()}
    return directory_of(settings, transactions, clock)


def _authority(folder: Path | None) -> Authority:
    """Return the certificate authority. No other process has its key.

    Raises:
        Unavailable: The key is missing; a deployment of group `ecp` must set TPS_AUTHORITY_FOLDER.
    """
    from tps.mades.certificates import Authority, load_private_key

    if folder is None or not (folder / AUTHORITY_KEY).exists():
        raise Unavailable("the key of the certificate authority is not available; ask the platform operator")
    certificate, key = folder / AUTHORITY_CERTIFICATE, folder / AUTHORITY_KEY
    return Authority(certificate.read_text(), load_private_key(key.read_bytes()))
