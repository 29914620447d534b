"""Windows of the platform that a test holds open for all messages of a step, and waits for their consequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from tests.support.world import World, eventually
from tps.platform.asset_changes import TELLING_LOCK


@dataclass(frozen=True)
class Windows:
    """The windows in which the platform merges changes of assets and of plans."""

    world: World

    @contextmanager
    def one(self, assets: Sequence[str]) -> Iterator[None]:
        """Put all registrations of these assets during the block into one window, however long it takes."""
        with self._platform() as connection:
            connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (TELLING_LOCK,))
            yield
            now = "UPDATE touched_asset SET touched_at = clock_timestamp() WHERE asset_id = ANY(%s)"
            connection.execute(now, (list(assets),))

    @contextmanager
    def one_of_plans(self, dso: str, assets: Sequence[str]) -> Iterator[None]:
        """Put all changes of plans of these assets during the block into one window, however long it takes."""
        with self._platform() as connection:
            held = "INSERT INTO plan_window AS w VALUES (%s, '-infinity') ON CONFLICT (dso) DO UPDATE SET dso = w.dso"
            connection.execute(held, (dso,))
            yield
            now = "UPDATE plan_change SET changed_at = clock_timestamp() WHERE asset_id = ANY(%s)"
            connection.execute(now, (list(assets),))

    def wait_until_told(self, dso: str, assets: Sequence[str]) -> None:
        """Wait until the DSO's backend has all messages about these assets and its limits."""
        left = """SELECT FROM touched_asset WHERE asset_id = ANY(%(assets)s)
                  UNION ALL SELECT FROM plan_change WHERE asset_id = ANY(%(assets)s)
                  UNION ALL SELECT FROM limit_watch WHERE dso = %(dso)s AND what = 'reached'
                  UNION ALL SELECT FROM message
                   WHERE direction = 'out' AND peer = %(dso)s AND state NOT IN ('RECEIVED', 'FAILED')"""
        with self._platform() as connection:
            connection.autocommit = True
            eventually(lambda: not connection.execute(left, {"assets": list(assets), "dso": dso}).fetchall(), 30)

    def _platform(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.world.settings.groups["tps"].database_url)
