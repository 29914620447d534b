"""The commands of `./tps` in a source checkout: those of `tps.local.cli`, and `demo` and `bench`."""

from pathlib import Path

import click

from tps.local.cli import commands, main, stack_options, up_of


@commands.command()
@stack_options
@click.option("--simbench", "is_real_size", is_flag=True, help="Play in SimBench's 17,505 assets (extra `simbench`).")
@click.option(
    "--grid-csv", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The same, read from a csv file."
)
def demo(*, data: Path, port: int, workers: int, is_real_size: bool, grid_csv: Path | None) -> None:
    """Start everything, seed a world, play a story, and print the GUI's address."""
    from tools import demo as story
    from tools.story.keys import pressed_keys
    from tools.story.world import real_world, small_world
    from tps.local.embedded.up import serve
    from tps.local.gui.address import address_of

    world = real_world(grid_csv) if is_real_size or grid_csv else small_world()
    serve(
        up_of(data, port, workers),
        then=lambda stack: story.run(stack, world, address=lambda: address_of(stack), keys=pressed_keys),
    )


@commands.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--json", "is_json", is_flag=True, help="One JSON object on standard output.")
@click.option("--seconds", type=click.FloatRange(min=1), help="How long `faults` and `power` break things.")
def bench(names: tuple[str, ...], is_json: bool, seconds: float | None) -> None:
    """Measure what docs/figures.md says: limits, schedules, changes, registration, overview, fairness, documents; all
    of these without a name.

    By name also: faults (every process killed in turn in the middle of traffic), power (all at once, and what was
    not synced is dropped) and silence (1,000 messages to a receiver that is down, over two restarts of the broker);
    they fail if anything was lost or done twice. And large: what one content of 50 MB takes; gui: how long the pages
    take in a browser (a Chromium, and the extra `dev`).
    """
    from tools.bench.suite import main as measure

    measure(names, is_json, seconds)


if __name__ == "__main__":
    main()
