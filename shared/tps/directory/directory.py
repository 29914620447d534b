"""The Component Directory at work: its parts, the views of its callers, and the update of copies.

The function `component_directory` and the commands `./tps party ...` share this module.

Source: docs/adr/0015-the-component-directory.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tps.directory import applications
from tps.directory import entries as directory
from tps.directory.applications import Application
from tps.directory.entries import ECP_ROLE, Registered
from tps.domain.scope import DirectoryScope
from tps.endpoint import components
from tps.errors import NotFound
from tps.mades.directory import ComponentEntry

if TYPE_CHECKING:
    from tps.endpoint.components import OwnComponent
    from tps.mades.certificates import Authority
    from tps.stores.database import Transaction

EnterParty = Callable[["OwnComponent", tuple[str, ...]], None]
OpenTransaction = Callable[[], AbstractContextManager["Transaction"]]
GROUP_OF_ROLE = {"agr": "agr", "brp": "agr", "dso": "dso", "tps": "tps"}
NO_COMPONENT = "unknown component"


@dataclass(frozen=True, slots=True)
class Directory:
    """The parts of the directory.

    Attributes:
        code: The directory's own component code.
        broker: The broker's component code.
        platform: The component code of the platform's endpoint.
        transaction: Opens a transaction on the directory's own database.
        copies: Opens a transaction on a group's copy of the directory, by group. It contains the groups that run here,
            and always the platform's.
        authority: Reads the key that signs certificates. Only the directory has this key.
        enter_party: Enters an admitted party and its grid prefixes into the platform's registry.
        ttl_s: Time to live of a copy, in seconds.
    """

    code: str
    broker: str
    platform: str
    transaction: OpenTransaction
    copies: Mapping[str, OpenTransaction]
    authority: Callable[[], Authority]
    clock: Callable[[], datetime]
    ttl_s: float
    enter_party: EnterParty

    @property
    def everybodys(self) -> tuple[str, str, str]:
        """Components that every party sees beside its own."""
        return self.platform, self.broker, self.code

    def copy(self, entry: ComponentEntry, now: datetime) -> None:
        """Write an entry to the copies that are here and may contain this component."""
        for group, transaction in self.copies.items():
            if group in ("tps", entry.group) or entry.code in self.everybodys:
                with transaction() as tx:
                    components.put_entry(tx, entry, now)


@dataclass(frozen=True, slots=True)
class View:
    """The part of the directory that a viewer may see.

    Attributes:
        content_id: Rises with every change of the visible part, and with no other change.
        applications: The viewer's own application. All applications for the platform operator.
    """

    content_id: int
    components: tuple[Registered, ...]
    applications: tuple[Application, ...]


def view(directory_: Directory, scope: DirectoryScope) -> View:
    """Return the part of the directory that a viewer may see.

    A party sees itself, the platform, the broker and the directory. The platform operator sees everything.

    Source: docs/requirements.md, F1; docs/mades.md, "Paths".
    """
    with directory_.transaction() as tx:
        if scope.is_operator:
            visible, applied = directory.all_components(tx), applications.all_applications(tx)
        else:
            visible = directory.components_visible_to(tx, scope.party, directory_.everybodys)
            own = applications.application_of(tx, scope.party)
            applied = [own] if own else []
    content_id = sum(component.revision for component in visible) + sum(application.revision for application in applied)
    unapproved = tuple(application for application in applied if application.status != "approved")
    return View(content_id, tuple(visible), unapproved)


def find_visible(directory_: Directory, scope: DirectoryScope, code: str) -> Registered | Application:
    """Return the component with this code, or else the application for it, if this viewer may see it.

    Raises:
        NotFound: The code is unknown, or not visible to this caller. The same text for both.
    """
    seen = view(directory_, scope)
    for component in seen.components:
        if component.component.code == code:
            return component
    for application in seen.applications:
        if application.code == code:
            return application
    raise NotFound(NO_COMPONENT)


def for_change(tx: Transaction, code: str) -> Registered:
    """Return an endpoint's entry, locked for a change in this transaction.

    Raises:
        NotFound: There is no such component. The entries of the broker and the directory cannot be changed.
    """
    directory.lock(tx)
    registered = directory.component_for_change(tx, code)
    if registered is None or registered.component.role == ECP_ROLE:
        raise NotFound(NO_COMPONENT)
    return registered


def rewrite(directory_: Directory, tx: Transaction, changed: Registered, now: datetime) -> Registered:
    """Write a changed entry, also to the copies that are here. Return it as stored."""
    directory.change(tx, changed, now)
    directory_.copy(changed.entry, now)
    written = directory.component_for_change(tx, changed.component.code)
    assert written is not None
    return written


def with_entry(known: Registered, **changes: object) -> Registered:
    """Return the component with changes to its entry."""
    return replace(known, entry=replace(known.entry, **changes))  # type: ignore[arg-type]  # names are the entry's own
