"""`./tps demo` plays its story on a real stack, and plays it again."""

import pytest

from tools import demo
from tps.local.embedded.stack import LocalStack


def test_the_demo_tells_parts_reasons_and_times_and_can_be_played_again(
    stack: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.run(stack)
    first = capsys.readouterr().out
    demo.run(stack)
    second = capsys.readouterr().out

    for told in (first, second):
        assert "12 assets in its grid" in told
        assert "1 asset more: changes are collected for a while" in told
        assert "North Grid sees 3 plans, and not whose they are: 840 kW together." in told
        assert "Alpha Energy   gets       300 kW, because it has 600 kW there:" in told
        assert "Beta Flex      gets       200 kW, because it has 400 kW there:" in told
        assert "Gamma Balance  gets       100 kW, because it has 200 kW there:" in told
        assert "The parts add up to 600 kW" in told
        assert "told of revision 2. Their parts are now 375 kW, 250 kW, 125 kW." in told
        assert "All operators are told that it is\nended" in told
        assert "Alpha Energy   was told to stop 1 asset after" in told
        assert "Gamma Balance  was told to stop 2 assets after" in told
        assert f"curl {stack.gateway_url}/dso/v1/flexibility-assets" in told
        day = told.partition("A living day")[2]
        begun, _, anew = day.partition("Alpha Energy plans less, Beta Flex plans more than its part.")
        anew, _, stopped = anew.partition("Emergency: North Grid stops 4 assets on feeder T17/F2")
        assert "Alpha Energy   plans more than its part" in begun
        assert "Beta Flex      plans more than its part" in anew
        assert "plans under a stop" in stopped
        assert "Repaired: North Grid ends the stop" in stopped
    assert "Beta Flex      plans more than its part" not in first.partition("Keys:")[0]
    assert "Alpha Energy   plans more than its part" not in first.partition("Alpha Energy plans less")[2]
