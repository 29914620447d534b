"""External servers that replace embedded servers: their addresses, from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from tps.local.embedded.failure import StackError
from tps.stores.broker_addresses import broker_addresses

# An even number of replicas tolerates no more failures than the odd number below it.
_REPLICAS = ("1", "3", "5")


@dataclass(frozen=True, slots=True)
class External:
    """Addresses of external servers; None where the embedded server is used.

    Attributes:
        nats_url: `nats://USER:PASSWORD@HOST:PORT` of a user that is allowed to create streams and consumers. For a
            cluster, the addresses of its servers, separated by commas.
        nats_replicas: Number of the broker's servers that hold each stream.
        s3_url: Without credentials. The next two fields are the credentials of an identity that may create buckets.
        postgres_admin_url: With a role that may create roles and databases.
    """

    nats_url: str | None = None
    nats_replicas: int = 1
    s3_url: str | None = None
    s3_access_key: str = ""
    s3_secret_key: str = ""
    postgres_admin_url: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "External":
        return cls(
            nats_url=_nats_url(env.get("TPS_NATS_URL", "")),
            nats_replicas=_nats_replicas(env.get("TPS_NATS_REPLICAS") or "1"),
            s3_url=env.get("TPS_S3_URL") or None,
            s3_access_key=env.get("TPS_S3_ADMIN_ACCESS_KEY", ""),
            s3_secret_key=env.get("TPS_S3_ADMIN_SECRET_KEY", ""),
            postgres_admin_url=env.get("TPS_POSTGRES_ADMIN_URL") or None,
        )

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the embedded servers that are not started."""
        urls = {"nats": self.nats_url, "s3": self.s3_url, "postgres": self.postgres_admin_url}
        return frozenset(name for name, url in urls.items() if url)


def _nats_url(text: str) -> str | None:
    if not text:
        return None
    try:
        addresses = broker_addresses(text)
    except ValueError as error:
        raise StackError(f"TPS_NATS_URL is invalid: {error}") from error
    if len({_credentials(address) for address in addresses} - {("", "")}) > 1:
        raise StackError("TPS_NATS_URL is invalid: all addresses must name the same user")
    return ",".join(addresses)


def _nats_replicas(text: str) -> int:
    if text.strip() not in _REPLICAS:
        raise StackError(f"TPS_NATS_REPLICAS is {text}; it must be 1, 3 or 5")
    return int(text)


def split_credentials(url: str) -> tuple[str, str, str]:
    """Return the addresses without credentials, the user and the password (empty if there are none).

    Args:
        url: One address or several, separated by commas. At least one of them has the credentials.
    """
    addresses = broker_addresses(url)
    user, password = max(map(_credentials, addresses))
    return ",".join(map(_without_credentials, addresses)), user, password


def _credentials(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return unquote(parts.username or ""), unquote(parts.password or "")


def _without_credentials(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def with_role(admin_url: str, role: str, password: str) -> str:
    """Return the URL for another role, in the database of the same name. Other parameters (TLS) stay."""
    parts = urlsplit(admin_url)
    place = f"{quote(role)}:{quote(password)}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=place, path=f"/{role}"))
