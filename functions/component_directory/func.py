"""Component Directory (F1): registers components, issues and revokes their certificates, keeps their message paths.

Wakes on: HTTP with a party's token, or with what a component signed by its authentication key.
Reads:    the viewer's own component and application, the platform, broker and directory; the platform operator all.
Decides:  whether an application, a renewal or a path may be; who is a component the platform operator decides.
Writes:   the directory, the platform's copy of it and its registry of parties. Emits nothing: copies are pulled.
Privacy:  DIR-01, DIR-02, DIR-03, TKN-01, REF-01, TAG-01, PRB-02 (docs/privacy.md).
"""

from tps.api.bodies import read_body
from tps.api.components import (
    ApplicationBody,
    ApprovalBody,
    PathsBody,
    RejectionBody,
    RenewalBody,
    RevocationBody,
)
from tps.api.types import moment_json, read_moment
from tps.directory import admission, certification
from tps.directory import paths as component_paths
from tps.directory.directory import find_visible, view
from tps.directory.entries import Registered
from tps.domain.text import reason_text_findings
from tps.errors import Finding, Forbidden, Malformed
from tps.mades.applicant import Contact
from tps.mades.directory_xml import ListedComponent, Listing, write_listing
from tps.mades.paths import MessagePath
from tps.rest.contract import contract_routes
from tps.rest.function import Answer, Route, pong, refuse, serve
from tps.rest.paging import PAGING, read_paging

XML = "application/xml; charset=utf-8"
CONTENT_ID = "contentId"


def apply(call):
    """A party wants to be a component."""
    call.only_known()
    body = read_body(ApplicationBody, call.raw_body)
    contact = Contact(body.organisation, body.person, body.email, body.phone)
    code = body.code or call.party
    application, is_new = admission.apply(
        call.directory, call.viewer, code=code, contact=contact, pems=body.keys.model_dump()
    )
    return Answer(application_json(application), 201 if is_new else 200)


def list_components(call):
    """What the viewer may see, unless it has it."""
    call.only_known(CONTENT_ID, *PAGING)
    paging, known = read_paging(call), read_content_id(call)
    seen = view(call.directory, call.viewer)
    metadata = {"directory": call.directory.code, "content_id": seen.content_id, "ttl_s": int(call.directory.ttl_s)}
    if known == seen.content_id:
        return Answer({"metadata": metadata, "unchanged": True}, is_tagged=True)
    page, following = paging.cut(seen.components, lambda each: (each.component.code,))
    components = [entry_json(each, call.viewer) for each in page]
    applications = [] if paging.after else [application_json(each) for each in seen.applications]
    body = {"metadata": metadata, "components": components, "applications": applications}
    return Answer({**body, **following}, is_tagged=True)


def list_as_xml(call):
    """The same, as MADES has it: components that are registered, and no applications."""
    call.only_known(CONTENT_ID)
    known = read_content_id(call)
    seen = view(call.directory, call.viewer)
    components = () if known == seen.content_id else seen.components
    listed = [listed_component(each, call.viewer) for each in components]
    listing = Listing(call.directory.code, seen.content_id, call.directory.ttl_s, tuple(listed))
    return Answer(write_listing(listing), media_type=XML, is_tagged=True)


def read_content_id(call):
    """`contentId` of the copy that the caller has."""
    text = call.text(CONTENT_ID)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Malformed(
            "invalid contentId", [Finding("bad_type", f"/{CONTENT_ID}", "contentId must be a whole number")]
        )
    return int(text)


def read_component(call):
    """One component, or an application for it."""
    call.only_known()
    found = find_visible(call.directory, call.viewer, call.path_values["code"])
    body = entry_json(found, call.viewer) if isinstance(found, Registered) else application_json(found)
    return Answer(body, is_tagged=True)


def approve(call):
    """The platform operator makes an applicant a component."""
    call.only_known()
    body = read_body(ApprovalBody, call.raw_body or b"{}")
    only_operator(call)
    prefixes = tuple(body.grid_prefixes or ())
    registered = admission.approve(call.directory, call.path_values["code"], party=body.party, grid_prefixes=prefixes)
    return Answer({**entry_json(registered, call.viewer), "warnings": broker_warnings(registered)})


def broker_warnings(registered):
    """What a function cannot do: who may publish is the broker's to know."""
    group, code = registered.entry.group, registered.component.code
    detail = (
        f"the broker needs a user {group} that may publish as {code}; run ./tps party approve {code} to create the user"
    )
    return [{"code": "broker_user", "detail": detail}]


def reject(call):
    """The platform operator says no."""
    call.only_known()
    body = read_body(RejectionBody, call.raw_body)
    only_operator(call)
    refuse(list(reason_text_findings(body.reason, "/reason")))
    return Answer(
        application_json(admission.reject(call.directory, call.path_values["code"], body.reason, party=body.party))
    )


def renew(call):
    """A component gets certificates for new keys."""
    call.only_known()
    body = read_body(RenewalBody, call.raw_body)
    issued = certification.renew(call.directory, call.viewer, call.path_values["code"], body.keys.model_dump())
    return Answer({"certificates": [each.pem for each in issued]})


def revoke(call):
    """The platform operator revokes a component, or one of its certificates."""
    call.only_known()
    body = read_body(RevocationBody, call.raw_body)
    only_operator(call)
    refuse(list(reason_text_findings(body.reason, "/reason")))
    revoked = certification.revoke(call.directory, call.path_values["code"], body.reason, body.certificate_id)
    return Answer(entry_json(revoked, call.viewer))


def only_operator(call):
    """Refuse everybody but the platform operator, whatever they ask about."""
    if not call.viewer.is_operator:
        raise Forbidden("only the platform operator may do this")


def read_paths(call):
    """The message paths of a component."""
    call.only_known()
    paths = component_paths.paths_of(call.directory, call.viewer, call.path_values["code"])
    return Answer({"paths": [path_json(each) for each in paths]}, is_tagged=True)


def set_paths(call):
    """All paths of a component anew."""
    call.only_known()
    body = read_body(PathsBody, call.raw_body)
    code = call.path_values["code"]
    paths = [to_path(code, each) for each in body.paths]
    return paths_answer(call, component_paths.set_paths(call.directory, call.viewer, code, paths))


def remove_paths(call):
    """The paths of one type away, or the one that begins then."""
    call.only_known("message_type", "valid_from")
    text, code = call.text("valid_from"), call.path_values["code"]
    try:
        valid_from = None if text is None else read_moment(text)
    except ValueError as error:
        raise Malformed("invalid time", [Finding("bad_type", "/valid_from", str(error))]) from None
    message_type = call.text("message_type")
    return paths_answer(
        call,
        component_paths.remove_path(
            call.directory, call.viewer, code, message_type=message_type, valid_from=valid_from
        ),
    )


def paths_answer(call, changed):
    """Return the current paths, with warnings about probable mistakes."""
    body = {"paths": [path_json(each) for each in changed.entry.paths]}
    warnings = component_paths.warnings_of(changed.entry, changed.component.role, call.now)
    return Answer({**body, "warnings": warnings} if warnings else body)


def to_path(receiver, body):
    """A PATH of a body."""
    return MessagePath(
        receiver=receiver,
        allowed_senders=None if body.allowed_senders is None else frozenset(body.allowed_senders),
        message_type=body.message_type,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        broker=body.broker,
    )


def path_json(path):
    """PATH, without what is absent."""
    senders = None if path.allowed_senders is None else sorted(path.allowed_senders)
    fields = {
        "message_type": path.message_type,
        "allowed_senders": senders,
        "valid_from": moment_json(path.valid_from),
        "valid_to": None if path.valid_to is None else moment_json(path.valid_to),
        "broker": path.broker,
    }
    return {name: value for name, value in fields.items() if value is not None}


def entry_json(registered, viewer):
    """A component as copies take it, and whom to ask there for itself and the platform operator."""
    facts = {
        "status": registered.status,
        "created_at": moment_json(registered.created_at),
        "modified_at": moment_json(registered.modified_at),
    }
    return {**registered.entry.to_json(), **facts, **contact_json(shown_contact(registered, viewer))}


def shown_contact(registered, viewer):
    """A contact is its own party's and the platform operator's to see."""
    contact = registered.contact
    if viewer.is_operator or registered.component.party == viewer.party:
        return contact
    return Contact(contact.organisation)


def contact_json(contact):
    """Person, mail and telephone, as far as there are."""
    fields = {"person": contact.person, "email": contact.email, "phone": contact.phone}
    return {name: value for name, value in fields.items() if value is not None}


def application_json(application):
    """An application as its applicant and the platform operator see it."""
    body = {
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


def listed_component(registered, viewer):
    """A component for the directory's XML."""
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


COMPONENTS = "/ecp/v1/components"
COMPONENT = f"{COMPONENTS}/<code>"
ROUTES = (
    Route("GET", "/ecp/v1/ping", pong, is_open=True),
    *contract_routes("ecp"),
    Route("POST", COMPONENTS, apply),
    Route("GET", COMPONENTS, list_components),
    Route("GET", f"{COMPONENTS}.xml", list_as_xml),
    Route("GET", COMPONENT, read_component),
    Route("POST", f"{COMPONENT}/approval", approve),
    Route("POST", f"{COMPONENT}/rejection", reject),
    Route("POST", f"{COMPONENT}/certificates", renew),
    Route("POST", f"{COMPONENT}/revocation", revoke),
    Route("GET", f"{COMPONENT}/paths", read_paths),
    Route("PUT", f"{COMPONENT}/paths", set_paths),
    Route("DELETE", f"{COMPONENT}/paths", remove_paths),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
