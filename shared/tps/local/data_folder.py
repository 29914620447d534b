"""The data folder of a command of `./tps`, and the stack that runs on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack

data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=".tps", show_default=True, help="Data folder."
)


@contextmanager
def opened_stack(data: Path) -> Iterator[LocalStack]:
    """Yield the stack that runs on this folder. If none runs, start its servers for the block."""
    from tps.host.stack import consumers, load_stack

    # Before the next import: with a wheel, the error must name the missing checkout, not a missing package.
    functions = load_stack()
    from tps.local.embedded.stack import attach_or_start

    with attach_or_start(data, consumers=consumers(functions)) as stack:
        yield stack
