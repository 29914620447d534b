"""Components, applications and paths as the directory shows them to a viewer, in JSON and for its XML (F1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tps.api.types import moment_json
from tps.mades.applicant import Contact
from tps.mades.directory_xml import ListedComponent

if TYPE_CHECKING:
    from tps.directory.applications import Application
    from tps.directory.entries import Registered
    from tps.domain.scope import DirectoryScope
    from tps.mades.paths import MessagePath


def path_json(path: MessagePath) -> dict[str, Any]:
    """Return a path without absent fields."""
    senders = None if path.allowed_senders is None else sorted(path.allowed_senders)
    fields = {
        "message_type": path.message_type,
        "allowed_senders": senders,
        "valid_from": moment_json(path.valid_from),
        "valid_to": None if path.valid_to is None else moment_json(path.valid_to),
        "broker": path.broker,
    }
    return {name: value for name, value in fields.items() if value is not None}


def entry_json(registered: Registered, viewer: DirectoryScope) -> dict[str, Any]:
    """Return a component as copies of the directory take it, with the contact that the viewer may see."""
    facts = {
        "status": registered.status,
        "created_at": moment_json(registered.created_at),
        "modified_at": moment_json(registered.modified_at),
    }
    return {**registered.entry.to_json(), **facts, **contact_json(shown_contact(registered, viewer))}


def shown_contact(registered: Registered, viewer: DirectoryScope) -> Contact:
    """Return the contact. Only the component's party and the platform operator see the person."""
    contact = registered.contact
    if viewer.is_operator or registered.component.party == viewer.party:
        return contact
    return Contact(contact.organisation)


def contact_json(contact: Contact) -> dict[str, str]:
    """Return person, mail and telephone of a contact without absent fields."""
    fields = {"person": contact.person, "email": contact.email, "phone": contact.phone}
    return {name: value for name, value in fields.items() if value is not None}


def application_json(application: Application) -> dict[str, Any]:
    """Return an application as its applicant and the platform operator see it."""
    body: dict[str, Any] = {
        "code": application.code,
        "party": application.party,
        "role": application.role,
        "organisation": application.contact.organisation,
        **contact_json(application.contact),
        "keys": dict(application.keys),
        "status": application.status,
        "created_at": moment_json(application.created_at),
        "modified_at": moment_json(application.modified_at),
    }
    return {**body, "reason": application.reason} if application.reason else body


def listed_component(registered: Registered, viewer: DirectoryScope) -> ListedComponent:
    """Return a component for the XML of the directory."""
    entry = registered.entry
    return ListedComponent(
        kind=entry.kind,
        code=entry.code,
        contact=shown_contact(registered, viewer),
        networks=(entry.group,),
        certificates=entry.certificates,
        paths=entry.paths,
        created_at=registered.created_at,
        modified_at=registered.modified_at,
    )
