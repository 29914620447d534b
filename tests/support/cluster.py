"""A cluster of three real NATS servers with JetStream on the loopback interface, whose servers can be killed."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import nats
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from tests.support.servers import COMPONENTS, eventually
from tps.errors import StoreAway
from tps.host.stack import consumers, load_stack
from tps.local.embedded.binaries import find_program
from tps.local.embedded.nats_permissions import PLATFORM, Access, render_nats_conf
from tps.local.embedded.ports import HOST, free_ports
from tps.local.embedded.process import Process
from tps.local.embedded.provision import provision_nats
from tps.local.embedded.supervisor import Supervisor
from tps.stores.mailbox import Mailbox

PASSWORD = "secret"
_NODES = ("nats-0", "nats-1", "nats-2")
_ANSWER_S = 5.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class Cluster:
    """The running servers.

    Attributes:
        ports: The client port of each server.
        monitors: The monitoring port of each server.
        consumers: (group, message type) of every durable consumer.
    """

    supervisor: Supervisor
    ports: dict[str, int]
    monitors: list[int]
    processes: dict[str, Process]
    consumers: list[tuple[str, str]]

    @property
    def url(self) -> str:
        """Return the addresses of all servers."""
        return ", ".join(f"nats://{HOST}:{port}" for port in self.ports.values())

    def mailbox(self, group: str, url: str | None = None) -> Mailbox:
        """Return a mailbox of a group. Close it."""
        return Mailbox(url or self.url, group, PASSWORD, group, timeout_s=3)

    def node_of(self, box: Mailbox) -> str | None:
        """Return the server that a mailbox is connected to; None while it is not connected."""
        if not box.can_connect():
            return None
        with suppress(StoreAway):
            connected = box._connected().client.connected_url
            return next((name for name, port in self.ports.items() if connected and port == connected.port), None)
        return None

    @contextmanager
    def without(self, name: str | None) -> Iterator[None]:
        """Kill a server for the block."""
        assert name is not None
        self.supervisor.stop([name])
        try:
            yield
        finally:
            self.supervisor.start(self.processes[name])
            self.wait_whole()

    def provision(self, replicas: int = 1) -> None:
        """Create or update streams and consumers."""
        provision_nats(self.url, PLATFORM, PASSWORD, self.consumers, replicas=replicas)

    def replicas(self) -> dict[str, int]:
        """Return the number of servers that hold each stream, and each consumer of MADES; empty while some move."""

        async def look(stream: JetStreamContext) -> dict[str, int]:
            infos = {info.config.name or "": info.cluster for info in await stream.streams_info()}
            clusters = infos | {info.name: info.cluster for info in await stream.consumers_info("MADES")}
            return {name: 1 + len(cluster.replicas or []) for name, cluster in clusters.items() if cluster}

        with suppress(Error, OSError, TimeoutError):
            return self.ask(look)
        return {}

    def stored(self, stream: str, subject: str) -> set[str]:
        """Return the ids of the stored messages under a subject."""

        async def look(context: JetStreamContext) -> set[str]:
            ids, sequence = set(), 1
            with suppress(NotFoundError):
                while True:
                    message = await context.get_msg(stream, seq=sequence, subject=subject, next=True)
                    ids.add((message.headers or {})["Nats-Msg-Id"])
                    sequence = (message.seq or 0) + 1
            return ids

        return self.ask(look)

    def wait_whole(self) -> None:
        """Wait until all servers run and hold every replica."""
        eventually(self._is_whole, timeout_s=60)

    def ask(self, work: Callable[[JetStreamContext], Awaitable[_T]]) -> _T:
        """Run work on the stream context of the administrator."""
        return asyncio.run(asyncio.wait_for(self._ask(work), 2 * _ANSWER_S))

    async def _ask(self, work: Callable[[JetStreamContext], Awaitable[_T]]) -> _T:
        addresses = [address.strip() for address in self.url.split(",")]
        client = await nats.connect(
            addresses,
            user=PLATFORM,
            password=PASSWORD,
            max_reconnect_attempts=2,
            reconnect_time_wait=0,
            error_cb=_quiet,
        )
        try:
            return await work(client.jetstream(timeout=_ANSWER_S))
        finally:
            await client.close()

    def _is_whole(self) -> bool:
        async def look(stream: JetStreamContext) -> bool:
            await stream.account_info()
            infos = await stream.streams_info()
            clusters = [info.cluster for info in infos]
            return all(
                cluster is not None
                and cluster.leader
                and all(replica.current and not replica.offline for replica in cluster.replicas or [])
                for cluster in clusters
            )

        try:
            return any(map(_leads_all, self.monitors)) and self.ask(look)
        except (Error, OSError, TimeoutError, httpx2.HTTPError):
            return False


@contextmanager
def running_cluster(data: Path) -> Iterator[Cluster]:
    """Yield a cluster with our users. It has no streams: provision it."""
    consumed = sorted(set(consumers(load_stack())))
    free = free_ports(3 * len(_NODES))
    ports, routes, monitors = free[:3], free[3:6], free[6:]
    access = Access(
        passwords=dict.fromkeys((*COMPONENTS, "ecp", PLATFORM), PASSWORD),
        components={group: frozenset(codes) for group, codes in COMPONENTS.items()},
        consumers=frozenset(consumed),
    )
    processes = {}
    for name, port, route, monitor in zip(_NODES, ports, routes, monitors, strict=True):
        configuration = json.loads(render_nats_conf(access, port, data / name))
        processes[name] = _process(
            data, name, {**configuration, **_clustered(name, route, routes), "http": f"{HOST}:{monitor}"}
        )
    supervisor = Supervisor(lambda _text: None, lambda _running: None)
    cluster = Cluster(supervisor, dict(zip(_NODES, ports, strict=True)), monitors, processes, consumed)
    try:
        for process in processes.values():
            supervisor.start(process)
        cluster.wait_whole()
        yield cluster
    finally:
        supervisor.close()


def _leads_all(monitor: int) -> bool:
    """Return whether the server behind this port leads the cluster and sees all others."""
    others = httpx2.get(f"http://{HOST}:{monitor}/jsz", timeout=2).json().get("meta_cluster", {}).get("replicas", [])
    seen = [replica for replica in others if replica["current"] and not replica.get("offline")]
    return len(seen) == len(_NODES) - 1


def _clustered(name: str, route: int, routes: list[int]) -> dict[str, Any]:
    others = [f"nats://{HOST}:{port}" for port in routes if port != route]
    # Without advertisement, a client knows only the servers in its own list.
    cluster = {"name": "tps", "listen": f"{HOST}:{route}", "routes": others, "no_advertise": True}
    return {"server_name": name, "cluster": cluster}


def _process(data: Path, name: str, configuration: dict[str, Any]) -> Process:
    file = data / f"{name}.conf"
    file.write_text(json.dumps(configuration))
    return Process(
        name=name,
        command=(find_program("nats-server"), "-c", str(file)),
        folder=data,
        log=data / f"{name}.log",
        stop_signal=signal.SIGKILL,
    )


async def _quiet(_error: Exception) -> None:
    """Ignore errors of a server that a test killed."""
