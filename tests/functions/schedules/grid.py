"""A grid of two DSOs and two operators, and what their DSOs are shown of schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.privacy.windows import Windows
from tests.support.world import Member

PATH = "/operational-schedules"
START = datetime(2099, 4, 10, 6, tzinfo=UTC)


@dataclass(frozen=True)
class Grid:
    """A DSO with an asset of Alpha's and one of Beta's, 600 kW each; another DSO with one of Alpha's."""

    windows: Windows
    dso: Member
    other_dso: Member
    alpha: Member
    beta: Member
    alphas: str
    betas: str
    elsewhere: str

    def cursors(self) -> list[str]:
        """Where the feeds of both DSOs are, when all has been told so far."""
        return [self.told(dso)["cursor"] for dso in (self.dso, self.other_dso)]

    def told(self, dso: Member, after: str | None = None) -> Any:
        """What a DSO's feed tells, when all has been told so far; perhaps the same plan in two windows, then merged."""
        self.windows.wait_until_told(dso.code, [self.alphas, self.betas, self.elsewhere])
        return news(dso, timeout=0, **({"after": after} if after else {}))


def plans(member: Member, query: str = "") -> Any:
    """What a DSO is shown."""
    return member.done("GET", f"{PATH}{query}")["schedules"]


def news(member: Member, **query: object) -> Any:
    """What a wait answers; `timeout` is 20 unless told."""
    asked = "&".join(f"{name}={value}" for name, value in {"timeout": 20, **query}.items())
    return member.done("GET", f"{PATH}/wait?{asked}")
