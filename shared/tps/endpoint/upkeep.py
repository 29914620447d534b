"""Settings for the group's copy of the directory and for its components' keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tps.endpoint.directory_client import DirectoryClient
from tps.errors import Unavailable

SYNC_S = 300.0
TTL_S = 28 * 24 * 3600.0
RENEW_DAYS = 60


@dataclass(frozen=True, slots=True)
class Upkeep:
    """How a group keeps its copy of the directory and its certificates current.

    Attributes:
        directory: The Component Directory. None disables synchronisation and renewal.
        authority_file: Certificate (PEM) of the platform's certificate authority, which issues all valid certificates.
        sync_every: Interval in which each own component pulls from the directory.
        ttl: Time to live of the copy of an entry if the directory gives none.
        renew_before: Time before the end of a certificate at which it is renewed.
    """

    directory: DirectoryClient | None = None
    authority_file: Path | None = None
    sync_every: timedelta = timedelta(seconds=SYNC_S)
    ttl: timedelta = timedelta(seconds=TTL_S)
    renew_before: timedelta = timedelta(days=RENEW_DAYS)

    def close(self) -> None:
        """Close the connections to the directory."""
        if self.directory is not None:
            self.directory.close()

    def authority(self) -> str:
        """Return the certificate (PEM) of the platform's authority.

        Raises:
            Unavailable: The file is missing or unreadable. The deployer must set TPS_AUTHORITY_FILE.
        """
        if self.authority_file is None:
            raise Unavailable("TPS_AUTHORITY_FILE must name the file with the authority's certificate")
        try:
            return self.authority_file.read_text()
        except OSError as error:
            raise Unavailable("the file that TPS_AUTHORITY_FILE names cannot be read") from error
