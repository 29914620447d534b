"""The environment variables that the embedded stack sets for its processes; `tps.host.settings` reads them."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from tps.local.embedded.issuer import AUDIENCE, ISSUER, ensure_issuer
from tps.local.embedded.s3 import bucket_of
from tps.local.embedded.vault import Vault

DEFAULT_PLATFORM = "5790000000029"
# Variables that a person may set for the whole stack. They are passed to every process.
_PASSED_ON = (
    *("TPS_COMPONENT", "TPS_XSD_DIR", "TPS_BATCH_WINDOW_S", "TPS_THREADS", "TPS_DELIVERY_ATTEMPTS"),
    *("TPS_UNREACHED_AFTER_S", "TPS_STATEMENT_TIMEOUT_S", "TPS_LOCK_TIMEOUT_S"),
    *("TPS_DIRECTORY_COMPONENT", "TPS_BROKER_COMPONENT", "TPS_TIMES_TO_LIVE_S"),
    *("TPS_JWKS_URL", "TPS_PARTY_CLAIM", "TPS_ROLE_CLAIM", "TPS_GUI_CLIENT_ID", "TPS_GUI_SCOPE", "TPS_GUI_RESOURCE"),
    *("TPS_DIRECTORY_URL", "TPS_DIRECTORY_SYNC_S", "TPS_DIRECTORY_TTL_S", "TPS_CERTIFICATE_RENEW_DAYS"),
)


class Addresses(Protocol):
    """The addresses of the three servers."""

    @property
    def nats_url(self) -> str: ...
    @property
    def s3_url(self) -> str: ...
    def database_url(self, group: str) -> str: ...


def process_environment(
    addresses: Addresses, vault: Vault, *, keys: Path, groups: Iterable[str], gateway_url: str
) -> dict[str, str]:
    """Return all variables of a worker or of event delivery. Variables of our own environment win. Contains secrets."""
    names = tuple(groups)
    made = {
        "TPS_GROUPS": ",".join(names),
        "TPS_NATS_URL": addresses.nats_url,
        "TPS_S3_URL": addresses.s3_url,
        "TPS_PARTY": DEFAULT_PLATFORM,
        "TPS_JWKS_FILE": str(ensure_issuer(keys)),
        "TPS_AUTHORITY_FILE": str(keys / "authority.pem"),
        "TPS_ISSUER": ISSUER,
        "TPS_AUDIENCE": AUDIENCE,
        "TPS_DELIVERY_TOKEN": vault.password("delivery"),
        "TPS_GATEWAY_URL": gateway_url,
        "TPS_GUI_S3_ACCESS_KEY": "gui",
        "TPS_GUI_S3_SECRET_KEY": vault.password("s3.gui"),
        "TPS_GUI_S3_BUCKET": "gui",
        "TPS_GUI_SIGN_IN_DIR": str(sign_in_folder(keys)),
        "TPS_GUI_ISSUER_KEY_FILE": str(keys / "issuer.json"),
    }
    if "ecp" in names:
        made["TPS_AUTHORITY_FOLDER"] = str(keys)
    for group in names:
        made |= _group_environment(addresses, vault, group)
    return {**made, **_set_by_hand(made)}


def sign_in_folder(keys: Path) -> Path:
    """Return the folder with the hashes of sign-in codes for the GUI."""
    return keys / "sign-in"


def _group_environment(addresses: Addresses, vault: Vault, group: str) -> dict[str, str]:
    prefix = f"TPS_{group.upper().replace('-', '_')}_"
    return {
        prefix + "DATABASE_URL": addresses.database_url(group),
        prefix + "NATS_USER": group,
        prefix + "NATS_PASSWORD": vault.password(f"nats.{group}"),
        prefix + "S3_ACCESS_KEY": group,
        prefix + "S3_SECRET_KEY": vault.password(f"s3.{group}"),
        prefix + "S3_BUCKET": bucket_of(group),
        prefix + "KEY": vault.key(f"key.{group}"),
    }


def _set_by_hand(made: Mapping[str, str]) -> dict[str, str]:
    wanted = {*made, *_PASSED_ON} - {"TPS_GROUPS", "TPS_GATEWAY_URL", "TPS_NATS_URL"}
    return {name: os.environ[name] for name in wanted if os.environ.get(name)}
