"""Waiting for limits (F7): immediate, complete, and only the caller's own limits."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.support.world import Member, World, eventually, fresh_gsrn, make_asset, make_foreseen, make_stop

AT_ONCE_S = 3.0
WAIT = "/capacity-limits/wait"


@dataclass(frozen=True)
class Grid:
    """A DSO with one asset of Alpha and one of Beta."""

    dso: Member
    alpha: Member
    beta: Member
    alphas: str
    betas: str

    def stop(self, *asset_ids: str) -> str:
        """Send an emergency, and return its id."""
        return str(self.dso.send_unforeseen(make_stop(list(asset_ids)))["id"])


@pytest.fixture
def grid(world: World) -> Grid:
    dso, alpha, beta = world.dso(), world.operator("Alpha"), world.operator("Beta")
    point = fresh_gsrn()
    dso.register_points(point)
    alphas, betas = make_asset(point), make_asset(point)
    alpha.register_assets(alphas)
    beta.register_assets(betas)
    return Grid(dso, alpha, beta, alphas["id"], betas["id"])


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def wait(member: Member, **query: object) -> Any:
    """Return the answer of a wait; the default `timeout` is 0."""
    asked = "&".join(f"{name}={value}" for name, value in {"timeout": 0, **query}.items())
    return member.done("GET", f"{WAIT}?{asked}")


def started(pool: ThreadPoolExecutor, member: Member, **query: object) -> Future[Any]:
    """Return a wait that has started: its thread sleeps in the server."""
    waiting = pool.submit(wait, member, **{"timeout": 30, **query})
    # A second round trip of the same client, so that the server has read the request of the wait.
    wait(member, **{name: value for name, value in query.items() if name == "reader"}, timeout=1)
    assert not waiting.done()
    return waiting


def ids(answer: Any) -> list[str]:
    return [limit["asset_ids"][0] for limit in answer["limits"]]


def test_a_waiting_operator_gets_an_emergency_at_once(grid: Grid, pool: ThreadPoolExecutor) -> None:
    waiting = started(pool, grid.alpha, after=wait(grid.alpha)["cursor"])

    asked = time.monotonic()
    grid.stop(grid.alphas)
    answer = waiting.result(AT_ONCE_S)

    assert (ids(answer), answer["limits"][0]["action"]) == ([grid.alphas], "stop")
    print(f"emergency to waiting operator: {(time.monotonic() - asked) * 1000:.0f} ms")


def test_a_wait_is_empty_when_the_time_is_up_and_carries_a_cursor(grid: Grid) -> None:
    """FED-EMP."""
    asked = time.monotonic()

    answer = wait(grid.alpha, timeout=1)

    assert answer["limits"] == []
    assert answer["cursor"]
    assert time.monotonic() - asked >= 1


def test_the_first_call_ever_starts_at_the_beginning(grid: Grid) -> None:
    """FED-FRS."""
    grid.stop(grid.alphas)
    eventually(grid.alpha.active_limits)

    answer = wait(grid.alpha)

    assert ids(answer) == [grid.alphas]


def test_without_a_cursor_a_limit_is_given_once(grid: Grid) -> None:
    grid.stop(grid.alphas)
    eventually(grid.alpha.active_limits)

    first, second = wait(grid.alpha), wait(grid.alpha)

    assert (ids(first), ids(second)) == ([grid.alphas], [])


def test_the_same_cursor_gives_the_same_limit_again(grid: Grid) -> None:
    before = wait(grid.alpha)["cursor"]
    grid.stop(grid.alphas)
    eventually(grid.alpha.active_limits)

    first, again = wait(grid.alpha, after=before), wait(grid.alpha, after=before)
    later = wait(grid.alpha, after=first["cursor"])

    assert first == again
    assert (ids(first), ids(later)) == ([grid.alphas], [])


def test_a_client_killed_while_it_waits_loses_nothing(grid: Grid) -> None:
    """FED-DED."""
    before = wait(grid.alpha)["cursor"]
    kill_while_waiting(grid.alpha, f"{WAIT}?timeout=30")

    grid.stop(grid.alphas)
    eventually(lambda: ids(wait(grid.alpha, reader="another")))
    wait(grid.alpha, reader="another", timeout=1)  # the wait of the killed client has ended, too

    assert ids(wait(grid.alpha)) == [grid.alphas], "remembered as read by a client that was gone"
    assert ids(wait(grid.alpha, after=before)) == [grid.alphas]


def test_a_killed_client_frees_its_place(grid: Grid, pool: ThreadPoolExecutor) -> None:
    """Two workers have 64 places each. More clients than places came and disconnected."""
    list(pool.map(lambda _: kill_while_waiting(grid.alpha, f"{WAIT}?timeout=55"), range(150)))

    def is_free() -> bool:
        return grid.alpha.call("GET", f"{WAIT}?timeout=1").status == 200

    assert eventually(is_free)


def test_a_call_for_headers_alone_is_no_reading(grid: Grid) -> None:
    grid.stop(grid.alphas)
    eventually(grid.alpha.active_limits)

    headers = {"Authorization": f"Bearer {grid.alpha.token}"}
    response = grid.alpha.http.head(f"/agr/v1{WAIT}?timeout=0", headers=headers)

    assert response.status_code == 405
    assert ids(wait(grid.alpha)) == [grid.alphas]


def test_two_readers_of_a_party_are_kept_apart(grid: Grid) -> None:
    """FED-FRS."""
    grid.stop(grid.alphas)
    eventually(grid.alpha.active_limits)

    control_room, archive = wait(grid.alpha, reader="control room"), wait(grid.alpha, reader="archive")
    again = wait(grid.alpha, reader="archive")

    assert (ids(control_room), ids(archive), ids(again)) == ([grid.alphas], [grid.alphas], [])


def test_two_waiting_readers_are_both_told(grid: Grid, pool: ThreadPoolExecutor) -> None:
    waits = [started(pool, grid.alpha, reader=reader) for reader in ("control-room", "archive")]

    grid.stop(grid.alphas)

    assert [ids(each.result(AT_ONCE_S)) for each in waits] == [[grid.alphas]] * 2


def test_a_wait_is_not_ended_by_a_limit_for_somebody_else(grid: Grid, pool: ThreadPoolExecutor) -> None:
    waiting = started(pool, grid.alpha)

    grid.stop(grid.betas)
    eventually(grid.beta.active_limits)

    assert not waiting.done()
    grid.stop(grid.alphas)
    assert ids(waiting.result(AT_ONCE_S)) == [grid.alphas]


def test_several_limits_come_in_the_order_in_which_they_arrived(grid: Grid) -> None:
    for power_kw in (300, 200, 100):
        grid.dso.send_foreseen(make_foreseen([grid.alphas], power_kw))
    eventually(lambda: len(grid.alpha.active_limits()) == 3)

    answer = wait(grid.alpha)

    listed = grid.alpha.active_limits()
    assert answer["limits"] == listed
    assert {limit["available"][0]["power_kw"] for limit in listed} == {100, 200, 300}


def test_a_limit_that_was_read_is_received_and_one_that_was_not_is_delivered(grid: Grid, world: World) -> None:
    """The platform learns that an operator's application has a limit (MADES, RECEIVED); the DSO does not."""
    grid.stop(grid.alphas)
    eventually(lambda: states_of(world, grid.alpha) == {"DELIVERED"})

    wait(grid.alpha)

    eventually(lambda: states_of(world, grid.alpha) == {"RECEIVED"})


def states_of(world: World, operator: Member) -> set[str]:
    """Return the platform's states of the limits that it sent to an operator."""
    with psycopg.connect(world.settings.groups["tps"].database_url) as connection:
        rows = connection.execute(
            "SELECT state FROM message WHERE direction = 'out' AND peer = %s AND type LIKE 'TPS-LIMIT-%%FORESEEN'",
            (operator.code,),
        ).fetchall()
    return {row[0] for row in rows}


def kill_while_waiting(member: Member, path: str) -> None:
    """Send a request, then reset the connection without reading the answer."""
    url = member.http.base_url
    request = f"GET /{member.group}/v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {member.token}\r\n\r\n"
    with socket.create_connection((url.host, url.port or 80), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(request.encode())
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
