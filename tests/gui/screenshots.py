"""Take the pictures of docs/gui.md from a running demo: `python -m tests.gui.screenshots ADDRESS`.

ADDRESS is a sign-in link of `./tps gui address`. The pictures are written to docs/gui. If `pngquant` is installed, it
reduces their size.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tools.bench.browser import find_chromium

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "gui"
SIZES = {1280: 800, 1920: 1080, 390: 844}
VIEWS = ("plans", "limits", "conflicts", "readiness")


def main(address: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = _signed_in(browser, address)
        for width, height in SIZES.items():
            for scheme in ("light", "dark"):
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                for view in VIEWS:
                    _take(page, view, f"{view}-{width}-{scheme}.png")
        browser.close()
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--ext", ".png", "--strip", *FOLDER.glob("*.png")], check=True)


def _signed_in(browser: Browser, address: str) -> Any:
    page = browser.new_context(timezone_id="Europe/Copenhagen", locale="en-GB").new_page()
    page.goto(address)
    page.wait_for_selector("nav")
    return page


def _take(page: Any, view: str, name: str) -> None:
    if view == "conflicts":
        # After this answer the chart shows the plan over the whole period.
        with page.expect_response("**/conflicts/*/assets?*"):
            page.locator("nav a[href^='#conflicts']").click()
    else:
        page.locator(f"nav a[href^='#{view}']").click()
    page.wait_for_selector(".row, .cards, .empty:not(.loading)")
    if view == "limits" and page.locator(".details").count() == 0:
        page.locator(".row button.name").last.click()
        page.wait_for_selector(".details .delivery")
    page.wait_for_load_state("load")
    # The canvases are drawn in the frame after the answer.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.screenshot(path=FOLDER / name)


if __name__ == "__main__":
    main(sys.argv[1])
