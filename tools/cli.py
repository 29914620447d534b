"""The commands of `./tps` in a source checkout: those of `tps.local.cli`, and `demo` and `bench`."""

from pathlib import Path

import click

from tps.local.cli import commands, main, stack_options, up_of


@commands.command()
@stack_options
@click.option("--simbench", "is_real_size", is_flag=True, help="Use the 17,505 assets of SimBench (extra `simbench`).")
@click.option(
    "--grid-csv",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Use the assets of SimBench from a csv file.",
)
def demo(*, data: Path, port: int, workers: int, is_real_size: bool, grid_csv: Path | None) -> None:
    """Start the system and play a story.

    The demo creates parties and assets, and prints the address of the GUI.
    """
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
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--seconds", type=click.FloatRange(min=1), help="Duration of the faults in `faults` and `power`.")
def bench(names: tuple[str, ...], is_json: bool, seconds: float | None) -> None:
    """Measure the figures of docs/figures.md.

    Without a name: limits, schedules, changes, registration, overview, fairness, documents.

    By name also: faults (kills every process in turn under traffic), power (ends all processes and drops unsynced data)
    and silence (1,000 messages to a receiver that is down, over two restarts of the broker). These fail if a message
    was lost or processed twice. And large (one content of 50 MB) and gui (page times in Chromium; needs the extra
    `dev`).
    """
    from tools.bench.suite import main as measure

    measure(names, is_json, seconds)


if __name__ == "__main__":
    main()
