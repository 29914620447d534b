"""What every command of `./tps` on an installation needs: its data folder, and the stack that runs on it."""

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
    """The stack that runs on this folder, else its servers for as long as the block lasts."""
    from tps.host.stack import consumers, load_stack

    # Before the next import: from a wheel, the missing checkout must be named, not a missing package.
    functions = load_stack()
    from tps.local.embedded.stack import attach_or_start

    with attach_or_start(data, consumers=consumers(functions)) as stack:
        yield stack
