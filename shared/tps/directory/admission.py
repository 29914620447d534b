"""Who becomes a component: applications, and what the platform operator says to them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tps.directory import applications
from tps.directory import entries as directory
from tps.directory.applications import Application
from tps.directory.directory import GROUP_OF_ROLE, Directory
from tps.directory.entries import Registered
from tps.domain.scope import DirectoryScope
from tps.endpoint.components import OwnComponent
from tps.errors import Conflict, Finding, Forbidden, NotFound, RuleBroken
from tps.mades.applicant import Contact, PublicKeys, contact_findings, read_public_keys, wished_code_findings
from tps.mades.certificate import Certificate, CertificateUse
from tps.mades.directory import ComponentEntry
from tps.mades.keys import load_public_key
from tps.mades.paths import MessagePath

if TYPE_CHECKING:
    from tps.stores.database import Transaction


def apply(
    directory_: Directory, scope: DirectoryScope, *, code: str, contact: Contact, pems: dict[str, str]
) -> tuple[Application, bool]:
    """Take a party's application; the same again changes nothing, another one replaces what is not decided.

    A code that another party has or wishes is taken like any other: only the platform operator sees that it cannot be.

    Returns:
        The application, and whether it is new or changed.

    Raises:
        RuleBroken: `check_digit`, `A59`, `bad_key`: the applicant must correct it.
        Conflict: `taken`: the party is a component already, or the code is one of those that everybody sees.
        Forbidden: The platform operator has its component.
    """
    if scope.is_operator:
        raise Forbidden("the platform operator cannot apply for a component; the platform already has one")
    findings = [*wished_code_findings(code, scope.party), *contact_findings(contact)]
    if findings:
        raise RuleBroken(findings[0].detail, findings)
    now = directory_.clock()
    wanted = Application(scope.party, scope.role, code, contact, read_public_keys(pems), now, now)
    with directory_.transaction() as tx:
        directory.lock(tx)
        known = applications.application_of(tx, scope.party)
        if known is not None and known.status != "rejected" and known.says_the_same(wanted):
            return known, False
        _check_free(directory_, tx, wanted)
        return applications.put_application(tx, wanted), True


def _check_free(directory_: Directory, tx: Transaction, wanted: Application) -> None:
    """By what the applicant may see alone."""
    if directory.component_of(tx, wanted.party) is not None:
        raise _taken("the party already has a component; renew its certificates, or ask the platform operator")
    if wanted.code in directory_.everybodys:
        raise _taken("this code is not available; choose another code")


def _taken(detail: str) -> Conflict:
    return Conflict(detail, [Finding("taken", "/code", detail)])


def approve(
    directory_: Directory, code: str, *, party: str | None = None, grid_prefixes: tuple[str, ...] = ()
) -> Registered:
    """Make an applicant a component: three certificates, a path from the platform, its place in the registry.

    Its keys are its own, so it runs its own group (`agr-PARTY`, `dso-PARTY`). Again, it changes nothing.

    Args:
        code: The component code applied for, or the party's.
        party: Whose application, where several wish the same code.
        grid_prefixes: How a DSO's connection points begin.

    Raises:
        NotFound: Nobody applied.
        Conflict: `taken`: another component has the code, or it was revoked; or several wish it and none was named.
        RuleBroken: Grid prefixes for another role than dso.
    """
    now = directory_.clock()
    with directory_.transaction() as tx:
        directory.lock(tx)
        application = _the_one(tx, code, party, ("applied", "approved"))
        known = directory.component_of(tx, application.party)
        if known is not None:
            return _still_active(known)
        _check_approvable(tx, application, grid_prefixes)
        new = _admitted(directory_, application, now)
        _enter(directory_, new, grid_prefixes, now)
        directory.register(tx, new, now)
        registered = directory.component_of(tx, application.party)
    assert registered is not None
    return registered


def _still_active(known: Registered) -> Registered:
    if known.status == "revoked":
        raise _taken("the component is revoked, which cannot be undone")
    return known


def _the_one(tx: Transaction, code: str, party: str | None, statuses: tuple[str, ...]) -> Application:
    found = [each for each in applications.applications_for(tx, code) if each.status in statuses]
    found = [each for each in found if party in (None, each.party)]
    if not found:
        raise NotFound("no open application has this code")
    if len(found) > 1:
        raise Conflict(
            "several parties applied for this code",
            [Finding("taken", "/party", "party must name one of the applicants")],
        )
    return found[0]


def _check_approvable(tx: Transaction, application: Application, grid_prefixes: tuple[str, ...]) -> None:
    if grid_prefixes and application.role != "dso":
        raise RuleBroken(
            "only DSOs have grid prefixes", [Finding("A59", "/grid_prefixes", "only DSOs have grid prefixes")]
        )
    if directory.registered(tx, application.code) is not None:
        raise _taken("another component already has this code; reject the application")


def _admitted(directory_: Directory, application: Application, now: datetime) -> Registered:
    """The entry of an applicant, with certificates for the keys it applied with."""
    organisation = application.contact.organisation
    certificates = certify(directory_, application.code, organisation, application.keys)
    path = MessagePath(application.code, frozenset({directory_.platform}), "*", now.replace(microsecond=0))
    entry = ComponentEntry(
        code=application.code,
        organisation=organisation,
        kind="endpoint",
        group=f"{GROUP_OF_ROLE[application.role]}-{application.party}",
        party=application.party,
        certificates=certificates,
        paths=(path,),
    )
    own = OwnComponent(application.code, application.party, application.role, organisation)
    return Registered(own, entry, password_hash=None, contact=application.contact)


def certify(directory_: Directory, component: str, organisation: str, keys: PublicKeys) -> tuple[Certificate, ...]:
    """Three certificates for a component's public keys."""
    from tps.mades.certificates import issue

    authority, now = directory_.authority(), directory_.clock()
    return tuple(
        issue(authority, component, organisation, use, public_key=load_public_key(keys[use].encode()), now=now)
        for use in CertificateUse
    )


def _enter(directory_: Directory, new: Registered, grid_prefixes: tuple[str, ...], now: datetime) -> None:
    """Into the platform's copy and registry, before the directory itself: whoever is not there is not onboarded."""
    directory_.copy(new.entry, now)
    directory_.enter_party(new.component, grid_prefixes)


def reject(directory_: Directory, code: str, reason: str, *, party: str | None = None) -> Application:
    """Say no to an application, with a reason that the applicant reads; it may apply again.

    Raises:
        NotFound: Nobody applied, or it was decided.
        Conflict: Several wish the code and none was named.
    """
    with directory_.transaction() as tx:
        directory.lock(tx)
        application = _the_one(tx, code, party, ("applied",))
        return applications.reject(tx, application.party, reason, directory_.clock())
