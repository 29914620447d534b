"""How a group's copy of the directory and its components' keys are kept up."""

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
    """What is kept up, by whom to ask.

    Attributes:
        directory: The Component Directory; None where nothing is kept up.
        authority_file: PEM of the platform's certificate authority: what no certificate is believed without.
        sync_every: How often each own component looks at the directory.
        ttl: For how long the copy of an entry is believed if the directory does not tell.
        renew_before: How long before its end a certificate is renewed.
    """

    directory: DirectoryClient | None = None
    authority_file: Path | None = None
    sync_every: timedelta = timedelta(seconds=SYNC_S)
    ttl: timedelta = timedelta(seconds=TTL_S)
    renew_before: timedelta = timedelta(days=RENEW_DAYS)

    def close(self) -> None:
        """Give back the connections to the directory."""
        if self.directory is not None:
            self.directory.close()

    def authority(self) -> str:
        """The certificate of the platform's authority.

        Raises:
            Unavailable: It is not there; whoever deploys must set TPS_AUTHORITY_FILE.
        """
        if self.authority_file is None:
            raise Unavailable("the authority's certificate is not there: TPS_AUTHORITY_FILE")
        try:
            return self.authority_file.read_text()
        except OSError as error:
            raise Unavailable("the authority's certificate cannot be read: TPS_AUTHORITY_FILE") from error
