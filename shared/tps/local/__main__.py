"""The command `tps` of the installed distribution, which may contain the client alone."""

import sys

from tps import __version__
from tps.local.extras import needed_extra


def main() -> None:
    """Run a command. If packages of the CLI are missing, name the extra that contains them."""
    if sys.argv[1:] == ["--version"]:
        print(f"tps {__version__}")
        return
    try:
        from tps.local.cli import main as run
    except ModuleNotFoundError as error:
        print(f"tps: {needed_extra(sys.argv[1:], error)}", file=sys.stderr)
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
