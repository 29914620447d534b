"""A grid of two DSOs and two operators, and the schedules that the DSOs see."""

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
    """A DSO with an asset of Alpha and one of Beta, 600 kW each; another DSO with an asset of Alpha."""

    windows: Windows
    dso: Member
    other_dso: Member
    alpha: Member
    beta: Member
    alphas: str
    betas: str
    elsewhere: str

    def cursors(self) -> list[str]:
        """Return the cursors of both DSOs' feeds after all earlier news."""
        return [self.told(dso)["cursor"] for dso in (self.dso, self.other_dso)]

    def told(self, dso: Member, after: str | None = None) -> Any:
        """Return the entries of a DSO's feed after all earlier news; two windows with one plan are merged."""
        self.windows.wait_until_told(dso.code, [self.alphas, self.betas, self.elsewhere])
        return news(dso, timeout=0, **({"after": after} if after else {}))


def plans(member: Member, query: str = "") -> Any:
    """Return the plans that a DSO sees."""
    return member.done("GET", f"{PATH}{query}")["schedules"]


def news(member: Member, **query: object) -> Any:
    """Return the answer of a wait; the default `timeout` is 20."""
    asked = "&".join(f"{name}={value}" for name, value in {"timeout": 20, **query}.items())
    return member.done("GET", f"{PATH}/wait?{asked}")
