"""The extra of the distribution that a command needs. Imports no other distribution, so that it always runs."""

from collections.abc import Sequence

# The other commands start or open the servers of the local stack.
_OF_PACKAGE = {"simbench": "simbench", "pytest": "dev"}
_OF_COMMAND = {"files": "server"}


def needed_extra(arguments: Sequence[str], error: ModuleNotFoundError) -> str:
    """Return the error text for an installation without a needed package.

    Args:
        arguments: Arguments of the command line.
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
