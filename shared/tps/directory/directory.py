"""The Component Directory at work: what it is made of, who sees what of it, and how copies are kept up.

What the function `component_directory` and the commands `./tps party ...` share.
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
    """What the directory works with.

    Attributes:
        code: Its own component code.
        broker: The broker's.
        platform: That of the platform's endpoint.
        transaction: On its own database.
        copies: By group: a transaction where that group keeps its copy of the directory, of the groups that run here;
            the platform's is always among them.
        authority: Reads the key that certificates are signed with; nobody else has it.
        enter_party: Enters an admitted party and its grid prefixes into the platform's registry.
        ttl_s: How long a copy may be used without being synchronised.
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
        """Bring the copies that are here, and may hold this component, up to date."""
        for group, transaction in self.copies.items():
            if group in ("tps", entry.group) or entry.code in self.everybodys:
                with transaction() as tx:
                    components.put_entry(tx, entry, now)


@dataclass(frozen=True, slots=True)
class View:
    """What one viewer may see.

    Attributes:
        content_id: Rises with every change of what this viewer may see, and with nothing else.
        applications: The viewer's own; all for the platform operator.
    """

    content_id: int
    components: tuple[Registered, ...]
    applications: tuple[Application, ...]


def view(directory_: Directory, scope: DirectoryScope) -> View:
    """All that a viewer may see: a party itself, the platform, broker and directory; the platform operator everything.

    Source: F1; docs/mades.md, "Paths".
    """
    with directory_.transaction() as tx:
        if scope.is_operator:
            seen, asked = directory.all_components(tx), applications.all_applications(tx)
        else:
            seen = directory.components_visible_to(tx, scope.party, directory_.everybodys)
            own = applications.application_of(tx, scope.party)
            asked = [own] if own else []
    content_id = sum(each.revision for each in seen) + sum(each.revision for each in asked)
    return View(content_id, tuple(seen), tuple(each for each in asked if each.status != "approved"))


def find_visible(directory_: Directory, scope: DirectoryScope, code: str) -> Registered | Application:
    """A component by its code, else the application for it, if this viewer may see it.

    Raises:
        NotFound: Unknown, or not visible to this caller; the same text for both.
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
    """An endpoint's entry that this transaction is about to change.

    Raises:
        NotFound: No such component; the broker and the directory themselves are nobody's to change.
    """
    directory.lock(tx)
    found = directory.component_for_change(tx, code)
    if found is None or found.component.role == ECP_ROLE:
        raise NotFound(NO_COMPONENT)
    return found


def rewrite(directory_: Directory, tx: Transaction, changed: Registered, now: datetime) -> Registered:
    """Write a changed entry, to the copies that are here, too; returns it as it stands now."""
    directory.change(tx, changed, now)
    directory_.copy(changed.entry, now)
    written = directory.component_for_change(tx, changed.component.code)
    assert written is not None
    return written


def with_entry(known: Registered, **changes: object) -> Registered:
    """The same component with another entry."""
    return replace(known, entry=replace(known.entry, **changes))  # type: ignore[arg-type]  # names are the entry's own
