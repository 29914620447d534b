"""The commands of `./tps`. Each command imports its heavy modules itself, so that `--help` is fast."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from tps import __version__
from tps.host.stack import CheckoutMissing, checkout
from tps.local.data_folder import data_option, opened_stack
from tps.local.dead_letters import dead_letters
from tps.local.extras import needed_extra
from tps.local.party_commands import PARTY_COMMANDS

if TYPE_CHECKING:
    from tps.local.embedded.up import Up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="tps %(version)s")
def commands() -> None:
    """Run the Trade Permission System on one machine."""


def stack_options(command: Callable[..., None]) -> Callable[..., None]:
    workers = click.option(
        "--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Number of worker processes."
    )
    port = click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=8080,
        show_default=True,
        help="Port of the gateway; 0 takes a free port.",
    )
    return data_option(port(workers(command)))


@commands.command()
@stack_options
def up(data: Path, port: int, workers: int) -> None:
    """Start the whole system. `ready URL` on standard output means that it runs. Ctrl-C stops it."""
    from tps.local.embedded.up import serve
    from tps.local.gui.address import tell_address

    serve(replace(up_of(data, port, workers), beside=tell_address))


def up_of(data: Path, port: int, workers: int) -> "Up":
    """Return what `./tps up` starts on a data folder."""
    checkout()
    from tps.local.embedded.up import Up
    from tps.local.onboarding import ensure_platform

    return Up(data=data, port=port, workers=workers, consumers=_consumers(), prepare=ensure_platform)


def _consumers() -> tuple[tuple[str, str], ...]:
    from tps.host.stack import consumers, load_stack

    return consumers(load_stack())


@commands.group()
def party() -> None:
    """Manage parties and their components."""


@party.command("add")
@click.option("--role", type=click.Choice(["dso", "agr", "brp"]), required=True)
@click.option("--id", "code", required=True, help="Code of the party: GLN or EIC.")
@click.option("--name", required=True)
@click.option(
    "--grid", multiple=True, metavar="PREFIX", help="Prefix of a DSO's connection point ids; may be repeated."
)
@data_option
def add_party(*, role: str, code: str, name: str, grid: tuple[str, ...], data: Path) -> None:
    """Onboard a party. Prints one JSON object with the password, which is not shown again."""
    from tps.local import onboarding

    with opened_stack(data) as stack:
        added = onboarding.add_party(stack, role=role, code=code, name=name, grid_prefixes=grid)
    click.echo(json.dumps(added, ensure_ascii=False))


@party.command("renew")
@click.argument("code", metavar="CODE")
@data_option
def renew_party(code: str, data: Path) -> None:
    """Issue new keys and certificates for a component now. Endpoints do this themselves 60 days before expiry."""
    from tps.local import renewal

    with opened_stack(data) as stack:
        renewed = renewal.renew_party(stack, code)
    click.echo(json.dumps(renewed))


@commands.command()
@click.argument("party_code", metavar="PARTY")
@data_option
def token(party_code: str, data: Path) -> None:
    """Print a bearer token for a party."""
    from tps.local import tokens

    with opened_stack(data) as stack:
        issued = tokens.issue(stack, party_code)
    click.echo(issued)


@commands.command()
@click.option("--component", required=True, metavar="CODE", help="Component code, which is also the user name.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder that contains OUT, IN, ...",
)
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="URL of the endpoint.")
@click.option(
    "--password-file", type=click.File(), help="File with the component's password; by default TPS_COMPONENT_PASSWORD."
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=0.1),
    default=2,
    show_default=True,
    metavar="SECONDS",
    help="Pause between two rounds.",
)
def files(*, component: str, folder: Path, url: str, password_file: IO[str] | None, every_s: float) -> None:
    """Exchange messages as files until Ctrl-C.

    Files in OUT are sent. Received messages appear in IN (docs/how-to-files.md).
    """
    from tps.local.files import exchange

    password = password_file.read() if password_file else os.environ.get("TPS_COMPONENT_PASSWORD", "")
    exchange.serve(url=url, component=component, password=password.strip(), folder=folder, every_s=every_s)


@commands.group()
def gui() -> None:
    """Use the demonstration GUI."""


@gui.command("address")
@data_option
def gui_address(data: Path) -> None:
    """Print a sign-in link that works once, within one hour. The stack must run."""
    from tps.local.gui.address import address_of

    with opened_stack(data) as stack:
        if not stack.gateway_url:
            raise click.ClickException(f"no stack runs on {data}; start it with ./tps up")
        address = address_of(stack)
    if address is None:
        sys.exit(1)
    click.echo(address)


@gui.command("publish")
@click.option(
    "--cluster", "is_cluster", is_flag=True, help="Publish to TPS_S3_URL, with sign-in by OIDC (TPS_GUI_...)."
)
@data_option
def gui_publish(is_cluster: bool, data: Path) -> None:
    """Publish the GUI again, to the stack that runs here or to the object store of a cluster."""
    checkout()
    from tps.local.gui.address import publish_here
    from tps.local.gui.cluster import publish_there

    if is_cluster:
        publish_there(os.environ)
        return
    with opened_stack(data) as stack:
        if not stack.gateway_url:
            raise click.ClickException(f"no stack runs on {data}; start it with ./tps up, which publishes the GUI")
        publish_here(stack)


@commands.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port of the gateway.")
@click.option("--from", "sender", metavar="CODE", help="Send a connectivity test from this component.")
@click.option(
    "--to", "receiver", metavar="CODE", help="Send it to this component. Default for either end: the platform."
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@data_option
def doctor(*, port: int, sender: str | None, receiver: str | None, is_json: bool, data: Path) -> None:
    """Check the installation for problems.

    Prints a remedy for each problem. Exit code 1 means a problem.
    """
    from tps.local.doctor import report

    results = report.examined(data, port, sender, receiver)
    click.echo(report.as_json(results) if is_json else "\n".join(report.as_lines(results)))
    sys.exit(0 if report.is_well(results) else 1)


@commands.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the tests. Arguments are passed to pytest."""
    checkout()
    sys.exit(_pytest(arguments))


def _pytest(arguments: tuple[str, ...]) -> int:
    from importlib.util import find_spec

    if find_spec("pytest") is None:
        raise ModuleNotFoundError(name="pytest")
    # One process more than cores, because tests often wait: for ticks, windows and restarts.
    processes = (
        [] if any(argument.startswith("-n") for argument in arguments) else ["-n", str((os.cpu_count() or 1) + 1)]
    )
    return _run([sys.executable, "-m", "pytest", *processes, *arguments])


def _run(command: list[str]) -> int:
    return subprocess.run(command, cwd=checkout(), check=False).returncode


@commands.command()
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check(arguments: tuple[str, ...]) -> None:
    """Run the checks of CI.

    These are format, lint, types, rendered files and tests.
    """
    checkout()
    python = [sys.executable, "-m"]
    steps: dict[str, Callable[[], int]] = {
        "format": lambda: _run([*python, "ruff", "format", "--check", "."]),
        "lint": lambda: _run([*python, "ruff", "check", "."]),
        "types": lambda: _run([*python, "mypy"]),
        "rendered files": lambda: _run([*python, "tps.local.cli", "render", "--check"]),
        "tests": lambda: _pytest(arguments),
    }
    failed = [name for name, step in steps.items() if not _passes(name, step)]
    click.echo(f"tps check: {'failed: ' + ', '.join(failed) if failed else 'all passed'}", err=True)
    sys.exit(1 if failed else 0)


def _passes(name: str, step: Callable[[], int]) -> bool:
    click.echo(f"== {name}", err=True)
    code = step()
    click.echo(f"== {name}: {'passed' if code == 0 else f'FAILED ({code})'}", err=True)
    return code == 0


@commands.command()
@click.option("--check", "is_check", is_flag=True, help="Write nothing. Fail if a rendered file is out of date.")
def render(is_check: bool) -> None:
    """Write the rendered files.

    They derive from stack.yml and from the RAML files.
    """
    checkout()
    from tps.local import render as rendering

    sys.exit(rendering.main(is_check))


commands.add_command(dead_letters)
for _command in PARTY_COMMANDS:
    party.add_command(_command)


def main() -> None:
    """Run a command. Print an error that the user can correct in one line, and exit with code 1 or 2."""
    from tps.errors import TpsError
    from tps.host.settings import SettingMissing

    try:
        commands.main(prog_name="tps", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (TpsError, SettingMissing) as error:
        sys.exit(_complaint(str(error)))
    except CheckoutMissing as error:
        click.echo(_complaint(str(error)), err=True)
        sys.exit(2)
    except ModuleNotFoundError as error:
        click.echo(_complaint(needed_extra(sys.argv[1:], error)), err=True)
        sys.exit(2)
    except PermissionError as error:
        sys.exit(_complaint(f"no access to {error.filename or 'a file'}: {error.strerror}"))


def _complaint(text: str) -> str:
    return f"tps: {text}"


if __name__ == "__main__":
    main()
