"""A whole installation in one process: real functions, Postgres and crypto. Only the broker and S3 are dicts.

Letters wait in a post bag until the test delivers them, in the order that the test chooses, also repeatedly.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from flask.testing import FlaskClient
from psycopg import sql

from tests.support.servers import servers
from tps.documents import Document, encode
from tps.dso import sent_documents as dso_documents
from tps.endpoint.acknowledging import send_all_owed
from tps.endpoint.applications import Sending, send_message
from tps.endpoint.endpoint import Endpoint
from tps.host.app import create_app, load_function
from tps.host.services import Services, build_services
from tps.host.settings import Settings
from tps.host.stack import FunctionEntry, load_stack
from tps.local import onboarding
from tps.local.embedded.stack import LocalStack
from tps.local.tokens import issue
from tps.mades.subjects import TICK, parse_subject
from tps.operator import sent_documents as operator_documents
from tps.stores.mailbox import LargeAddress, Letter

ALPHA, BETA, GAMMA = "5790000000036", "5790000000043", "5790000000074"
NORTH, SOUTH = "5790000000050", "5790000000067"
OPERATORS, DSOS = (ALPHA, BETA, GAMMA), (NORTH, SOUTH)
PARTIES = ((ALPHA, "agr"), (BETA, "agr"), (GAMMA, "brp"), (NORTH, "dso"), (SOUTH, "dso"))
GROUPS = ("agr", "dso", "tps")
WINDOW_S = 15
KEEPS = {"agr": operator_documents.keep_sent, "dso": dso_documents.keep_sent}


class Clock:
    """The clock of all parties, which moves only when the test moves it."""

    def __init__(self) -> None:
        self._first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        self.now = self._first

    def __call__(self) -> datetime:
        return self.now

    def restart(self) -> None:
        self.now = self._first


@dataclass
class PostBag:
    """The broker: published messages that are not delivered yet, and all messages ever published.

    `held` has the letters of disconnected components. `counts` has the letters ever published, by type and receiver.
    """

    waiting: list[Letter] = field(default_factory=list)
    ever: dict[str, Letter] = field(default_factory=dict)
    large: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    held: dict[str, list[Letter]] = field(default_factory=dict)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def publish_each(self, letters: Sequence[Letter]) -> set[str]:
        for letter in letters:
            if letter.unique_id not in self.ever:
                self.ever[letter.unique_id] = letter
                subject = parse_subject(letter.subject)
                self.counts[(subject.type, subject.receiver)] += 1
                self.held.get(subject.receiver, self.waiting).append(letter)
        return {letter.unique_id for letter in letters}

    def cut_off(self, receiver: str) -> None:
        """Disconnect a receiver: later letters to it do not arrive."""
        self.held[receiver] = []

    def reconnect(self, receiver: str) -> None:
        """Deliver the letters that did not arrive."""
        self.waiting += self.held.pop(receiver, [])

    def is_held(self, letter: Letter) -> bool:
        return parse_subject(letter.subject).receiver in self.held

    def count(self, types: Iterable[str], receiver: str) -> int:
        """Return how many letters of these types the receiver was ever sent."""
        return sum(self.counts[(each, receiver)] for each in types)

    def empty(self) -> None:
        """Forget all letters."""
        for kept in (self.waiting, self.ever, self.large, self.held, self.counts):
            kept.clear()

    def put_large(self, address: LargeAddress, data: bytes, ttl_s: int) -> int:
        del ttl_s
        self.large[dataclasses.astuple(address)] = data
        return 1

    def get_large(self, address: LargeAddress, chunks: int) -> bytes | None:
        del chunks
        return self.large.get(dataclasses.astuple(address))

    def wake(self, parties: Sequence[str]) -> None:
        """Do nothing: no call waits here."""

    def on_wake(self, callback: Callable[[str], None]) -> None:
        """Do nothing: no call waits here."""

    def ask(self, question: Callable[..., Any]) -> int:
        """Answer that there are no dead letters."""
        del question
        return 0

    def can_connect(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing: no resource is open."""


class Shelf(dict[str, bytes]):
    """The document store."""

    def put(self, key: str, content: bytes) -> bool:
        is_new = key not in self
        self.setdefault(key, content)
        return is_new

    def is_there(self) -> bool:
        return True


class OwedLater:
    """Owed acknowledgements, which are sent when the test says so."""

    def schedule(self, endpoint: Endpoint) -> None:
        """Do nothing yet."""

    def flush(self, endpoint: Endpoint) -> None:
        send_all_owed(endpoint)


@dataclass
class ArrivesAtOnce:
    """Waiting calls: `steps` run instead of time passing, such as the delivery of all letters."""

    steps: list[Callable[[], None]]

    def until(self, party: str, look: Callable[[], Any], timeout_s: float, is_connected: Callable[[], bool]) -> Any:
        del party, is_connected
        found = look()
        for step in self.steps if timeout_s > 0 else ():
            if found is None:
                step()
                found = look()
        return found


@dataclass
class Installation:
    """The installation, with control over the clock and the letters.

    `done` counts the changes that a party requested. `got` counts the letters that a party received.
    """

    stack: LocalStack
    services: Services
    clock: Clock
    bag: PostBag
    shelves: dict[str, Shelf]
    entries: tuple[FunctionEntry, ...]
    clients: dict[str, FlaskClient]
    tokens: dict[str, str]
    waits: ArrivesAtOnce
    done: Counter[str] = field(default_factory=Counter)
    got: Counter[str] = field(default_factory=Counter)
    _kept: tuple[str, ...] = ("party", "component", "component_key", "directory_entry")

    def call(self, party: str, method: str, path: str, body: Any = None, *, prefer: str = "respond-async") -> Any:
        """Make one REST call and return the response. By default the call does not wait for the platform's answer."""
        self.done[party] += method != "GET"
        function = next(
            entry.name
            for entry in sorted(self.entries, key=lambda one: -max((len(route) for route in one.routes), default=0))
            if any(path.partition("?")[0].startswith(route) for route in entry.routes)
        )
        response = self.clients[function].open(
            path,
            method=method,
            headers={"Authorization": f"Bearer {self.tokens[party]}", "Prefer": prefer},
            json=body,
            buffered=True,
        )
        response.close()
        return response

    def ask(self, party: str, path: str, *, prefer: str = "respond-async") -> Any:
        """Return the body of a GET."""
        response = self.call(party, "GET", path, prefer=prefer)
        assert response.status_code == 200, response.text
        return response.json

    def send(self, party: str, method: str, path: str, body: Any = None) -> tuple[str, Any]:
        """Send, deliver everything, and return the outcome and the body of the message or error."""
        response = self.call(party, method, path, body)
        if response.status_code != 202:
            return "refused" if response.status_code >= 400 else "accepted", response.json
        self.settle()
        return self.outcome(party, response.json)

    def outcome(self, party: str, sent: Any) -> tuple[str, Any]:
        """Return the outcome of a sent message."""
        message = self.ask(party, f"/{_group(party)}/v1/messages/{sent['message_id']}")
        return message["status"], {**sent, "errors": message["errors"]}

    def send_document(self, party: str, message_type: str, document: Document) -> tuple[str, Any]:
        """Send a document of a party's own system by its endpoint; otherwise as `send`."""
        endpoint = self.services.endpoint(_group(party))
        self.done[party] += 1
        with endpoint.database.transaction() as tx:
            own = endpoint.own(tx, party)
        assert own is not None
        message_id = send_message(
            endpoint, own, Sending(endpoint.platform, message_type, encode(document)), KEEPS[_group(party)]
        )
        self.settle()
        return self.outcome(party, {"message_id": message_id})

    def deliver(self, letter: Letter) -> int:
        """Deliver one letter to the function of its type, and return the HTTP status."""
        subject = parse_subject(letter.subject)
        self.got[subject.receiver] += 1
        group = subject.group.partition("-")[0]
        entry = next(one for one in self.entries if (group, subject.type) in one.topics)
        return self._post(entry.name, {"ce-type": "mades", "ce-subject": letter.subject}, letter.data)

    def settle(self, choose: Callable[[int], int] = lambda _count: 0) -> None:
        """Deliver until no letter is left; `choose` returns the index of the next letter, given their number."""
        while self.bag.waiting:
            letter = self.bag.waiting.pop(choose(len(self.bag.waiting)))
            status = self.deliver(letter)
            assert status in (204, 422), (letter.subject, status)

    def tick(self, choose: Callable[[int], int] = lambda _count: 0, functions: Container[str] | None = None) -> None:
        """Tick every function (or the given functions), and deliver the resulting letters in the order of `choose`."""
        for entry in self.entries:
            if entry.tick_s and (functions is None or entry.name in functions):
                status = self._post(entry.name, {"ce-type": TICK, "ce-subject": "tick"}, b"")
                assert status == 204, (entry.name, status)
        self.settle(choose)

    def advance(self, time: timedelta, choose: Callable[[int], int] = lambda _count: 0) -> None:
        """Move the clock, then tick."""
        self.clock.now += time
        self.tick(choose)

    def acknowledge(self) -> None:
        """Send and deliver all owed MADES acknowledgements."""
        for group in GROUPS:
            endpoint = self.services.endpoint(group)
            endpoint.owed.flush(endpoint)
        self.settle()

    def empty(self) -> None:
        """Reset to the first day: only parties and their keys stay."""
        self.clock.restart()
        self.bag.empty()
        for shelf in self.shelves.values():
            shelf.clear()
        for group in GROUPS:
            with psycopg.connect(self.stack.database_url(group)) as connection:
                names = self._tables(connection)
                tables = sql.SQL(", ").join(sql.Identifier(name) for name in names)
                connection.execute(sql.SQL("TRUNCATE {}").format(tables))

    def _tables(self, connection: psycopg.Connection[Any]) -> list[str]:
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%%yoyo%%'"
        ).fetchall()
        return sorted(name for (name,) in rows if name not in self._kept)

    def _post(self, function: str, headers: dict[str, str], data: bytes) -> int:
        token = self.services.settings.delivery_token
        headers = {
            "ce-id": "1",
            "ce-source": "test",
            "ce-specversion": "1.0",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/octet-stream",
            **headers,
        }
        response = self.clients[function].post("/", headers=headers, data=data)
        assert response.status_code < 500, (function, headers["ce-type"], response.text)
        return int(response.status_code)


@contextmanager
def installation(data: Path) -> Iterator[Installation]:
    """Run Postgres on a folder, onboard all parties, and load all functions."""
    with servers(data, which=("postgres",)) as stack:
        for code, role in PARTIES:
            onboarding.add_party(stack, role=role, code=code, name=f"Party {code[-3:]}", grid_prefixes=())
        settings = _hasty(dataclasses.replace(Settings.from_env(stack.environment()), batch_window_s=WINDOW_S))
        made = build_services(settings)
        clock, bag, shelves = Clock(), PostBag(), {group: Shelf() for group in made.endpoints}
        endpoints: dict[str, Any] = {
            name: dataclasses.replace(
                each,
                clock=clock,
                mailbox=bag,  # type: ignore[arg-type]
                documents=shelves[name],  # type: ignore[arg-type]
                owed=OwedLater(),  # type: ignore[arg-type]
            )
            for name, each in made.endpoints.items()
        }
        waits = ArrivesAtOnce([lambda: made_here.settle()])
        services = dataclasses.replace(made, endpoints=endpoints, waits=dict.fromkeys(endpoints, waits))
        entries = load_stack()
        clients = {one.name: create_app(load_function(one.name), services).test_client() for one in entries}
        tokens = {code: issue(stack, code) for code in (*dict(PARTIES), settings.platform_party)}
        made_here = Installation(stack, services, clock, bag, shelves, entries, clients, tokens, waits)
        yield made_here
        for endpoint in endpoints.values():
            endpoint.database.close()


def _group(party: str) -> str:
    role = dict(PARTIES)[party]
    return "agr" if role == "brp" else role


def _hasty(settings: Settings) -> Settings:
    """Do not wait for the disk on commits, because these tests do not simulate power loss."""
    groups = {
        name: dataclasses.replace(each, database_url=f"{each.database_url}?options=-csynchronous_commit%3Doff")
        for name, each in settings.groups.items()
    }
    return dataclasses.replace(settings, groups=groups)
