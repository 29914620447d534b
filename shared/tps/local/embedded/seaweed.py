"""The embedded S3: SeaweedFS, all its parts in one process, every listener on this machine alone.

Facts it is built on: without `-filer.disableHttp` its filer reads and deletes without credentials; the identities must
be there before it starts; told that its master has no peers it elects none, and is ready in 2 s, else in 3 s or 8 s,
depending on whether the storage part comes before the election is over, is refused and sleeps for five seconds.
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
    """One data folder's object store; one identity per group, with rights on its own bucket only."""

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
        """Choose ports, write the identities, and say what is to run."""
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
            # Its orderly end takes 25 s and adds nothing to what is stored.
            stop_signal=signal.SIGKILL,
        )

    def is_ready(self) -> bool:
        """True once it stores something new, and not before: it listens long before it can."""
        return self.admin.can_store()

    def close(self) -> None:
        """Remove the sockets that its parts leave outside the data folder, of a killed run as well."""
        for port in read_json(self._folder / "ports.json").get("ports", []):
            for path in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                path.unlink(missing_ok=True)

    @property
    def admin(self) -> S3Admin:
        """The identity that makes buckets."""
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
                # The pages hold nothing of anybody; browsers come without credentials.
                {"name": "anonymous", "actions": [f"Read:{GUI}"]},
            ]
        }

    def _secret(self, identity: str) -> str:
        return self._vault.password(f"s3.{identity}")

    def _security(self) -> str:
        """Its parts trust each other by these keys, so that nobody reads or writes past the S3 door over HTTP."""
        sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
        return "".join(f'[{name}]\nkey = "{self._vault.password(f"seaweed.{name}")}"\n' for name in sections)


def _identity(name: str, bucket: str, secret: str) -> dict[str, object]:
    return {
        "name": name,
        "credentials": [{"accessKey": name, "secretKey": secret}],
        "actions": [f"{action}:{bucket}" for action in ("Read", "Write", "List")],
    }
