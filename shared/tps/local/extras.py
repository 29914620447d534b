"""Which extra of the distribution a command needs. Imports nothing of another distribution, so that it always runs."""

from collections.abc import Sequence

# The other commands start or open the servers of the local stack.
_OF_PACKAGE = {"simbench": "simbench", "pytest": "dev"}
_OF_COMMAND = {"files": "server"}


def needed_extra(arguments: Sequence[str], error: ModuleNotFoundError) -> str:
    """Return the sentence for a person whose installation lacks a package.

    Args:
        arguments: Of the command line.
        error: Names the package.

    Raises:
        ModuleNotFoundError: `error` itself, if the missing module is our own.
    """
    package = (error.name or "").partition(".")[0]
    if package in ("", "tps", "tools", "functions"):
        raise error
    command = arguments[0] if arguments and not arguments[0].startswith("-") else ""
    extra = _OF_PACKAGE.get(package) or _OF_COMMAND.get(command, "embedded")
    return f"{f'tps {command}'.strip()} needs the extra '{extra}': pip install 'tps[{extra}]' ({package} is missing)"
