"""The GUI in a real browser (headless Chromium): how long until a view stands, and how long frames take while it moves.

A view stands when its rows are painted, counted from the start of the navigation, nothing in the browser's cache. A
frame's time is what the browser tells of long animation frames: from the first task of a frame to its rendering, if it
took more than 50 ms; beside it what a person waits from frame to frame.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tools.bench.figures import Figure, Sizes
from tools.bench.watched import Watched, make_watched
from tools.story.actor import open_http
from tps.errors import NotFound
from tps.local.embedded.environment import sign_in_folder
from tps.local.gui.address import publish_here
from tps.local.gui.sign_in import new_code

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

    from tps.local.embedded.stack import LocalStack

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VIEWS = ("plans", "limits", "conflicts")
_STORY = 86
_OPENED = 5
_SIZE: ViewportSize = {"width": 1280, "height": 800}
_WATCH_FRAMES = """() => {
  window.tpsFrames = {long: [], between: [], last: 0, on: true};
  window.tpsObserver = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) tpsFrames.long.push(entry.duration);
  });
  tpsObserver.observe({type: "long-animation-frame"});
  const next = (now) => {
    if (tpsFrames.last) tpsFrames.between.push(now - tpsFrames.last);
    tpsFrames.last = now;
    if (tpsFrames.on) requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""
_FRAMES = "() => { tpsFrames.on = false; tpsObserver.disconnect(); return tpsFrames; }"
_PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
_WEIGHT = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
  .filter((entry) => !entry.name.includes("/tps/v1/")).reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""


def gui(stack: LocalStack, sizes: Sizes) -> list[Figure]:
    """First views, and frames in zooming and moving, of each view with everything in it."""
    with open_http() as http, open_browser() as browser:
        watched = make_watched(stack, http, sizes, _STORY)
        publish_here(stack)
        return list(look(stack, browser, watched, sizes.rounds))


def look(stack: LocalStack, browser: Browser, watched: Watched, rounds: int) -> Iterator[Figure]:
    """All figures of a day that is there; each view is opened, zoomed and moved so often."""
    window = f"from={watched.start:%Y-%m-%dT%H:%MZ}&to={watched.end:%Y-%m-%dT%H:%MZ}"
    for view in VIEWS:
        address, times = f"{stack.gateway_url}/gui/#{view}?{window}", []
        for number in range(min(rounds, _OPENED)):
            with _tab(stack, browser) as page:
                page.goto(address)
                page.wait_for_selector(".row")
                times.append(page.evaluate(_PAINTED))
                if number == 0:
                    yield from _moved(page, view, 2 * rounds)
        yield Figure("gui", f"{view} of all stand, first", times[0], "ms")
        yield Figure("gui", f"{view} of all stand, again", min(times[1:]), "ms")
    with _tab(stack, browser) as page:
        page.goto(f"{stack.gateway_url}/gui/")
        page.wait_for_selector("nav")
        yield Figure("gui", "pages, styles, modules and libraries, compressed", page.evaluate(_WEIGHT) / 1000, "kB")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless Chromium of this machine.

    Raises:
        NotFound: There is none, or nothing to drive it.
    """
    program = find_chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NotFound("playwright is missing: it comes with the extra `dev`") from None
    if program is None:
        raise NotFound("no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def find_chromium() -> str | None:
    """The path of a Chromium that this machine has."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextmanager
def _tab(stack: LocalStack, browser: Browser) -> Iterator[Page]:
    """A page of a browser that has seen nothing yet, signed in by an address."""
    context = browser.new_context(viewport=_SIZE, timezone_id="Europe/Copenhagen", locale="en-GB")
    context.set_default_timeout(60_000)
    first = context.new_page()
    first.goto(f"{stack.gateway_url}/gui/#sign-in={new_code(sign_in_folder(stack.keys_dir))}")
    first.wait_for_selector("nav")
    held = first.evaluate("sessionStorage.getItem('tps-session')")
    first.close()
    page = context.new_page()
    page.add_init_script(f"sessionStorage.setItem('tps-session', {json.dumps(held)})")
    session = context.new_cdp_session(page)
    session.send("Network.clearBrowserCache")
    yield page
    context.close()


def _moved(page: Page, view: str, count: int) -> Iterator[Figure]:
    """The wheel over the axis, in and out; then a drag to and fro."""
    axis = page.locator(".axis").bounding_box()
    assert axis is not None
    x, y = axis["x"] + axis["width"] * 0.6, axis["y"] + axis["height"] / 2
    page.mouse.move(x, y)
    wheel = [partial(page.mouse.wheel, 0, -40 if move < count / 2 else 40) for move in range(count)]
    yield from _frames(page, f"{view}, zooming", wheel)
    page.mouse.wheel(0, -600)
    page.mouse.down()
    drag = [partial(page.mouse.move, x + 150 * ((move % 20) / 10 - 1), y) for move in range(count)]
    yield from _frames(page, f"{view}, moving", drag)
    page.mouse.up()


def _frames(page: Page, name: str, acts: Sequence[Callable[[], object]]) -> Iterator[Figure]:
    page.evaluate(_WATCH_FRAMES)
    for act in acts:
        act()
    page.evaluate(_PAINTED)
    found = page.evaluate(_FRAMES)
    between = sorted(found["between"])
    yield Figure("gui", f"{name}: frames over 50 ms", len(found["long"]), f"of {len(between)}")
    yield Figure("gui", f"{name}: the longest of these", max(found["long"], default=0), "ms")
    yield Figure("gui", f"{name}: from frame to frame, p50", between[len(between) // 2], "ms")
    yield Figure("gui", f"{name}: from frame to frame, longest", between[-1], "ms")
