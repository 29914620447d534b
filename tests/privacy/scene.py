"""A grid with an object of each kind, and all callers that may try to read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg

from tests.privacy.table import APPLYING, RouteRow
from tests.privacy.windows import Windows
from tests.support.identities import BAD_TOKENS
from tests.support.world import (
    Member,
    Reply,
    World,
    eventually,
    fresh_gln,
    fresh_gsrn,
    make_asset,
    make_foreseen,
    make_schedule,
    make_stop,
)
from tps.host.app import load_function
from tps.host.stack import load_stack
from tps.mades.certificate import load_certificate
from tps.rest.function import Route

# The tables with the owner's data in its backend's database, and the column with the owner's code.
_KEPT = {
    "own_resource": "party",
    "wished_resource": "party",
    "feed_reader": "party",
    "idempotency_key": "party",
    "sequence_counter": "sender",
}
_HOLDERS = {"owner", "rival", "balance responsible rival"}


def served_routes() -> list[tuple[str, Route]]:
    """Return (function, route) of every route, from the tables of the functions."""
    return [(entry.name, route) for entry in load_stack() for route in getattr(load_function(entry.name), "ROUTES", ())]


@dataclass(frozen=True)
class Scene:
    """An operator with assets in a DSO's grid and a limit on one of them, and rivals of both."""

    world: World
    agr: Member
    dso: Member
    agr_rival: Member
    brp_rival: Member
    dso_rival: Member
    values: dict[str, str]

    @classmethod
    def of(cls, world: World) -> Scene:
        """Create the scene, and wait until everything has arrived."""
        dso, agr = world.dso("Dunkle Netze"), world.operator("Betelgeuse")
        rivals = world.operator("Rival"), world.operator("Balance", role="brp"), world.dso("Sydnet")
        scene = cls(world, agr, dso, *rivals, {**_fresh_values(), "component": agr.code})
        scene.values["certificate_id"] = scene.admit("applicant")
        scene.apply("rejectable")
        changes = (
            f"/flexibility-assets/changes?after={dso.done('GET', '/flexibility-assets/changes?timeout=0')['cursor']}"
        )
        sent_point = scene.restore_points()
        sent_asset = scene.restore_assets()
        scene.values["schedule"] = agr.send_schedules(make_schedule(scene.values["asset"], 500))["id"]
        scene.restore_schedules()
        limit = dso.send_foreseen(make_foreseen([scene.values["asset"]]))
        emergency = dso.send_unforeseen(make_stop([scene.values["asset"]]))
        eventually(lambda: len(agr.active_limits()) == 2)
        scene.values.update(emergency=emergency["id"])
        eventually(lambda: dso.done("GET", f"{changes}&timeout=0")["assets"])
        Windows(world).wait_until_told(dso.code, [scene.values[name] for name in ("asset", "claimed", "removable")])
        cursor = agr.done("GET", "/capacity-limits/wait?timeout=0")["cursor"]
        scene.values.update(operator=agr.code, changes_cursor=changes.partition("=")[2])
        scene.values.update(cursor=cursor, agr_message=sent_asset, dso_message=sent_point, limit=limit["id"])
        return scene

    def restore_points(self) -> str:
        """Register the points that the owner's own requests remove; return the message's id."""
        names = ("point", "claimed_point", "removable_point")
        points = [{"id": self.values[name], "name": self.values["name"]} for name in names]
        return str(self.dso.register_points(*points)["message_id"])

    def restore_assets(self) -> str:
        """Register the assets that the owner's own requests remove; return the message's id."""
        places = {"asset": "point", "claimed": "claimed_point", "removable": "point"}
        named = [(self.values[asset], self.values[point]) for asset, point in places.items()]
        assets = [make_asset(point, id=asset, name=self.values["name"]) for asset, point in named]
        return str(self.agr.register_assets(*assets)["message_id"])

    def restore_schedules(self) -> None:
        """Send the schedules that the owner's own requests cancel."""
        known = self.agr.call("GET", f"/operational-schedules/{self.values.get('removable_schedule', 'none')}")
        if known.status == 404 or known.json["status"] == "cancelled":
            sent = self.agr.send_schedules(make_schedule(self.values["asset"], 400, start="2099-04-11T06:00:00Z"))
            self.values["removable_schedule"] = sent["id"]

    def apply(self, name: str) -> None:
        """Apply for a component, unless an application is pending."""
        code = self.values[name]
        headers = {"Authorization": _bearer(self.world.token(code, "agr"))}
        answer = self.world.http.post("/ecp/v1/components", json={**APPLYING, "organisation": "Nova"}, headers=headers)
        assert answer.status_code in (200, 201), answer.text

    def admit(self, name: str) -> str:
        """Apply and be approved; return the id of a certificate."""
        self.apply(name)
        headers = {"Authorization": _bearer(self.platform.token)}
        path = f"/ecp/v1/components/{self.values[name]}/approval"
        return load_certificate(
            self.world.http.post(path, json={}, headers=headers).json()["certificates"][0]
        ).certificate_id

    def owner(self, row: RouteRow) -> Member:
        return {"agr": self.agr, "dso": self.dso, "tps": self.platform}[row.role]

    @cached_property
    def platform(self) -> Member:
        code = self.world.settings.platform_party
        return Member(code, "tps", "Trade Permission System", self.world.token(code, "tps"), self.world.http)

    def ask(self, row: RouteRow, door: str, authorization: str | None) -> Reply:
        """Send the row's request with this Authorization header, by a door: "" or `/function/<name>`."""
        schedule = "{removable_schedule}" if row.method == "DELETE" else "{schedule}"
        named = (
            row.path.replace("<message_id>", f"{{{row.group}_message}}")
            .replace("<schedule_id>", schedule)
            .replace("<limit_id>", "{emergency}" if "unforeseen" in row.path else "{limit}")
            .replace("<file>", "types.raml")
            .replace("<code>", row.about)
        )
        path = door + self.fill(named)
        query = f"?{self.fill(row.ask)}" if row.ask else ""
        headers = {} if authorization is None else {"Authorization": authorization}
        content = None
        if row.body is not None:
            content, headers["Content-Type"] = self.fill(json.dumps(row.body)).encode(), "application/json"
        answer = self.world.http.request(row.method, path + query, content=content, headers=headers)
        return Reply(answer.status_code, answer.headers, answer.text)

    def fill(self, text: str) -> str:
        for name, value in self.values.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def secrets(self, row: RouteRow) -> set[str]:
        """Return the values that only the owner may see, without those of the request and those that rivals claim."""
        ids = "{agr_message}{dso_message}{schedule}{removable_schedule}{limit}{emergency}"
        asked = self.fill(f"{ids if '_id>' in row.path else ''} {row.ask} {row.body}")
        private = {value for name, value in self.values.items() if not name.startswith("claimed")}
        return {each for each in {*private, self.agr.code, "Betelgeuse"} if each not in asked}

    def view(self, row: RouteRow) -> dict[str, list[Any]]:
        """Return everything that the owner's backend stores, sent and received."""
        owner = self.owner(row)
        queries = {
            table: f"SELECT to_jsonb(t)::text FROM {table} t WHERE {column} = %s ORDER BY 1"
            for table, column in ({} if row.role == "tps" else _KEPT).items()
        }
        # The time of notices about an earlier limit is not determined.
        queries["message"] = """SELECT message_id, status FROM message WHERE component = %s
                                   AND NOT (direction = 'in' AND type LIKE 'TPS-LIMIT%%-ACK') ORDER BY 1"""
        known = self._rows(owner.group, queries, owner.code)
        if row.group != "ecp":
            return known
        directory = {
            table: f"SELECT to_jsonb(t)::text FROM {table} t WHERE party = %s"
            for table in ("registered_component", "component_application")
        }
        return known | self._rows("ecp", directory, owner.code)

    def _rows(self, group: str, queries: dict[str, str], code: str) -> dict[str, list[Any]]:
        """Query with a kept connection, because opening one takes longer than all queries."""
        if group not in self._connections:
            url = self.world.settings.groups[group].database_url
            self._connections[group] = psycopg.connect(url, autocommit=True)
        connection = self._connections[group]
        return {table: connection.execute(query.encode(), [code]).fetchall() for table, query in queries.items()}

    @cached_property
    def _connections(self) -> dict[str, psycopg.Connection[Any]]:
        return {}

    def close(self) -> None:
        """Close the database connections."""
        for connection in self._connections.values():
            connection.close()

    @cached_property
    def callers(self) -> dict[str, Callable[[RouteRow], str | None]]:
        """Return the callers by name, with the Authorization header of each; None where no such caller exists."""
        bad = {name: self._bad(name) for name in BAD_TOKENS}
        return {
            "owner": lambda row: _bearer(self.owner(row).token),
            "rival": lambda row: _rivals({"agr": self.agr_rival, "dso": self.dso_rival}, row),
            "balance responsible rival": lambda row: _rivals({"agr": self.brp_rival}, row),
            "other role": lambda row: _bearer((self.agr if row.role == "dso" else self.dso).token),
            "platform": lambda row: None if row.role == "tps" else _bearer(self.platform.token),
            "owner's code in another role": lambda row: _bearer(
                self.world.token(self.owner(row).code, _other_role(row))
            ),
            "a code of nobody": lambda row: _bearer(self.world.token(fresh_gln(), row.role)),
            "event delivery": lambda _row: _bearer(self.world.settings.delivery_token),
            "nobody": lambda _row: "",
            "basic credentials": lambda row: "Basic " + self.owner(row).token,
            **bad,
        }

    def _bad(self, name: str) -> Callable[[RouteRow], str]:
        return lambda row: _bearer(BAD_TOKENS[name](self.world, self.owner(row).code, row.role))


CALLERS = (
    "owner",
    "rival",
    "balance responsible rival",
    "other role",
    "platform",
    "owner's code in another role",
    "a code of nobody",
    "event delivery",
    "nobody",
    "basic credentials",
    *BAD_TOKENS,
)
_FORBIDDEN = {"other role", "platform", "owner's code in another role", "a code of nobody"}


def expected(row: RouteRow, caller: str) -> int:
    """Return the status that a caller gets at a door, by the table."""
    if row.scope == "open" or caller == "owner":
        return row.success
    if caller in row.others:
        return row.others[caller]
    if caller in _HOLDERS:
        return row.rival
    return 403 if caller in _FORBIDDEN else 401


def _bearer(token: str) -> str:
    return f"Bearer {token}"


def _rivals(rivals: dict[str, Member], row: RouteRow) -> str | None:
    return _bearer(rivals[row.role].token) if row.role in rivals else None


def _other_role(row: RouteRow) -> str:
    return "agr" if row.role == "dso" else "brp"


def _fresh_values() -> dict[str, str]:
    ids = ("point", "claimed_point", "removable_point", "asset", "claimed", "removable")
    parties = {name: fresh_gln() for name in ("applicant", "rejectable")}
    return {**{name: fresh_gsrn() for name in ids}, **parties, "name": "CHP of the Nilssons"}
