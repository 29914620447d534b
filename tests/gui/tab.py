"""A page of the GUI in a browser tab."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.world import World, eventually
from tps.local.embedded.environment import sign_in_folder
from tps.local.gui.libraries import obtain, read_lock
from tps.local.gui.sign_in import new_code

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

PATIENCE_MS = 20_000


@dataclass
class Tab:
    """A page in its own browser context."""

    world: World
    context: BrowserContext
    page: Page
    troubles: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, browser: Browser, world: World, *, is_signed_in: bool = True, **options: Any) -> Tab:
        size = {"width": 1280, "height": 800}
        place = {"base_url": world.stack.gateway_url, "timezone_id": "Europe/Copenhagen", "locale": "en-GB"}
        context = browser.new_context(**{"viewport": size, **place, **options})
        context.set_default_timeout(PATIENCE_MS)
        tab = cls(world, context, context.new_page())
        tab.page.on(
            "console", lambda said: tab.troubles.append(said.text) if said.type in ("error", "warning") else None
        )
        tab.page.on("pageerror", lambda error: tab.troubles.append(str(error)))
        if is_signed_in:
            tab.page.goto(tab.address())
            tab.page.wait_for_selector("nav")
        return tab

    def address(self) -> str:
        """Return a new sign-in link."""
        return f"{self.world.stack.gateway_url}/gui/#sign-in={new_code(sign_in_folder(self.world.stack.keys_dir))}"

    def show(self, fragment: str) -> Page:
        """Open a view by its link and wait until its data is shown."""
        self.page.goto(f"/gui/#{fragment}")
        self.page.wait_for_selector(".row, .cards, .empty:not(.loading)")
        return self.page

    def until(self, condition: str) -> None:
        """Wait until the condition holds. It is evaluated from outside, because the pages' policy forbids `eval`."""
        eventually(lambda: self.page.evaluate(condition), PATIENCE_MS / 1000)

    def text(self, selector: str) -> str:
        return re.sub(r"\s+", " ", self.page.locator(selector).first.inner_text())

    def has(self, selector: str, text: str) -> Locator:
        """Wait for an element with this text, and return it."""
        element = self.page.locator(selector, has_text=text).first
        element.wait_for()
        return element

    def serious(self) -> list[str]:
        """Return the serious and critical findings of axe-core on the page, by rule and element."""
        self.page.evaluate(obtain(read_lock("tools"))["axe.js"].decode())
        report = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in report["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    def close(self) -> None:
        self.context.close()
