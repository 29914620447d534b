"""The pages in a real browser, on a running system."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.gui.day import DATE, Day
from tests.gui.tab import Tab
from tests.support.world import World, make_foreseen

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VIEWS = ("plans", "limits", "conflicts", "readiness")


def test_a_sign_in_link_works_once_and_leaves_no_trace(browser: Browser, day: Day) -> None:
    tab = Tab.open(browser, day.world, is_signed_in=False)
    address = tab.address()

    tab.page.goto(address)
    tab.has("nav a", "Plans")
    assert tab.page.evaluate("location.href") == f"{day.world.stack.gateway_url}/gui/"
    code = address.rpartition("=")[2]
    kept = tab.page.evaluate("JSON.stringify([{...localStorage}, document.cookie, document.referrer])")
    assert code not in kept
    tab.page.reload()
    tab.has("nav a", "Plans")

    other = tab.context.new_page()
    other.goto(address)
    other.get_by_text("This sign-in link was already used").wait_for()
    tab.close()


def test_a_token_of_another_role_is_refused(browser: Browser, day: Day) -> None:
    tab = Tab.open(browser, day.world, is_signed_in=False)
    tab.page.goto("/gui/")

    tab.page.get_by_label("Or paste an access token").fill(day.alpha.token)
    tab.page.get_by_role("button", name="Sign in").click()

    tab.has("h1", "Access denied (403)")
    tab.close()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_accessible_and_fits_a_phone(tab: Tab, day: Day, view: str) -> None:
    """axe-core checks names, contrast and roles. At the width of a phone the page does not scroll sideways."""
    tab.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    selected = f"&selected={day.north.code}/{day.limit}" if view == "limits" else ""
    tab.show(f"{view}?{day.link}{selected}")

    assert tab.serious() == []
    tab.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert tab.serious() == []
    tab.page.set_viewport_size({"width": 390, "height": 844})
    tab.until("document.documentElement.scrollWidth <= 390")


def test_plans_show_the_operators_and_their_assets(tab: Tab, day: Day) -> None:
    tab.show(f"plans?{day.link}")

    tab.has(".row .name", "Alpha Energy")
    tab.has(".legend", "2 of 2 assets have a plan")
    assert "200 kW" in (tab.page.locator(".chart").get_attribute("aria-label") or "") or "350 kW" in (
        tab.page.locator(".chart").get_attribute("aria-label") or ""
    )
    tab.page.get_by_role("button", name="Alpha Energy").click()
    tab.has(".row .id", day.alphas_asset)
    assert f"operator={day.alpha.code}" in tab.page.url
    tab.page.go_back()
    tab.has(".row .name", "Beta Balance")
    assert "operator=" not in tab.page.url


def test_a_limit_shows_its_parts_and_their_delivery(tab: Tab, day: Day) -> None:
    tab.show(f"limits?{day.link}")

    tab.page.locator(".row").get_by_role("button", name="Harbour Grid").click()
    details = tab.has(".details", "Alpha Energy")
    tab.has(".details .part", "300 kW")
    tab.has(".details .part", "200 kW")
    assert "Maintenance of station 17" in details.inner_text()
    tab.has(".delivery .is-done", "Delivered")
    tab.page.keyboard.press("Escape")
    details.wait_for(state="detached")
    assert tab.page.evaluate("document.activeElement.innerText") == "Harbour Grid"


def test_an_emergency_appears_without_a_reload(tab: Tab, day: Day) -> None:
    tab.show(f"plans?{day.link}")
    assert tab.page.locator(".emergency", has_text="Harbour Grid").count() == 0

    day.stop()

    tab.has(".emergency", "STOP by Harbour Grid").get_by_role("button", name="Show").click()
    tab.has(".bar.is-unforeseen", "STOP")
    assert tab.page.locator(".emergencies").get_attribute("role") == "alert"


def test_a_selected_limit_is_scrolled_into_view(tab: Tab, day: Day) -> None:
    slots = [(f"2099-05-01T{hour:02}:00:00Z", f"2099-05-01T{hour + 1:02}:00:00Z") for hour in range(20)]
    sent = [
        day.north.send_foreseen(
            make_foreseen([day.alphas_asset], available=[{"start": start, "end": end, "power_kw": 100}])
        )
        for start, end in slots
    ]
    tab.show(f"limits?dso={day.north.code}&day=2099-05-01&selected={day.north.code}/{sent[-1]['id']}")

    chosen = tab.has(".row .label", "22:00").bounding_box()
    rows = tab.page.locator(".rows").bounding_box()
    assert chosen is not None
    assert rows is not None
    assert rows["y"] <= chosen["y"] <= chosen["y"] + chosen["height"] <= rows["y"] + rows["height"]


def test_a_conflict_appears_and_disappears_with_the_operators_plan(tab: Tab, day: Day) -> None:
    tab.show(f"conflicts?{day.link}&operator={day.alpha.code}")
    tab.has(".empty", "No conflicts in this period")

    day.plan(440)
    sentence = "Between 08:00 and 16:00, Alpha Energy plans up to 140 kW more production than its part."
    tab.has(".row .sentence", sentence)
    assert "140 kW · 1,120 kWh" in tab.text(".row .excess")
    tab.has(".legend .assets", day.alphas_asset)
    assert tab.page.locator(".bar.is-excess").get_attribute("title") == "140 kW, 08:00 to 16:00 (06:00 to 14:00 UTC)"
    assert re.search("Planned 440 kW Part 300 kW Excess 140 kW, 1,120 kWh", tab.text(".legend dl"))

    day.plan(250)
    tab.has(".empty", "No conflicts in this period")


def test_the_first_announcement_is_shown_and_exported_beside_the_plan(tab: Tab, day: Day) -> None:
    day.plan(410)
    tab.show(f"plans?{day.link}&operator={day.alpha.code}")

    tab.has(".row", day.alphas_asset).locator(".changed", has_text="changed").wait_for()
    with tab.page.expect_download() as saved:
        tab.page.get_by_role("button", name="Export CSV").click()
    lines = saved.value.path().read_text("utf-8-sig").splitlines()
    assert f"{day.alphas_asset},{day.alpha.code},{DATE}T06:00:00Z,410,200" in lines


def test_a_link_restores_the_view_and_contains_no_token(tab: Tab, day: Day) -> None:
    tab.show(f"limits?{day.link}")
    tab.page.get_by_role("button", name="Zoom in").click()
    tab.page.locator(".row").get_by_role("button", name="Harbour Grid").click()
    tab.until("location.hash.includes('zoom-from') && location.hash.includes('selected')")
    link, ticks = tab.page.url, tab.text(".axis")
    token = tab.page.evaluate("JSON.parse(sessionStorage.getItem('tps-session')).token")

    assert token not in link
    tab.show("plans")
    tab.page.goto(link)
    tab.has(".details", "Alpha Energy")
    assert tab.text(".axis") == ticks


def test_the_timeline_works_by_keyboard(tab: Tab, day: Day) -> None:
    tab.show(f"plans?{day.link}")
    whole = tab.text(".axis")

    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate("document.activeElement.textContent") == "Skip to content"
    tab.page.locator(".axis").focus()
    tab.page.keyboard.press("+")
    tab.page.keyboard.press("+")
    tab.page.keyboard.press("ArrowRight")
    tab.until("location.hash.includes('zoom-from')")
    assert tab.text(".axis") != whole
    tab.page.keyboard.press("0")
    tab.until("!location.hash.includes('zoom-from')")
    assert tab.text(".axis") == whole


def test_drag_and_wheel_move_and_zoom(tab: Tab, day: Day) -> None:
    tab.show(f"plans?{day.link}")
    box = tab.page.locator(".chart").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)

    tab.page.mouse.move(*middle)
    tab.page.mouse.wheel(0, -400)
    tab.until("location.hash.includes('zoom-from')")
    zoomed = tab.page.url
    tab.page.mouse.down()
    tab.page.mouse.move(middle[0] + 120, middle[1], steps=4)
    tab.page.mouse.up()
    tab.until(f"location.href !== {zoomed!r}")


def test_a_lost_connection_is_shown_until_it_returns(browser: Browser, day: Day) -> None:
    tab = Tab.open(browser, day.world)
    tab.show(f"plans?{day.link}")

    tab.context.set_offline(True)
    tab.has(".live.is-lost", "No connection to the platform")
    tab.has(".row .name", "Alpha Energy")
    tab.context.set_offline(False)
    tab.has(".live.is-live", "Live")
    tab.close()


def test_an_error_of_the_platform_is_shown_and_retried(tab: Tab, day: Day) -> None:
    tab.show(f"plans?{day.link}")

    tab.context.route("**/tps/v1/schedules?*", lambda route: route.fulfill(status=500, body="no"))
    day.plan(333)
    tab.has(".live.is-lost", "The platform reports an error (status 500)")
    tab.has(".row .name", "Alpha Energy")
    tab.context.unroute("**/tps/v1/schedules?*")
    tab.has(".live.is-live", "Live")
    tab.troubles.clear()


def test_the_data_shown_is_exported_as_csv(tab: Tab, day: Day) -> None:
    tab.show(f"limits?{day.link}")

    with tab.page.expect_download() as saved:
        tab.page.get_by_role("button", name="Export CSV").click()

    lines = saved.value.path().read_text("utf-8-sig").splitlines()
    assert saved.value.suggested_filename == "tps-limits-2099-04-10.csv"
    assert lines[0].startswith("dso,id,revision,kind")
    assert any(line.startswith(f"{day.north.code},{day.limit},1,foreseen,active,production") for line in lines)


def test_an_empty_day_says_so(tab: Tab, day: Day) -> None:
    tab.show(f"limits?dso={day.north.code}&day=2098-01-01")
    tab.has(".empty", "No limits in this period")
    tab.show(f"conflicts?dso={day.north.code}&day=2098-01-01")
    tab.has(".empty", "No conflicts in this period")


def test_times_are_local_with_utc_as_a_tooltip(tab: Tab, day: Day) -> None:
    tab.show(f"limits?{day.link}")

    tick = tab.has(".axis .tick", "08:00")
    assert tick.get_attribute("title") == "2099-04-10 06:00 UTC"
    assert re.search(r"08:00 . 16:00", tab.text(".row .label"))


def test_a_print_has_no_controls(tab: Tab, day: Day) -> None:
    tab.show(f"plans?{day.link}")

    tab.page.emulate_media(media="print")

    assert not tab.page.locator(".tools").is_visible()
    assert tab.page.locator(".row .name", has_text="Alpha Energy").is_visible()


def test_readiness_shows_parties_and_their_open_items(tab: Tab, day: Day, world: World) -> None:
    idle = world.operator("Idle Power")
    tab.show("readiness")

    tab.has("tbody th", "Alpha Energy")
    row = tab.has("tbody tr", idle.code)
    assert "no assets" in row.inner_text()
