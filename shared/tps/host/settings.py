"""Configuration: one frozen object, read once from the environment. No other module reads the environment."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tps.mades.types import read_times_to_live
from tps.stores.broker_addresses import broker_addresses

DEFAULT_PLATFORM = "5790000000029"


class SettingMissing(Exception):  # noqa: N818 - reads as the errors of tps.errors do
    """A required setting is missing or invalid. The message names the variable."""


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """The access of one group: its database, broker user, bucket, and the key that wraps its components' keys.

    `name` is `agr`, `dso`, `tps`, `ecp`, or `agr-CODE` for a party that runs its own group.
    """

    name: str
    database_url: str
    nats_user: str
    nats_password: str
    s3_access_key: str
    s3_secret_key: str
    s3_bucket: str
    key: bytes

    @property
    def kind(self) -> str:
        """Return `agr`, `dso`, `tps` or `ecp`."""
        return self.name.partition("-")[0]


@dataclass(frozen=True, slots=True)
class GuiSettings:
    """The bucket of the GUI's pages, and the way of signing in.

    Attributes:
        client_id: Client id of the pages at an external issuer; None if people sign in by code.
        sign_in_dir, issuer_key_file: In the embedded stack, the folder of sign-in codes and the issuer's key.
    """

    bucket: str
    client_id: str | None
    sign_in_dir: Path | None
    issuer_key_file: Path | None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a process.

    Attributes:
        nats_url: One address of the broker, or the addresses of a cluster, separated by commas.
    """

    groups: Mapping[str, GroupSettings]
    nats_url: str
    s3_url: str
    platform_party: str
    platform_component: str
    jwks_file: Path | None
    jwks_url: str | None
    issuer: str
    audience: str
    party_claim: str
    role_claim: str
    delivery_token: str
    gateway_url: str
    function_url: str
    function: str | None
    port: int
    listen_fd: int | None
    threads: int
    official_schemas: Path | None
    delivery_attempts: int
    batch_window_s: float
    unreached_after_s: float
    statement_timeout_s: float
    lock_timeout_s: float
    directory_component: str
    broker_component: str
    authority_folder: Path | None
    gui: GuiSettings
    times_to_live: Mapping[str, timedelta]
    directory_url: str
    directory_sync_s: float
    directory_ttl_s: float
    authority_file: Path | None
    certificate_renew_days: float

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read the settings of a process.

        Raises:
            SettingMissing: A variable without default is missing, or a variable is invalid.
        """
        platform = env.get("TPS_PARTY", DEFAULT_PLATFORM)
        component = env.get("TPS_COMPONENT", platform)
        listen_fd = env.get("TPS_LISTEN_FD")
        gateway = env.get("TPS_GATEWAY_URL", "http://127.0.0.1:8080")
        return cls(
            groups={name: _group(name, env) for name in _need(env, "TPS_GROUPS").split(",") if name},
            nats_url=_nats_url(env),
            s3_url=_need(env, "TPS_S3_URL"),
            platform_party=platform,
            platform_component=component,
            jwks_file=Path(_need(env, "TPS_JWKS_FILE")) if not env.get("TPS_JWKS_URL") else None,
            jwks_url=env.get("TPS_JWKS_URL") or None,
            issuer=env.get("TPS_ISSUER", "tps-embedded"),
            audience=env.get("TPS_AUDIENCE", "tps"),
            party_claim=env.get("TPS_PARTY_CLAIM", "party"),
            role_claim=env.get("TPS_ROLE_CLAIM", "role"),
            delivery_token=_need(env, "TPS_DELIVERY_TOKEN"),
            gateway_url=gateway,
            function_url=env.get("TPS_FUNCTION_URL", gateway + "/function/{function}/"),
            function=env.get("TPS_FUNCTION") or None,
            port=int(env.get("PORT", "8080")),
            listen_fd=int(listen_fd) if listen_fd else None,
            threads=int(env.get("TPS_THREADS", "96")),
            official_schemas=_path(env, "TPS_XSD_DIR"),
            delivery_attempts=int(env.get("TPS_DELIVERY_ATTEMPTS", "30")),
            batch_window_s=float(env.get("TPS_BATCH_WINDOW_S", "15")),
            unreached_after_s=float(env.get("TPS_UNREACHED_AFTER_S", "60")),
            statement_timeout_s=float(env.get("TPS_STATEMENT_TIMEOUT_S", "60")),
            lock_timeout_s=float(env.get("TPS_LOCK_TIMEOUT_S", "30")),
            directory_component=env.get("TPS_DIRECTORY_COMPONENT", f"{component}-DIRECTORY"),
            broker_component=env.get("TPS_BROKER_COMPONENT", f"{component}-BROKER"),
            authority_folder=_path(env, "TPS_AUTHORITY_FOLDER"),
            gui=_gui(env),
            times_to_live=_times_to_live(env.get("TPS_TIMES_TO_LIVE_S", "")),
            directory_url=env.get("TPS_DIRECTORY_URL", gateway),
            directory_sync_s=float(env.get("TPS_DIRECTORY_SYNC_S", "300")),
            directory_ttl_s=float(env.get("TPS_DIRECTORY_TTL_S", "2419200")),
            authority_file=_path(env, "TPS_AUTHORITY_FILE"),
            certificate_renew_days=float(env.get("TPS_CERTIFICATE_RENEW_DAYS", "60")),
        )


def _path(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(name)
    return Path(value) if value else None


def _gui(env: Mapping[str, str]) -> GuiSettings:
    return GuiSettings(
        bucket=env.get("TPS_GUI_S3_BUCKET", "gui"),
        client_id=env.get("TPS_GUI_CLIENT_ID") or None,
        sign_in_dir=_path(env, "TPS_GUI_SIGN_IN_DIR"),
        issuer_key_file=_path(env, "TPS_GUI_ISSUER_KEY_FILE"),
    )


def _nats_url(env: Mapping[str, str]) -> str:
    try:
        return ",".join(broker_addresses(_need(env, "TPS_NATS_URL")))
    except ValueError as error:
        raise SettingMissing(f"TPS_NATS_URL is invalid: {error}") from error


def _times_to_live(text: str) -> Mapping[str, timedelta]:
    try:
        return read_times_to_live(text)
    except ValueError as error:
        raise SettingMissing(f"TPS_TIMES_TO_LIVE_S is invalid at {error}") from error


def _group(name: str, env: Mapping[str, str]) -> GroupSettings:
    prefix = f"TPS_{name.upper().replace('-', '_')}_"
    return GroupSettings(
        name=name,
        database_url=_need(env, prefix + "DATABASE_URL"),
        nats_user=_need(env, prefix + "NATS_USER"),
        nats_password=_need(env, prefix + "NATS_PASSWORD"),
        s3_access_key=_need(env, prefix + "S3_ACCESS_KEY"),
        s3_secret_key=_need(env, prefix + "S3_SECRET_KEY"),
        s3_bucket=_need(env, prefix + "S3_BUCKET"),
        key=base64.urlsafe_b64decode(_need(env, prefix + "KEY")),
    )


def _need(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        raise SettingMissing(f"{name} is not set")
    return value
