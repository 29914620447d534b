"""A fault run: a world, traffic, injuries, a quiet time, and the verdict."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

from tools.faults.invariants import find_violations
from tools.faults.replay import Replayer
from tools.faults.system import STORES, System
from tools.faults.traffic import Client, LimitSender, Registrar, Waiter, finish
from tools.story.grid import make_gln, make_gsrn

DSO = "5790000000005"
_FIRST_OPERATOR = 1000
_ASSETS_EACH = 4
_SENDERS = 4
_QUIET_S = 60.0


@dataclass(frozen=True)
class Plan:
    """The amounts of a run.

    Attributes:
        limits: Limits sent during the faults.
        operators: Operators that the limits affect.
        kills: Number of kill -9, each process in turn.
        pauses: Number of SIGSTOP pauses, after the kills.
        pause_s: Duration of a pause.
        outage_s: Duration of the outage of each store in turn, during traffic; 0 for no outages.
        seconds: Minimum time over which the faults are spread.
        workers: Worker processes.
        seed: Seed of all random choices.
    """

    limits: int = 200
    operators: int = 10
    kills: int = 100
    pauses: int = 5
    pause_s: float = 8.0
    outage_s: float = 60.0
    seconds: float = 240.0
    workers: int = 2
    seed: int = 1

    @property
    def traffic_s(self) -> float:
        """Return how long limits are sent: until the last fault ends."""
        return self.seconds + self.outage_s * len(STORES)


@dataclass(frozen=True)
class Report:
    """The results of a run; `violations` must be empty."""

    accepted: int
    refused: int
    deliveries: int
    kills: dict[str, int]
    pauses: int
    outages: int
    replayed: int
    registrations: int
    dead_letters: int
    faults_s: float
    settled_s: float
    slowest_delivery_s: float
    median_delivery_s: float
    violations: list[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class FaultWorld:
    """One DSO and some operators with assets, registered before the first fault."""

    def __init__(self, system: System, plan: Plan):
        codes = [make_gln(_FIRST_OPERATOR + number) for number in range(plan.operators)]
        tokens = system.onboard("dso", [DSO]) | system.onboard("agr", codes)
        self.give_up = threading.Event()
        self.clients = {code: Client(system.url, token, self.give_up) for code, token in tokens.items()}
        ids, self.point = map(make_gsrn, count()), "571313190000009014"
        self.assets = {code: list(islice(ids, _ASSETS_EACH)) for code in codes}
        self.spare = {code: next(ids) for code in codes}
        points = {"connection_points": [{"id": self.point}]}
        _expect(self.clients[DSO].send("PUT", "/dso/v1/connection-points", points, "points"))
        for code in codes:
            body = {"assets": [self.asset(asset_id) for asset_id in (*self.assets[code], self.spare[code])]}
            _expect(self.clients[code].send("PUT", "/agr/v1/flexibility-assets", body, "assets"))

    @property
    def dso(self) -> Client:
        return self.clients[DSO]

    def asset(self, asset_id: str) -> dict[str, Any]:
        return {"id": asset_id, "connection_point_id": self.point, "kind": "generation", "max_production_kw": 50.5}

    def read_back(self) -> dict[str, list[dict[str, Any]]]:
        """Return all revisions of all limits of each operator."""
        path = "/agr/v1/capacity-limits?all_revisions=true"
        return {code: _expect(self.clients[code].try_once("GET", path))["limits"] for code in self.assets}


def run_faults(data: Path, plan: Plan) -> Report:
    """Run on a fresh data folder."""
    system = System(data, plan.workers)
    system.start()
    try:
        return _play(system, plan)
    finally:
        system.stop()


@dataclass
class Traffic:
    """The running traffic."""

    world: FaultWorld
    sender: LimitSender
    waiters: list[Waiter]
    registrars: list[Registrar]

    @classmethod
    def begin(cls, system: System, plan: Plan) -> "Traffic":
        """Register a world, and start the waiting calls of its operators."""
        world = FaultWorld(system, plan)
        sender = LimitSender(world.dso, world.assets, plan.seed)
        registrars = [Registrar(world.clients[code], world.asset(spare)) for code, spare in world.spare.items()]
        waiters = [Waiter(world.clients[code], code) for code in world.assets]
        for waiter in waiters:
            waiter.start()
        return cls(world, sender, waiters, registrars)


def _play(system: System, plan: Plan) -> Report:
    replayer = Replayer(system)
    replayer.start()
    replayer.wait_listening()
    traffic = Traffic.begin(system, plan)
    injuries = Injuries(system, plan)
    started = time.monotonic()
    injuries.start()
    _drive(plan, traffic.sender, traffic.registrars)
    injuries.join()
    faults_s = time.monotonic() - started
    system.wait_ready()
    replayed = replayer.replay(plan.seed)
    return conclude(system, traffic, faults_s=faults_s, injuries=injuries, replayed=replayed)


def conclude(
    system: System, traffic: Traffic, *, faults_s: float, injuries: "Injuries | Losses", replayed: int = 0
) -> Report:
    """Wait until nothing is violated, at most a minute, and return the report."""
    system.wait_ready()
    settled_s, violations = _settle(traffic)
    finish(traffic.waiters)
    delays = sorted(_delays(traffic.sender, traffic.waiters))
    return Report(
        accepted=len(traffic.sender.accepted),
        refused=len(traffic.sender.refused),
        deliveries=len(delays),
        kills=injuries.kills,
        pauses=injuries.pauses,
        outages=injuries.outages,
        replayed=replayed,
        registrations=sum(registrar.last_kw for registrar in traffic.registrars),
        dead_letters=system.dead_letters(),
        faults_s=round(faults_s, 1),
        settled_s=round(settled_s, 1),
        slowest_delivery_s=round(delays[-1], 2) if delays else 0,
        median_delivery_s=round(delays[len(delays) // 2], 3) if delays else 0,
        violations=[*violations, *traffic.sender.refused],
    )


@dataclass(frozen=True)
class Losses:
    """Harm from other sources than `Injuries`."""

    kills: dict[str, int]
    pauses: int = 0
    outages: int = 0


class Injuries(threading.Thread):
    """Kills each process in turn, then pauses some, then stops each store for a while; spread over the run."""

    def __init__(self, system: System, plan: Plan):
        super().__init__(name="injuries", daemon=True)
        self._system = system
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._given_up = threading.Event()
        self.kills: dict[str, int] = dict.fromkeys(system.targets, 0)
        self.pauses = 0
        self.outages = 0

    def run(self) -> None:
        gap_s = max(self._plan.seconds - self._plan.pauses * self._plan.pause_s, 0) / max(self._plan.kills, 1)
        for target in islice(cycle(self._system.targets), self._plan.kills):
            due = time.monotonic() + gap_s
            while not self._system.kill(target):
                time.sleep(0.05)
            self.kills[target] += 1
            time.sleep(max(due - time.monotonic(), 0))
        for target in self._random.choices(self._system.targets, k=self._plan.pauses):
            self.pauses += self._system.pause(target, self._plan.pause_s, self._given_up)
        for store in STORES if self._plan.outage_s else ():
            self.outages += self._system.pause(store, self._plan.outage_s, self._given_up)


def _drive(plan: Plan, sender: LimitSender, registrars: list[Registrar]) -> None:
    """Spread limits and registrations over the time of the faults."""
    started, gap_s = time.monotonic(), plan.traffic_s / max(plan.limits, 1)
    with ThreadPoolExecutor(_SENDERS + len(registrars)) as pool:
        pending = []
        chains = [pool.submit(_register_all, registrar, max(plan.limits // 10, 3)) for registrar in registrars]
        for number in range(plan.limits):
            pending.append(pool.submit(sender.send, number))
            time.sleep(max(started + (number + 1) * gap_s - time.monotonic(), 0))
        for future in [*pending, *chains]:
            future.result()


def _register_all(registrar: Registrar, count: int) -> None:
    for number in range(count):
        registrar.register(number)


def _settle(traffic: Traffic) -> tuple[float, list[str]]:
    """Wait until nothing is violated, at most a minute; return the duration and the remaining violations."""
    started = time.monotonic()
    violations = ["not checked yet"]
    while violations and time.monotonic() - started < _QUIET_S:
        time.sleep(0.25)
        violations = [
            *find_violations(traffic.sender.accepted, traffic.world.read_back(), traffic.waiters),
            *_last_registration_wins(traffic.world, traffic.registrars),
        ]
    return time.monotonic() - started, violations


def _last_registration_wins(world: FaultWorld, registrars: list[Registrar]) -> list[str]:
    assets = _expect(world.dso.try_once("GET", "/dso/v1/flexibility-assets"))["assets"]
    listed_kw = {asset["id"]: asset["max_production_kw"] for asset in assets}
    return [
        f"{registrar.asset['id']}: {listed_kw[registrar.asset['id']]} kW instead of {registrar.last_kw}"
        for registrar in registrars
        if listed_kw[registrar.asset["id"]] != registrar.last_kw
    ]


def _delays(sender: LimitSender, waiters: list[Waiter]) -> list[float]:
    sent_at = {limit.text: limit.sent_at for limit in sender.accepted}
    return [at - sent_at[text] for waiter in waiters for _, text, at in waiter.seen if text in sent_at]


def _expect(reply: tuple[int, Any] | None) -> Any:
    if reply is None or reply[0] not in (200, 201):
        raise RuntimeError(f"unexpected answer: {reply}")
    return reply[1]
