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

    for output in (first, second):
        assert "12 assets in its grid" in output
        assert "North Grid waits for changes, and receives 1 asset\nafter" in output
        assert "North Grid sees 3 plans without their operators: 840 kW together." in output
        assert "Alpha Energy   gets       300 kW, because it has 600 kW there:" in output
        assert "Beta Flex      gets       200 kW, because it has 400 kW there:" in output
        assert "Gamma Balance  gets       100 kW, because it has 200 kW there:" in output
        assert "The sum of the parts is exactly 600 kW." in output
        assert "receives revision 2. The parts are now 375 kW, 250 kW, 125 kW." in output
        assert "All operators receive the status\nended" in output
        assert "Alpha Energy   received the stop of 1 asset after" in output
        assert "Gamma Balance  received the stop of 2 assets after" in output
        assert f"curl {stack.gateway_url}/dso/v1/flexibility-assets" in output
        day = output.partition("A day that continues")[2]
        begun, _, anew = day.partition("Alpha Energy plans less, Beta Flex plans more than its part.")
        anew, _, stopped = anew.partition("Emergency: North Grid stops 4 assets on feeder T17/F2")
        assert "Alpha Energy   exceeds its part by" in begun
        assert "Beta Flex      exceeds its part by" in anew
        assert "plans power during a stop:" in stopped
        assert "After the repair, North Grid ends the stop" in stopped
    assert "Beta Flex      exceeds its part by" not in first.partition("Keys:")[0]
    assert "Alpha Energy   exceeds its part by" not in first.partition("Alpha Energy plans less")[2]
