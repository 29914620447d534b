"""Servers that run elsewhere and replace embedded ones: their addresses, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class External:
    """Addresses of external servers, None where the embedded one serves.

    Attributes:
        nats_url: `nats://USER:PASSWORD@HOST:PORT` of a user that is allowed to create streams and consumers.
        s3_url: Without credentials; those of an identity that may make buckets follow.
        postgres_admin_url: Of a role that may make roles and databases.
    """

    nats_url: str | None = None
    s3_url: str | None = None
    s3_access_key: str = ""
    s3_secret_key: str = ""
    postgres_admin_url: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "External":
        return cls(
            nats_url=env.get("TPS_NATS_URL") or None,
            s3_url=env.get("TPS_S3_URL") or None,
            s3_access_key=env.get("TPS_S3_ADMIN_ACCESS_KEY", ""),
            s3_secret_key=env.get("TPS_S3_ADMIN_SECRET_KEY", ""),
            postgres_admin_url=env.get("TPS_POSTGRES_ADMIN_URL") or None,
        )

    @property
    def names(self) -> frozenset[str]:
        """Which embedded servers are not started."""
        urls = {"nats": self.nats_url, "s3": self.s3_url, "postgres": self.postgres_admin_url}
        return frozenset(name for name, url in urls.items() if url)


def split_credentials(url: str) -> tuple[str, str, str]:
    """An address without its credentials, the user and the password (empty if there are none)."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=place)), parts.username or "", parts.password or ""


def with_role(admin_url: str, role: str, password: str) -> str:
    """The same Postgres for another role, in the database of its name; other parameters (TLS) stay."""
    parts = urlsplit(admin_url)
    place = f"{quote(role)}:{quote(password)}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=place, path=f"/{role}"))
