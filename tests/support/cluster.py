"""A cluster of three real NATS servers with JetStream on the loopback interface, whose servers can be killed."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import nats
from nats.errors import Error
from nats.js import JetStreamContext

from tests.support.servers import COMPONENTS, eventually
from tps.host.stack import consumers, load_stack
from tps.local.embedded.binaries import find_program
from tps.local.embedded.nats_permissions import PLATFORM, Access, render_nats_conf
from tps.local.embedded.ports import HOST, free_ports
from tps.local.embedded.process import Process
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
        consumers: (group, message type) of every durable consumer.
    """

    supervisor: Supervisor
    ports: dict[str, int]
    processes: dict[str, Process]
    consumers: list[tuple[str, str]]

    @property
    def url(self) -> str:
        """Return the addresses of all servers."""
        return ", ".join(f"nats://{HOST}:{port}" for port in self.ports.values())

    def mailbox(self, group: str, url: str | None = None) -> Mailbox:
        """Return a mailbox of a group. Close it."""
        return Mailbox(url or self.url, group, PASSWORD, group, timeout_s=3)

    def node_of(self, box: Mailbox) -> str:
        """Return the server that a mailbox is connected to."""
        connected = box._connected().client.connected_url
        assert connected is not None
        return next(name for name, port in self.ports.items() if port == connected.port)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Kill a server for the block."""
        self.supervisor.stop([name])
        try:
            yield
        finally:
            self.supervisor.start(self.processes[name])
            self.wait_whole()

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
            return len(self.supervisor.running()) == len(_NODES) and self.ask(look)
        except (Error, OSError, TimeoutError):
            return False


@contextmanager
def running_cluster(data: Path) -> Iterator[Cluster]:
    """Yield a cluster with our users. It has no streams: provision it."""
    consumed = sorted(set(consumers(load_stack())))
    free = free_ports(2 * len(_NODES))
    ports, routes = free[: len(_NODES)], free[len(_NODES) :]
    access = Access(
        passwords=dict.fromkeys((*COMPONENTS, "ecp", PLATFORM), PASSWORD),
        components={group: frozenset(codes) for group, codes in COMPONENTS.items()},
        consumers=frozenset(consumed),
    )
    processes = {}
    for name, port, route in zip(_NODES, ports, routes, strict=True):
        configuration = json.loads(render_nats_conf(access, port, data / name))
        processes[name] = _process(data, name, {**configuration, **_clustered(name, route, routes)})
    supervisor = Supervisor(lambda _text: None, lambda _running: None)
    cluster = Cluster(supervisor, dict(zip(_NODES, ports, strict=True)), processes, consumed)
    try:
        for process in processes.values():
            supervisor.start(process)
        cluster.wait_whole()
        yield cluster
    finally:
        supervisor.close()


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
