"""A small grid for refusals: two DSOs, two operators, and their data before any bad call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from tests.support.world import Member, World, eventually, fresh_gln, fresh_gsrn, make_asset


@dataclass(frozen=True)
class Scene:
    """North's grid has two points with assets of Alpha and Beta. South's has one. West may register only 5713139..."""

    world: World
    north: Member
    south: Member
    west: Member
    alpha: Member
    beta: Member
    point: str
    chp: str
    battery: str
    wind: str
    souths: str
    norths_message: str
    betas_message: str
    betas_cursor: str

    @property
    def members(self) -> dict[str, Member]:
        return {"north": self.north, "south": self.south, "west": self.west, "alpha": self.alpha, "beta": self.beta}

    def stored(self) -> dict[str, Any]:
        """Return the data that a refused call must not change."""
        return {
            "alpha's assets": self.alpha.done("GET", "/flexibility-assets"),
            "north's points": self.north.done("GET", "/connection-points"),
            "west's points": self.west.done("GET", "/connection-points"),
            "north's list": self.north.done("GET", "/flexibility-assets")["assets"],
            "alpha's limits": self.alpha.done("GET", "/capacity-limits?all_revisions=true"),
            "accepted messages": self._accepted_messages(),
        }

    def _accepted_messages(self) -> set[tuple[str, str]]:
        """Return our messages that the platform accepted, without requests for lists."""
        found = set()
        for group in ("agr", "dso"):
            with psycopg.connect(self.world.settings.groups[group].database_url) as connection:
                rows = connection.execute(
                    """SELECT component, message_id FROM message WHERE component = ANY(%s) AND direction = 'out'
                          AND type <> 'TPS-STATUSREQUEST' AND type NOT LIKE '%%-ACK'
                          AND status IN ('accepted', 'partly_accepted')""",
                    ([member.code for member in self.members.values()],),
                ).fetchall()
            found |= {(row[0], row[1]) for row in rows}
        return found


def make_scene(world: World) -> Scene:
    north, south = world.dso("North Grid"), world.dso("South Grid")
    west = world.dso("West Grid", grid=("5713139",))
    alpha, beta = world.operator("Alpha"), world.operator("Beta")
    point, second, souths_point = fresh_gsrn(), fresh_gsrn(), fresh_gsrn()
    norths_message = north.register_points(point, second)["message_id"]
    south.register_points(souths_point)
    chp = make_asset(point, name="CHP")
    battery = make_asset(second, kind="storage", max_production_kw=200, max_consumption_kw=250)
    wind, souths = make_asset(point, max_production_kw=400), make_asset(souths_point)
    alpha.register_assets(chp, battery)
    betas_message = beta.register_assets(wind, souths)["message_id"]
    betas_cursor = beta.done("GET", "/capacity-limits/wait?timeout=0")["cursor"]
    eventually(lambda: len(north.done("GET", "/flexibility-assets")["assets"]) == 3)
    ids = (chp["id"], battery["id"], wind["id"], souths["id"])
    given = (norths_message, betas_message, betas_cursor)
    return Scene(world, north, south, west, alpha, beta, point, *ids, *given)


def stranger() -> str:
    """Return a party that was never onboarded."""
    return fresh_gln()
