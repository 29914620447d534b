"""The GUI in a real browser (headless Chromium): the time until a view is painted, and the frame times while it moves.

A view counts as painted when its rows are painted, measured from the start of the navigation with an empty cache. The
frame time is that of long animation frames: from the first task of a frame to its rendering, if longer than 50 ms. The
time between frames shows what a person sees.
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
    """Measure first views, and frames during zooming and moving, of each view with all data."""
    with open_http() as http, open_browser() as browser:
        watched = make_watched(stack, http, sizes, _STORY)
        publish_here(stack)
        return list(look(stack, browser, watched, sizes.rounds))


def look(stack: LocalStack, browser: Browser, watched: Watched, rounds: int) -> Iterator[Figure]:
    """Yield all figures of an existing day; each view is opened, zoomed and moved `rounds` times."""
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
        yield Figure("gui", f"{view} of all painted, first", times[0], "ms")
        yield Figure("gui", f"{view} of all painted, again", min(times[1:]), "ms")
    with _tab(stack, browser) as page:
        page.goto(f"{stack.gateway_url}/gui/")
        page.wait_for_selector("nav")
        yield Figure("gui", "pages, styles, modules and libraries, compressed", page.evaluate(_WEIGHT) / 1000, "kB")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a headless Chromium of this machine.

    Raises:
        NotFound: Chromium or playwright is missing.
    """
    program = find_chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NotFound("playwright is missing; install the extra `dev`") from None
    if program is None:
        raise NotFound("Chromium is missing; on Debian: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine, or None."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@contextmanager
def _tab(stack: LocalStack, browser: Browser) -> Iterator[Page]:
    """Open a page with an empty cache, signed in by a sign-in link."""
    context = browser.new_context(viewport=_SIZE, timezone_id="Europe/Copenhagen", locale="en-GB")
    context.set_default_timeout(60_000)
    first = context.new_page()
    first.goto(f"{stack.gateway_url}/gui/#sign-in={new_code(sign_in_folder(stack.keys_dir))}")
    first.wait_for_selector("nav")
    token = first.evaluate("sessionStorage.getItem('tps-session')")
    first.close()
    page = context.new_page()
    page.add_init_script(f"sessionStorage.setItem('tps-session', {json.dumps(token)})")
    session = context.new_cdp_session(page)
    session.send("Network.clearBrowserCache")
    yield page
    context.close()


def _moved(page: Page, view: str, count: int) -> Iterator[Figure]:
    """Measure wheel zooms over the axis, in and out, then a drag to and fro."""
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
    frames = page.evaluate(_FRAMES)
    between = sorted(frames["between"])
    yield Figure("gui", f"{name}: frames over 50 ms", len(frames["long"]), f"of {len(between)}")
    yield Figure("gui", f"{name}: the longest of these", max(frames["long"], default=0), "ms")
    yield Figure("gui", f"{name}: from frame to frame, p50", between[len(between) // 2], "ms")
    yield Figure("gui", f"{name}: from frame to frame, longest", between[-1], "ms")
