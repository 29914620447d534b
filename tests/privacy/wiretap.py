"""A tap that records everything at the broker during a test, and opens it with the receivers' keys.

The tap is the broker's administrator, which sees every byte. The keys come from the groups' databases. No role in the
system has both.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import nats

from tests.support.world import World, eventually
from tps.host.services import Services, build_services
from tps.local.embedded.nats_permissions import PLATFORM
from tps.mades.envelope import Envelope, open_content, read_acknowledgement, read_metadata
from tps.mades.message import ACKNOWLEDGEMENT_TYPE, AcknowledgementKind, MadesAcknowledgement, Metadata
from tps.mades.subjects import MessageSubject, large_filter, parse_subject


@dataclass(frozen=True, slots=True)
class Packet:
    """One publication as it was sent."""

    subject: str
    headers: dict[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """A message or MADES acknowledgement, with its signature checked and its content decrypted."""

    way: MessageSubject
    packet: Packet
    signed: Metadata | MadesAcknowledgement
    content: bytes

    @property
    def is_acknowledgement(self) -> bool:
        """Return True for a MADES acknowledgement; an acknowledgement document is a document like any other."""
        return isinstance(self.signed, MadesAcknowledgement)

    def clear_text(self) -> str:
        """Return the unencrypted parts: subject, headers, signed metadata."""
        return f"{self.packet.subject} {self.packet.headers} {self.signed}"


class Wiretap:
    """The publications since the start of the tap, in the broker's order."""

    def __init__(self, world: World):
        self._world = world
        self._packets: list[Packet] = []
        self._loop = asyncio.new_event_loop()
        self._opened: dict[str, Opened] = {}

    def packets(self) -> list[Packet]:
        """Return all publications on every subject, without answers of the broker and deliveries."""
        self._round_trip()
        return list(self._packets)

    def messages(self) -> list[Opened]:
        """Return every MADES message and acknowledgement, opened, without repeats that the broker drops."""
        for packet in self.packets():
            if packet.subject.startswith("mades.") and packet.headers["Nats-Msg-Id"] not in self._opened:
                self._opened[packet.headers["Nats-Msg-Id"]] = self._open(packet)
        return list(self._opened.values())

    def documents(self) -> list[Opened]:
        """Return every message with a document."""
        return [message for message in self.messages() if not message.is_acknowledgement]

    def settled(self, *components: str) -> list[Opened]:
        """Return all messages when everything from and to these components has arrived and is acknowledged."""
        return eventually(lambda: self._settled(frozenset(components)))

    def _settled(self, components: frozenset[str]) -> list[Opened]:
        messages = self.messages()
        arrived = {
            each.message_id
            for message in messages
            if isinstance(message.signed, MadesAcknowledgement)
            and message.signed.kind in (AcknowledgementKind.DELIVERY, AcknowledgementKind.RECEIVE)
            for each in message.signed.messages
        }
        sent = [m.signed.message_id for m in messages if not m.is_acknowledgement and components & _ends(m)]
        return messages if arrived.issuperset(sent) else []

    def _open(self, packet: Packet) -> Opened:
        return opened(self._services, packet, self._attached)

    def _attached(self, way: MessageSubject, envelope: Envelope) -> Envelope:
        if envelope.detached is None:
            return envelope
        prefix = large_filter(way.group, way.receiver, way.sender, envelope.detached.name).removesuffix("*")
        chunks = {packet.subject: packet.data for packet in self._packets if packet.subject.startswith(prefix)}
        return envelope.attach(b"".join(chunks[f"{prefix}{number}"] for number in range(envelope.detached.chunks)))

    @cached_property
    def _services(self) -> Services:
        return build_services(self._world.settings)

    async def _listen(self) -> None:
        stack = self._world.stack
        self._client = await nats.connect(
            stack.nats_url, user=PLATFORM, password=stack.vault.password(f"nats.{PLATFORM}"), name="wiretap"
        )

        async def heard(message: Any) -> None:
            # A delivery to a consumer appears a second time, with the broker's own reply subject.
            if not message.reply.startswith("$JS.ACK."):
                self._packets.append(Packet(message.subject, dict(message.headers or {}), message.data))

        await self._client.subscribe(">", cb=heard)
        await self._client.flush()

    def _round_trip(self) -> None:
        """Flush, so that the tap has everything that the broker took before."""
        for _ in range(2):
            self._run(self._client.flush())

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    @contextmanager
    def listening(self) -> Iterator[Wiretap]:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self._run(self._listen())
        try:
            yield self
        finally:
            self._run(self._client.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(10)
            self._loop.close()
            self._services.close()


def opened(services: Services, packet: Packet, attached: Callable[[MessageSubject, Envelope], Envelope]) -> Opened:
    """Return a publication, opened with the receiver's keys; `attached` fetches content that came separately."""
    way, envelope = parse_subject(packet.subject), Envelope.from_bytes(packet.data)
    endpoint, directory = services.endpoint(way.group), services.endpoint("tps")
    with directory.database.transaction() as tx, endpoint.database.transaction() as own:
        if way.type == ACKNOWLEDGEMENT_TYPE:
            signed = read_acknowledgement(envelope, lambda code: directory.entry(tx, code), directory.clock())
            return Opened(way, packet, signed, b"")
        metadata = read_metadata(envelope, lambda code: directory.entry(tx, code), directory.clock())
        whole = attached(way, envelope)
        content = open_content(whole, metadata, lambda certificate: endpoint.decryption_key(own, certificate))
    return Opened(way, packet, metadata, content)


def _ends(message: Opened) -> frozenset[str]:
    return frozenset((message.way.sender, message.way.receiver))
