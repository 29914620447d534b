"""A browser and the pages in it. Without Chromium these tests are skipped with a message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.gui.day import Day, make_day
from tests.gui.tab import Tab
from tests.support.world import World
from tools.bench.browser import find_chromium
from tps.local.gui.address import publish_here
from tps.local.gui.libraries import LibrariesMissing

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright comes with the extra `dev`")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def day(world: World, browser: Browser) -> Day:
    """A day with plans and a limit, without an emergency; the pages are published."""
    try:
        publish_here(world.stack)
    except LibrariesMissing as error:
        pytest.skip(f"the GUI cannot be published here: {error}")
    return make_day(world)


@pytest.fixture(scope="module")
def shared_tab(day: Day, browser: Browser) -> Iterator[Tab]:
    tab = Tab.open(browser, day.world)
    yield tab
    tab.close()


@pytest.fixture
def tab(shared_tab: Tab) -> Iterator[Tab]:
    """A signed-in page, 1280 pixels wide, in Copenhagen; an error or warning in its console fails the test."""
    shared_tab.troubles.clear()
    yield shared_tab
    shared_tab.page.set_viewport_size({"width": 1280, "height": 800})
    shared_tab.page.emulate_media(color_scheme="light", media="screen", reduced_motion="no-preference")
    assert shared_tab.troubles == []
