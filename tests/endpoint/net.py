"""Endpoints of the platform, two operators and a DSO on real stores, and hand-made messages."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import nats

from tests.support.servers import GRID, OPERATOR, PLATFORM, RIVAL
from tps.documents import Document, Header, Role, encode
from tps.documents.acknowledgement import Outcome
from tps.documents.ref import AssetRegistration
from tps.domain.asset import AssetKind, FlexibilityAsset
from tps.endpoint.answers import Answer
from tps.endpoint.batching import OwedBatch
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import Correspondent, Handling, Incoming
from tps.endpoint.intake import Intake
from tps.endpoint.receiving import Arrival
from tps.endpoint.sending import Draft
from tps.errors import StoreAway
from tps.host.services import Services, build_services, utc_now
from tps.host.settings import Settings
from tps.local import onboarding
from tps.local.embedded.stack import LocalStack
from tps.mades.certificates import CertificateUse
from tps.mades.envelope import Envelope, seal
from tps.mades.ids import new_id
from tps.mades.message import Message
from tps.mades.subjects import message_subject

PARTIES = ((OPERATOR, "agr", "Alpha"), (RIVAL, "agr", "Beta"), (GRID, "dso", "North Grid"))
NEVER_S = 3600.0
GSRN = "571313190000000011"


def onboard(stack: LocalStack) -> Services:
    """Onboard all components, and create a table for the effects of the tests' own decisions."""
    for code, role, name in PARTIES:
        onboarding.add_party(stack, role=role, code=code, name=name, grid_prefixes=())
    services = build_services(Settings.from_env(stack.environment()))
    with services.endpoint("tps").database.transaction() as tx:
        tx.execute("CREATE TABLE effect (document_id text)")
    return services


def registration(asset_id: str = GSRN, **header: Any) -> AssetRegistration:
    """Return an operator's registration of one asset."""
    values: dict[str, Any] = {
        "document_id": new_id(),
        "created_at": utc_now().replace(microsecond=0),
        "sender": OPERATOR,
        "sender_role": Role.AGR,
        "receiver": PLATFORM,
        "receiver_role": Role.TPS,
    }
    asset = FlexibilityAsset(asset_id, "571313190000009014", AssetKind.GENERATION, max_production_kw=None)
    asset = dataclasses.replace(asset, max_production_kw=10)  # type: ignore[arg-type]
    return AssetRegistration(Header(**{**values, **header}), (asset,))


@dataclass
class Net:
    """The installation, and messages between any two components."""

    stack: LocalStack
    services: Services
    _sequences: Iterator[int] = dataclasses.field(default_factory=lambda: itertools.count(1))

    @property
    def platform(self) -> Endpoint:
        return self.services.endpoint("tps")

    @property
    def operators(self) -> Endpoint:
        return self.services.endpoint("agr")

    @property
    def grids(self) -> Endpoint:
        return self.services.endpoint("dso")

    def endpoint_of(self, code: str) -> Endpoint:
        return {PLATFORM: self.platform, GRID: self.grids}.get(code, self.operators)

    def message(self, content: bytes | Document, **changes: Any) -> Message:
        """Return a message from an operator to the platform, sent now."""
        now = utc_now()
        values: dict[str, Any] = {
            "message_id": new_id(),
            "type": "TPS-ASSET",
            "sender": OPERATOR,
            "receiver": PLATFORM,
            "sent_at": now,
            "expires_at": now + timedelta(days=1),
            "sequence": next(self._sequences),
            "content": content if isinstance(content, bytes) else encode(content),
        }
        return Message(**{**values, **changes})

    def sealed(self, message: Message, for_: str | None = None) -> Envelope:
        """Return a message that its sender signed and that is encrypted for its receiver, or for another component."""
        receiver = for_ or message.receiver
        with self.endpoint_of(message.sender).database.transaction() as tx:
            signing = self.endpoint_of(message.sender).signing_key(tx, message.sender)
        with self.endpoint_of(receiver).database.transaction() as tx:
            entry = self.endpoint_of(receiver).entry(tx, receiver)
        assert entry is not None
        sealed = seal(
            dataclasses.replace(message, receiver=receiver),
            signing,
            entry.certificate(CertificateUse.ENCRYPTION, utc_now()),
        )
        if for_ is None:
            return sealed
        return dataclasses.replace(self.sealed(message), content=sealed.content)

    def arrival(self, message: Message, envelope: Envelope | None = None) -> Arrival:
        """Return a message as event delivery hands it over."""
        group = self.endpoint_of(message.receiver).group
        subject = message_subject(group, message.type, message.receiver, message.sender)
        return Arrival(subject, (envelope or self.sealed(message)).to_bytes())

    def in_stream(self, subject: str) -> int:
        """Return the number of messages of a subject at the broker."""

        async def count(client: Any) -> int:
            info = await client.jetstream().stream_info("MADES", subjects_filter=subject)
            return sum((info.state.subjects or {}).values())

        return int(self._as_admin(count))

    def last(self, subject: str) -> Arrival:
        """Return the newest message of a subject at the broker."""

        async def get(client: Any) -> bytes:
            message = await client.jetstream().get_msg("MADES", subject=subject)
            return bytes(message.data)

        return Arrival(subject, self._as_admin(get))

    def _as_admin(self, act: Callable[[Any], Any]) -> Any:
        async def run() -> Any:
            url, user, password = self.stack.nats_admin
            client = await nats.connect(url, user=user, password=password)
            try:
                return await act(client)
            finally:
                await client.close()

        return asyncio.run(run())


OPERATORS_ACK = message_subject("agr", "TPS-ASSET-ACK", OPERATOR, PLATFORM)
OPERATORS_NEWS = message_subject("agr", "TPS-LIMIT-FORESEEN", OPERATOR, PLATFORM)
GRIDS_NEWS = message_subject("dso", "TPS-ASSET-LIST", GRID, PLATFORM)
MADES_ACK = message_subject("agr", "MADES-ACK", OPERATOR, PLATFORM)


def sender_of(incoming: Incoming) -> Correspondent:
    """Return the sender's party. In these tests a component and its party have the same code."""
    return Correspondent(incoming.message.sender, incoming.message.sender, Role.AGR)


def accept(handling: Handling, document: AssetRegistration) -> Answer:
    """Accept a registration, and write one row."""
    handling.tx.execute("INSERT INTO effect VALUES (%s)", (document.header.document_id,))
    return Answer(Outcome.ACCEPTED)


def tell_others(handling: Handling, _document: AssetRegistration) -> None:
    """Send news to the operator and to the grid, which must not delay the answer."""
    for receiver, type in ((OPERATOR, "TPS-LIMIT-FORESEEN"), (GRID, "TPS-ASSET-LIST")):
        handling.send(Draft(handling.own.code, receiver, type, b"<news/>", document_id=new_id()), "news")


take_registration = Intake(AssetRegistration, accept, sender=sender_of, is_kept=True)
take_and_tell = dataclasses.replace(take_registration, follow_up=tell_others)


class Faults:
    """Fails at the n-th use of a store, before or after its effect."""

    def __init__(self, at: int, is_after: bool):
        self._at = at
        self._is_after = is_after
        self._uses = 0
        self.failed_at = ""

    @contextmanager
    def use(self, name: str) -> Iterator[None]:
        self._uses += 1
        is_now = self._uses == self._at
        if is_now:
            self.failed_at = name
        if is_now and not self._is_after:
            raise StoreAway(f"{name} failed")
        yield
        if is_now and self._is_after:
            raise StoreAway(f"{name} was not answered")

    def around(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint with stores that fail in this way."""
        return dataclasses.replace(
            endpoint,
            database=_FailingDatabase(endpoint.database, self),  # type: ignore[arg-type]
            documents=_FailingStore(endpoint.documents, self, ("put", "get")),  # type: ignore[arg-type]
            mailbox=_FailingStore(endpoint.mailbox, self, ("publish_each", "put_large", "get_large", "wake")),  # type: ignore[arg-type]
            owed=OwedBatch(delay_s=NEVER_S),
        )


class _FailingDatabase:
    def __init__(self, real: Any, faults: Faults):
        self._real = real
        self._faults = faults

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._faults.use("transaction"), self._real.transaction() as tx:
            yield tx


class _FailingStore:
    def __init__(self, real: Any, faults: Faults, names: tuple[str, ...]):
        self._real = real
        self._faults = faults
        self._names = names

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._real, name)
        if name not in self._names:
            return work

        def failing(*arguments: Any, **named: Any) -> Any:
            with self._faults.use(name):
                return work(*arguments, **named)

        return failing


def at(endpoint: Endpoint, moment: datetime) -> Endpoint:
    """Return the endpoint with a fixed clock."""
    return dataclasses.replace(endpoint, clock=lambda: moment)
