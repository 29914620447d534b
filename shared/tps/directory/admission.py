"""Admission of components: applications, and the platform operator's decisions on them.

Source: docs/mades.md, "Joining".
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tps.directory import applications
from tps.directory import entries as directory
from tps.directory.applications import Application
from tps.directory.directory import GROUP_OF_ROLE, Directory
from tps.directory.entries import NewComponent, Registered
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
    """Store a party's application. A repeat changes nothing. A different application replaces an undecided one.

    An application for a code that another party has or wants is stored too. Only the platform operator learns of the
    clash.

    Args:
        code: The wanted component code.
        pems: Public key (PEM) by use.

    Returns:
        The application, and True if it is new or changed.

    Raises:
        RuleBroken: `check_digit`, `A59`, `bad_key`: the applicant must correct the application.
        Conflict: `taken`: the party has a component already, or the code is one that every party sees.
        Forbidden: The caller is the platform operator, which has its component.
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
    """Check only against components that the applicant may see."""
    if directory.component_of(tx, wanted.party) is not None:
        raise _taken("the party already has a component; renew its certificates, or ask the platform operator")
    if wanted.code in directory_.everybodys:
        raise _taken("this code is not available; choose another code")


def _taken(detail: str) -> Conflict:
    return Conflict(detail, [Finding("taken", "/code", detail)])


def approve(
    directory_: Directory, code: str, *, party: str | None = None, grid_prefixes: tuple[str, ...] = ()
) -> Registered:
    """Make an applicant a component: issue three certificates, open a path from the platform, and enter the registry.

    The component has its own keys, so it runs its own group (`agr-PARTY`, `dso-PARTY`). A repeat changes nothing.

    Args:
        code: The component code of the application, or the party's code.
        party: The applicant. Necessary if several parties want the same code.
        grid_prefixes: Prefixes of the ids of a DSO's connection points.

    Raises:
        NotFound: There is no such application.
        Conflict: `taken`: another component has the code, the component is revoked, or several parties want the code
            and `party` is missing.
        RuleBroken: Grid prefixes for a role other than dso.
    """
    now = directory_.clock()
    with directory_.transaction() as tx:
        directory.lock(tx)
        application = _application_for(tx, code, party, ("applied", "approved"))
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


def _application_for(tx: Transaction, code: str, party: str | None, statuses: tuple[str, ...]) -> Application:
    candidates = [
        application
        for application in applications.applications_for(tx, code)
        if application.status in statuses and party in (None, application.party)
    ]
    if not candidates:
        raise NotFound("no open application has this code")
    if len(candidates) > 1:
        raise Conflict(
            "several parties applied for this code",
            [Finding("taken", "/party", "party must name one of the applicants")],
        )
    return candidates[0]


def _check_approvable(tx: Transaction, application: Application, grid_prefixes: tuple[str, ...]) -> None:
    if grid_prefixes and application.role != "dso":
        raise RuleBroken(
            "only DSOs have grid prefixes", [Finding("A59", "/grid_prefixes", "only DSOs have grid prefixes")]
        )
    if directory.registered(tx, application.code) is not None:
        raise _taken("another component already has this code; reject the application")


def _admitted(directory_: Directory, application: Application, now: datetime) -> NewComponent:
    """Return the entry of an applicant, with certificates for the keys of its application."""
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
    return NewComponent(own, entry, contact=application.contact)


def certify(directory_: Directory, component: str, organisation: str, keys: PublicKeys) -> tuple[Certificate, ...]:
    """Issue three certificates for a component's public keys."""
    from tps.mades.certificates import issue

    authority, now = directory_.authority(), directory_.clock()
    return tuple(
        issue(authority, component, organisation, use, public_key=load_public_key(keys[use].encode()), now=now)
        for use in CertificateUse
    )


def _enter(directory_: Directory, new: NewComponent, grid_prefixes: tuple[str, ...], now: datetime) -> None:
    """Enter the component into the platform's copy and registry.

    This comes before the directory's own entry, so that a component in the directory is completely onboarded.
    """
    directory_.copy(new.entry, now)
    directory_.enter_party(new.component, grid_prefixes)


def reject(directory_: Directory, code: str, reason: str, *, party: str | None = None) -> Application:
    """Reject an application with a reason that the applicant reads. The applicant may apply again.

    Raises:
        NotFound: There is no open application.
        Conflict: Several parties want the code, and `party` is missing.
    """
    with directory_.transaction() as tx:
        directory.lock(tx)
        application = _application_for(tx, code, party, ("applied",))
        return applications.reject(tx, application.party, reason, directory_.clock())
