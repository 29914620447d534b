"""`./tps party list|approve|reject|revoke|path`: the directory of a data folder, for the platform operator."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tps.local.data_folder import data_option, opened_stack

if TYPE_CHECKING:
    from datetime import datetime

    from tps.directory.applications import Application
    from tps.directory.directory import Directory
    from tps.directory.entries import Registered
    from tps.domain.scope import DirectoryScope
    from tps.local.embedded.stack import LocalStack
    from tps.mades.paths import MessagePath

_CODE = click.argument("code")
_REASON = click.option("--reason", required=True, help="Stored, and visible to the party.")
_PARTY = click.option(
    "--party", "party_code", metavar="CODE", help="Party of the application, if several request one code."
)


@dataclass(frozen=True, slots=True)
class Opened:
    """The directory of a data folder, and the scope of the platform operator."""

    stack: LocalStack
    directory: Directory
    scope: DirectoryScope

    def component(self, code: str) -> str:
        """Return the code of a component, given its code or its party's; an unknown code is returned unchanged."""
        from tps.directory import entries as directory

        with self.directory.transaction() as tx:
            known = directory.registered(tx, code)
        return known.component.code if known else code


@contextmanager
def _opened(data: Path) -> Iterator[Opened]:
    from tps.domain.scope import DirectoryScope
    from tps.host.directory import directory_by_command
    from tps.host.services import utc_now
    from tps.host.settings import Settings
    from tps.local.onboarding import ensure_platform

    with opened_stack(data) as stack:
        ensure_platform(stack)
        settings = Settings.from_env(stack.environment())
        yield Opened(stack, directory_by_command(settings, utc_now), DirectoryScope(settings.platform_party, "tps"))


@click.command("list")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@data_option
def list_(*, is_json: bool, data: Path) -> None:
    """List parties and applications.

    A party is listed with its components, certificates and paths.
    """
    from tps.directory.directory import view

    with _opened(data) as opened:
        seen = view(opened.directory, opened.scope)
    listed = [*map(_component, seen.components), *map(_application, seen.applications)]
    if is_json:
        click.echo(json.dumps({"parties": listed}, indent=1, ensure_ascii=False))
        return
    for line in _lines(listed):
        click.echo(line)


def _component(registered: Registered) -> dict[str, Any]:
    own, entry = registered.component, registered.entry
    certificates = [
        {
            "id": certificate.certificate_id,
            "use": str(certificate.use),
            "valid_from": _text(certificate.valid_from),
            "valid_to": _text(certificate.valid_to),
        }
        for certificate in entry.certificates
    ]
    head = {"code": own.party, "role": own.role, "name": own.name, "component": own.code, "group": entry.group}
    return {
        **head,
        "status": registered.status,
        "certificates": certificates,
        "revoked_certificates": sorted(entry.revoked_certificates),
        "paths": [path_json(path) for path in entry.paths],
    }


def _application(application: Application) -> dict[str, Any]:
    contact = application.contact
    head = {"code": application.party, "role": application.role, "name": contact.organisation}
    person = {"person": contact.person, "email": contact.email, "phone": contact.phone}
    return {**head, "component": application.code, "status": application.status, **person}


def path_json(path: MessagePath) -> dict[str, Any]:
    """Return a path as a JSON object."""
    return {
        "message_type": path.message_type,
        "allowed_senders": None if path.allowed_senders is None else sorted(path.allowed_senders),
        "valid_from": _text(path.valid_from),
        "valid_to": None if path.valid_to is None else _text(path.valid_to),
    }


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _lines(listed: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield a table. The column VALID TO has the first end among the certificates in use."""
    rows = [("CODE", "ROLE", "STATUS", "COMPONENT", "VALID TO", "PATHS", "NAME")]
    for entry in listed:
        paths = ",".join(path["message_type"] for path in entry.get("paths", ()))
        valid_to = _newest_valid_to(entry.get("certificates", ()))
        head = (entry["code"], entry["role"], entry["status"], entry["component"])
        rows.append((*head, valid_to, paths, entry["name"]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _newest_valid_to(certificates: Iterable[dict[str, Any]]) -> str:
    """Return the earliest end among the newest certificates of each use."""
    newest: dict[str, str] = {}
    for certificate in certificates:
        use = certificate["use"]
        newest[use] = max(newest.get(use, ""), certificate["valid_to"])
    return min(newest.values(), default="")[:10]


@click.command("approve")
@_CODE
@_PARTY
@click.option(
    "--grid", multiple=True, metavar="PREFIX", help="Prefix of a DSO's connection point ids; may be repeated."
)
@data_option
def approve(*, code: str, party_code: str | None, grid: tuple[str, ...], data: Path) -> None:
    """Make an applicant a component, also at the broker. Prints one JSON object.

    CODE is the requested code, or the party's. Run this also after an approval by REST, to give the component its
    rights at the broker.
    """
    from tps.directory.admission import approve as admit

    with _opened(data) as opened:
        admitted = admit(opened.directory, opened.component(code), party=party_code, grid_prefixes=grid)
        group = admitted.entry.group
        opened.stack.allow_component(group, admitted.component.code)
        password = opened.stack.vault.password(f"nats.{group}")
    broker = {"nats_user": group, "nats_password": password} if "-" in group else {}
    click.echo(json.dumps({**_component(admitted), **broker}, indent=1, ensure_ascii=False))


@click.command("reject")
@_CODE
@_PARTY
@_REASON
@data_option
def reject(*, code: str, party_code: str | None, reason: str, data: Path) -> None:
    """Reject an application. The applicant can read the reason and apply again."""
    from tps.directory.admission import reject as reject_application

    with _opened(data) as opened:
        rejected = reject_application(opened.directory, code, reason, party=party_code)
    click.echo(json.dumps({**_application(rejected), "reason": reason}, indent=1, ensure_ascii=False))


@click.command("revoke")
@_CODE
@click.option(
    "--certificate",
    "certificate_id",
    metavar="ID",
    help="Only this certificate; by default the whole component, finally.",
)
@_REASON
@data_option
def revoke(*, code: str, certificate_id: str | None, reason: str, data: Path) -> None:
    """Revoke a component or one of its certificates. Messages that it signs from now on are refused."""
    from tps.directory.certification import revoke as revoke_component

    with _opened(data) as opened:
        revoked = revoke_component(opened.directory, opened.component(code), reason, certificate_id)
        if revoked.status == "revoked":
            opened.stack.forbid_component(revoked.entry.group, revoked.component.code)
    click.echo(json.dumps(_component(revoked), indent=1, ensure_ascii=False))


@click.group("path")
def path() -> None:
    """Manage a component's message paths.

    A path states a message type that the component accepts, and its senders.
    """


_FROM = click.option("--from", "valid_from", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]), help="In UTC, inclusive.")
_TO = click.option("--to", "valid_to", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]), help="In UTC, exclusive.")
_TYPE = click.argument("message_type", metavar="TYPE")


@path.command("list")
@_CODE
@data_option
def list_paths(*, code: str, data: Path) -> None:
    """Print the paths of a component, one JSON object per line."""
    from tps.directory.paths import paths_of

    with _opened(data) as opened:
        paths = paths_of(opened.directory, opened.scope, opened.component(code))
    for known in paths:
        click.echo(json.dumps(path_json(known)))


@path.command("add")
@_CODE
@_TYPE
@_FROM
@_TO
@click.option(
    "--sender", "senders", multiple=True, metavar="CODE", help="Sender that may use the path; by default the platform."
)
@data_option
def add_path(
    *,
    code: str,
    message_type: str,
    valid_from: datetime | None,
    valid_to: datetime | None,
    senders: tuple[str, ...],
    data: Path,
) -> None:
    """Add a path for a message type, for a prefix of message types followed by `*`, or for `*`. Prints all paths."""
    from tps.directory import paths as component_paths
    from tps.mades.paths import MessagePath

    with _opened(data) as opened:
        component, directory_ = opened.component(code), opened.directory
        new = MessagePath(
            receiver=component,
            allowed_senders=_senders(directory_, component, senders),
            message_type=message_type,
            valid_from=_utc(valid_from) or directory_.clock().replace(microsecond=0),
            valid_to=_utc(valid_to),
        )
        changed = component_paths.add_path(directory_, opened.scope, component, new)
    _say_paths(changed, directory_)


def _senders(directory_: Directory, component: str, senders: tuple[str, ...]) -> frozenset[str] | None:
    """Return the given senders; by default everybody for the platform, and the platform for other components."""
    if senders:
        return frozenset(senders)
    return None if component == directory_.platform else frozenset({directory_.platform})


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC

    return None if moment is None else moment.replace(tzinfo=UTC)


@path.command("remove")
@_CODE
@_TYPE
@_FROM
@data_option
def remove_path(*, code: str, message_type: str, valid_from: datetime | None, data: Path) -> None:
    """Remove the paths of a type, or the path with this start. Prints the remaining paths."""
    from tps.directory import paths as component_paths

    with _opened(data) as opened:
        changed = component_paths.remove_path(
            opened.directory,
            opened.scope,
            opened.component(code),
            message_type=message_type,
            valid_from=_utc(valid_from),
        )
    _say_paths(changed, opened.directory)


def _say_paths(changed: Registered, directory_: Directory) -> None:
    from tps.directory.paths import warnings_of

    for known in changed.entry.paths:
        click.echo(json.dumps(path_json(known)))
    for warning in warnings_of(changed.entry, changed.component.role, directory_.clock()):
        click.echo(f"tps: {warning['detail']}", err=True)


PARTY_COMMANDS: tuple[click.Command, ...] = (list_, approve, reject, revoke, path)
