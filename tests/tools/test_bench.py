"""Benches run at tiny sizes. `./tps bench` prints the durations; no test asserts them."""

import json

import pytest
from click.testing import CliRunner

from tools.bench import suite
from tools.bench.browser import find_chromium
from tools.bench.figures import Figure, Sizes, machine, quantiles
from tools.cli import bench
from tps.local.embedded.stack import LocalStack
from tps.local.gui.libraries import LibrariesMissing

TINY = Sizes(assets=6, operators=(2,), updated=2, planned=4, rounds=2, watched=2, watched_limits=2, large_mb=1)


@pytest.mark.parametrize("name", suite.SERVED)
def test_a_bench_that_needs_servers_measures_something(stack: LocalStack, name: str) -> None:
    figures = suite.SERVED[name](stack, TINY)

    assert {figure.bench for figure in figures} == {name}
    assert all(figure.value > 0 for figure in figures)


def test_what_one_large_content_takes_is_measured(stack: LocalStack) -> None:
    figures = suite.ALONE["large"](stack, TINY)

    assert {"1 MB: SendMessage", "a worker, peak while it is given out"} <= {figure.name for figure in figures}


def test_how_long_the_gui_takes_is_measured_in_a_browser(stack: LocalStack) -> None:
    if find_chromium() is None:
        pytest.skip("Chromium is missing; on Debian: apt-get install chromium")

    try:
        figures = suite.ALONE["gui"](stack, TINY)
    except LibrariesMissing as error:
        pytest.skip(f"the GUI cannot be published here: {error}")

    values = {figure.name: figure.value for figure in figures}
    assert all(values[f"{view} of all painted, first"] > 0 for view in ("plans", "limits", "conflicts"))
    assert 0 < values["pages, styles, modules and libraries, compressed"] < 150


@pytest.mark.parametrize("name", suite.PURE)
def test_a_bench_without_servers_measures_something(name: str) -> None:
    figures = suite.PURE[name](TINY)

    assert {figure.bench for figure in figures} == {name}
    assert all(figure.value > 0 for figure in figures)


def test_figures_come_as_json_with_the_machine_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "Sizes", lambda: TINY)

    result = CliRunner().invoke(bench, ["fairness", "--json"])

    values = json.loads(result.stdout)
    assert values["machine"] == machine()
    assert [figure["name"] for figure in values["figures"]] == ["one interval divided by 6 weights"]


def test_a_bench_that_does_not_exist_is_named_beside_those_that_do() -> None:
    result = CliRunner().invoke(bench, ["speed"])

    assert result.exit_code != 0
    assert (
        "unknown bench speed; known: fairness, documents, registration, limits, schedules, changes, overview"
        in result.output
    )


def test_quantiles_are_the_median_and_the_longest_of_few() -> None:
    figures = quantiles("limits", "reached", [0.4, 0.1, 0.2])

    assert figures == [
        Figure("limits", "reached, p50", 200.0, "ms"),
        Figure("limits", "reached, p99", 400.0, "ms"),
    ]
