"""The embedded S3: SeaweedFS, with all its parts in one process and all listeners on the loopback address.

Facts behind the options:

- Without `-filer.disableHttp`, the filer reads and deletes without credentials.
- The identities must exist before the start.
- With `-master.peers=none` there is no election, and the server is ready in 2 s. Otherwise it takes 3 s or 8 s: if the
  storage part comes before the election ends, the master refuses it, and it sleeps for five seconds.
"""

import json
import signal
from collections.abc import Iterable
from pathlib import Path

from tps.local.embedded.binaries import find_program
from tps.local.embedded.ports import HOST, free_ports
from tps.local.embedded.process import Process
from tps.local.embedded.record import read_json, write_private
from tps.local.embedded.s3 import S3Admin, bucket_of
from tps.local.embedded.vault import Vault

ADMIN = "platform"
GUI = "gui"
_PORTS = tuple(f"{part}.port{kind}" for part in ("s3", "master", "volume", "filer") for kind in ("", ".grpc"))


class SeaweedServer:
    """The object store of one data folder. Each group has an identity with rights on its own bucket only."""

    name = "s3"

    def __init__(self, data: Path, vault: Vault, groups: Iterable[str], port: int | None = None):
        self._folder = data / "s3"
        self._log = data / "logs" / "s3.log"
        self._vault = vault
        self._groups = tuple(groups)
        self._admin: S3Admin | None = None
        self.port = port or 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> Process:
        """Choose ports, write the identities, and return the process to start."""
        self.close()
        numbers = free_ports(len(_PORTS))
        self.port = numbers[0]
        (self._folder / "objects").mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        write_private(self._folder / "identities.json", json.dumps(self._identities(), indent=1))
        write_private(self._folder / "security.toml", self._security())
        write_private(self._folder / "ports.json", json.dumps({"ports": numbers}))
        ports = [f"-{name}={port}" for name, port in zip(_PORTS, numbers, strict=True)]
        return Process(
            name=self.name,
            command=(find_program("weed"), *self._options(), *ports),
            folder=self._folder,
            log=self._log,
            environment={"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"},
            # A graceful stop takes 25 s and does not make the data safer.
            stop_signal=signal.SIGKILL,
        )

    def is_ready(self) -> bool:
        """Return True if the server can store an object. It listens long before it can."""
        return self.admin.can_store()

    def close(self) -> None:
        """Remove the sockets that the parts create outside the data folder, also those of a killed run."""
        for port in read_json(self._folder / "ports.json").get("ports", []):
            for path in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                path.unlink(missing_ok=True)

    @property
    def admin(self) -> S3Admin:
        """Return the identity that creates buckets."""
        if self._admin is None:
            self._admin = S3Admin(self.url, ADMIN, self._vault.password(f"s3.{ADMIN}"))
        return self._admin

    def _options(self) -> tuple[str, ...]:
        return (
            "-logtostderr=true",
            "server",
            f"-dir={self._folder / 'objects'}",
            f"-ip={HOST}",
            f"-ip.bind={HOST}",
            "-master.telemetry=false",
            "-master.peers=none",
            "-master.volumeSizeLimitMB=1024",
            "-volume.max=500",
            "-volume.id=local",
            "-volume.preStopSeconds=0",
            "-filer",
            "-filer.disableHttp",
            "-filer.localSocket=filer.sock",
            "-s3",
            f"-s3.config={self._folder / 'identities.json'}",
            "-s3.localSocket=s3.sock",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        )

    def _identities(self) -> dict[str, object]:
        own = [_identity(group, bucket_of(group), self._secret(group)) for group in self._groups]
        admin = {
            "name": ADMIN,
            "credentials": [{"accessKey": ADMIN, "secretKey": self._secret(ADMIN)}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        return {
            "identities": [
                admin,
                *own,
                _identity(GUI, GUI, self._secret(GUI)),
                # The pages contain no data of parties, and browsers have no credentials.
                {"name": "anonymous", "actions": [f"Read:{GUI}"]},
            ]
        }

    def _secret(self, identity: str) -> str:
        return self._vault.password(f"s3.{identity}")

    def _security(self) -> str:
        """Return the keys by which the parts trust each other. They close HTTP access that bypasses S3."""
        sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
        return "".join(f'[{name}]\nkey = "{self._vault.password(f"seaweed.{name}")}"\n' for name in sections)


def _identity(name: str, bucket: str, secret: str) -> dict[str, object]:
    return {
        "name": name,
        "credentials": [{"accessKey": name, "secretKey": secret}],
        "actions": [f"{action}:{bucket}" for action in ("Read", "Write", "List")],
    }
