"""Stories of a grid, with any distribution of its assets among operators, and the DSO's resulting knowledge."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.privacy.windows import Windows
from tests.privacy.wiretap import Opened, Wiretap
from tests.support.world import Member, Reply, eventually, fresh_gsrn, make_foreseen, make_schedule, make_stop
from tps.mades.message import MadesAcknowledgement

KINDS = ("generation", "load", "storage", "ev_charging", "heat_pump", "other")
# The year of every limit here. Other times in answers and documents depend on the playing.
FIXED_YEAR = "2099"
_TIME = re.compile(rf"(?!{FIXED_YEAR})\d{{4}}-\d{{2}}-\d{{2}}T\d{{2}}:\d{{2}}(:\d{{2}})?(\.\d+)?Z")
_ID = re.compile(r"\b[0-9a-f]{32}\b")
_CURSOR = re.compile(r'"cursor":"[\w=-]+"')
CHANGES = {"points", "points_removal", "assets", "removal", "schedules", "schedules_cancelled"}


@dataclass(frozen=True)
class Story:
    """The events, by number of point and asset, independent of the operators.

    Attributes:
        point_kw: Maximum production that the DSO states per point; None states nothing.
        places: Point of each asset. Nobody registers the last point, so its assets wait.
        steps: Name of a step and its arguments, in order.
    """

    point_kw: tuple[int | None, ...]
    places: tuple[int, ...]
    steps: tuple[tuple[str, tuple[Any, ...]], ...]


def make_story(seed: int, assets: int = 6, length: int = 9) -> Story:
    """Return a random story: registrations and the first list, then random events, then the last list."""
    chance = random.Random(seed)
    point_kw = tuple(chance.choice([None, None, 150]) for _ in range(3))
    places = tuple(chance.randrange(len(point_kw) + 1) for _ in range(assets))
    some = partial(_some, chance, assets)
    steps: list[tuple[str, tuple[Any, ...]]] = [("points", (range(3),)), ("assets", (range(assets), 0)), ("list", ())]
    further: list[Callable[[], tuple[str, tuple[Any, ...]]]] = [
        lambda: ("assets", (some(), chance.randrange(5))),
        lambda: ("removal", (some(),)),
        lambda: ("points", (_some(chance, 3),)),
        lambda: ("points_removal", (_some(chance, 3),)),
        lambda: ("foreseen", (some(), chance.randrange(400_000) / 1000, chance.random() < 0.2)),
        lambda: ("emergency", (some(), chance.choice(["stop", "hold"]), chance.random() < 0.5)),
        lambda: ("list", ()),
        lambda: ("schedules", (some(), chance.randrange(4))),
        lambda: ("schedules_cancelled", (chance.randrange(2),)),
    ]
    steps += [chance.choice(further)() for _ in range(length)]
    last = [("points", (range(3),)), ("assets", (range(assets), 1)), ("schedules", (range(assets), 1)), ("plans", ())]
    claimed = _at(places, 3)
    last += [("foreseen", (claimed, 77.777, False)), ("removal", (claimed[:1],)), ("plans", ())]
    return Story(point_kw, places, (*steps, *last, ("emergency", (range(assets), "stop", True)), ("list", ())))


def _some(chance: random.Random, count: int) -> list[int]:
    return sorted(chance.sample(range(count), chance.randint(1, count)))


def _at(places: Sequence[int], claimed: int) -> list[int]:
    return [number for number, place in enumerate(places) if place < claimed]


@dataclass
class Playing:
    """One playing of a story: a new grid with new ids, and its assets distributed among operators.

    Attributes:
        windows: Windows of the platform; all registrations of a step fall into one window.
        deal: Number of the operator of each asset.
        answers: The answers to the DSO's calls.
    """

    story: Story
    windows: Windows
    dso: Member
    operators: Sequence[Member]
    deal: Sequence[int]
    points: list[str] = field(default_factory=list)
    assets: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    tags: dict[str, int] = field(default_factory=dict)
    registered: set[int] = field(default_factory=set)
    sent: dict[int, list[tuple[Member, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Fresh ids increase, so the ids of two playings sort alike.
        self.points = [fresh_gsrn() for _ in range(4)]
        self.assets = [fresh_gsrn() for _ in self.story.places]
        self.unknown = [fresh_gsrn()]

    def play(self) -> None:
        """Play every step after the previous step was answered, and wait for all its consequences."""
        for name, arguments in self.story.steps:
            step = partial(getattr(self, f"_{name}"), *arguments)
            if name in CHANGES:
                self._change(step)
            else:
                step()
            self.windows.wait_until_told(self.dso.code, self.assets)

    def _change(self, step: Callable[[], None]) -> None:
        with self.windows.one_of_plans(self.dso.code, self.assets), self.windows.one(self.assets):
            step()
        self.windows.wait_until_told(self.dso.code, self.assets)
        self._note(self.dso.call("GET", "/flexibility-assets/changes?timeout=0"))
        self._note(self.dso.call("GET", "/operational-schedules/wait?timeout=0"))

    def _points(self, numbers: Iterable[int]) -> None:
        bodies = [{"id": self.points[number], **_stated(self.story.point_kw[number])} for number in numbers]
        self._note(self.dso.call("PUT", "/connection-points", {"connection_points": bodies}))

    def _points_removal(self, numbers: Iterable[int]) -> None:
        ids = [self.points[number] for number in numbers]
        self._note(self.dso.call("POST", "/connection-points/removal", {"ids": ids}))

    def _assets(self, numbers: Iterable[int], version: int) -> None:
        self.registered |= set(numbers)
        for operator, own in self._dealt(numbers):
            operator.register_assets(*(self._asset(number, version) for number in own))

    def _removal(self, numbers: Iterable[int]) -> None:
        known = [number for number in numbers if number in self.registered]
        self.registered -= set(known)
        for operator, own in self._dealt(known):
            operator.done("POST", "/flexibility-assets/removal", {"ids": [self.assets[number] for number in own]})

    def _list(self) -> None:
        self._note(self.dso.call("GET", "/flexibility-assets"))

    def _plans(self) -> None:
        self._note(self.dso.call("GET", "/operational-schedules?from=2099-04-10T00:00:00Z"))
        self._note(self.dso.call("GET", "/conflicts?from=2099-04-10T00:00:00Z&to=2099-04-11T00:00:00Z&per_asset=true"))

    def _schedules(self, numbers: Iterable[int], version: int) -> None:
        known = [number for number in numbers if number in self.registered]
        for operator, own in self._dealt(known):
            sent = operator.send_schedules(*(self._schedule(number, version) for number in own))
            self.sent.setdefault(len(self.answers), []).append((operator, sent["id"]))

    def _schedules_cancelled(self, step: int) -> None:
        """Cancel all schedules of an earlier step, if there is one."""
        for operator, schedule_id in self.sent.pop(next(iter(list(self.sent)[step:]), -1), []):
            operator.done("DELETE", f"/operational-schedules/{schedule_id}")

    def _foreseen(self, numbers: Iterable[int], power_kw: float, with_unknown: bool) -> None:
        self._limit("foreseen", make_foreseen(self._ids(numbers, with_unknown), power_kw=power_kw))

    def _emergency(self, numbers: Iterable[int], action: str, with_unknown: bool) -> None:
        self._limit("unforeseen", make_stop(self._ids(numbers, with_unknown), action=action))

    def _limit(self, kind: str, body: dict[str, Any]) -> None:
        """Send a limit and wait until it reached everybody, because the time of that notice is not determined."""
        reply = self.dso.call("POST", f"/capacity-limits/{kind}", body)
        self._note(reply)
        if reply.status == 201:
            path = f"/capacity-limits/{reply.json['id']}"
            eventually(lambda: self.dso.done("GET", path)["delivery"]["all_reached_at"])
            self._note(self.dso.call("GET", path))

    def labels(self) -> dict[str, str]:
        """Return every id of this playing with its label, which is the same in all playings."""
        named = {"point": self.points, "asset": self.assets, "unknown": self.unknown}
        ids = {each: f"<{kind} {number}>" for kind, many in named.items() for number, each in enumerate(many)}
        return ids | {self.dso.code: "<dso>"}

    def _asset(self, number: int, version: int) -> dict[str, Any]:
        powers = {"max_production_kw": 40 + 10 * number + version}
        if number % 3 == 0:
            powers["max_consumption_kw"] = 5 + version
        place = (self.story.places[number] + version // 4) % 4
        name = f"owned by {self.operators[self.deal[number]].code}"
        point, kind = self.points[place], KINDS[number % len(KINDS)]
        return {"id": self.assets[number], "connection_point_id": point, "kind": kind, "name": name, **powers}

    def _schedule(self, number: int, version: int) -> dict[str, Any]:
        """Return four to seven quarters, beginning later with each version, so that versions overlap."""
        start = f"2099-04-10T06:{15 * version:02}:00Z"
        power_kw = (version + number / 8 + step for step in range(4 + version))
        return make_schedule(self.assets[number], *power_kw, start=start)

    def _ids(self, numbers: Iterable[int], with_unknown: bool) -> list[str]:
        return [self.assets[number] for number in numbers] + (self.unknown if with_unknown else [])

    def _dealt(self, numbers: Iterable[int]) -> list[tuple[Member, list[int]]]:
        wanted = list(numbers)
        shares = [[number for number in wanted if self.deal[number] == place] for place in range(len(self.operators))]
        return [(operator, share) for operator, share in zip(self.operators, shares, strict=True) if share]

    def _note(self, reply: Reply) -> None:
        headers = {name: value for name, value in reply.headers.items() if name != "date"}
        if "etag" in headers:
            # ETags depend on ids, too, but an equal tag means an unchanged answer.
            headers["etag"] = f"tag {self.tags.setdefault(headers['etag'], len(self.tags))}"
        self.answers.append((reply.status, headers, reply.text))


def _stated(maximum_kw: int | None) -> dict[str, int]:
    return {} if maximum_kw is None else {"max_production_kw": maximum_kw}


@dataclass(frozen=True)
class Knowledge:
    """All data that a DSO received, with ids and times replaced; equal for equal knowledge.

    Attributes:
        answers: Status, headers and text of every REST answer, in order.
        messages: Headers, signed metadata, document and size of each message with a document, in order.
        traces: Status of each of its own messages, unordered, because two may be sent at the same moment.
        acknowledged: Number of MADES acknowledgements by state, message type and direction.
    """

    answers: tuple[str, ...]
    messages: tuple[tuple[str, ...], ...]
    traces: tuple[str, ...]
    acknowledged: Counter[Any]

    def lines(self) -> list[str]:
        """Return one line per fact, so that differences are readable."""
        said = sorted(f"{times} x {what}" for what, times in self.acknowledged.items())
        return [*self.answers, *("\n".join(message) for message in self.messages), *self.traces, *said]


def knowledge_of(tap: Wiretap, playing: Playing) -> Knowledge:
    """Play a story to its end, and return the knowledge of its DSO."""
    playing.play()
    dso = playing.dso.code
    own = [each for each in tap.settled(dso) if dso in (each.way.sender, each.way.receiver)]
    documents = [each for each in own if not each.is_acknowledgement]
    return Knowledge(
        answers=tuple(alike(playing, answer) for answer in playing.answers),
        messages=tuple(message_alike(playing, each) for each in documents if each.way.receiver == dso),
        traces=tuple(sorted(alike(playing, whole_trace(playing.dso, each)) for each in documents)),
        acknowledged=_acknowledged(own),
    )


def whole_trace(dso: Member, message: Opened) -> str:
    """Return the final status of a message as its DSO reads it.

    Only steps of other components are included: its own endpoint and the broker may write theirs after the answer.
    """

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = dso.done("GET", f"/messages/{message.signed.message_id}")
        return found if found["state"] == "RECEIVED" else None

    found = eventually(look) or {}
    said = {(step["state"], step["component"], step.get("details")) for step in found.pop("trace")}
    return f"{found} {sorted(step for step in said if step[1] != dso.code and step[0] != 'TRANSPORTED')}"


def alike(playing: Playing, value: object) -> str:
    """Return the text with ids and times replaced by labels."""
    text = str(value)
    for each, label in playing.labels().items():
        text = text.replace(each, label)
    return _CURSOR.sub('"cursor":"<cursor>"', _ID.sub("<id>", _TIME.sub("<time>", text)))


def message_alike(playing: Playing, message: Opened) -> tuple[str, ...]:
    """Return everything about a message with a document, except ids, times, and random parts."""
    assert not isinstance(message.signed, MadesAcknowledgement)
    signed = {name: getattr(message.signed, name) for name in message.signed.__dataclass_fields__}
    lifetime = signed.pop("expires_at") - signed.pop("sent_at")
    del signed["content_sha256"]
    parts = (message.packet.subject, message.packet.headers, signed, lifetime.days, message.content.decode())
    return tuple(alike(playing, part) for part in parts)


def _acknowledged(messages: Sequence[Opened]) -> Counter[Any]:
    types = {message.signed.message_id: message.way.type for message in messages if not message.is_acknowledgement}
    return Counter(
        (message.way.group, message.signed.kind, types[each.message_id], each.detail)
        for message in messages
        if isinstance(message.signed, MadesAcknowledgement)
        for each in message.signed.messages
    )
