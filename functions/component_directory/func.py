"""Component Directory (F1): registers components, issues and revokes their certificates, keeps their message paths.

Wakes on: HTTP with a party's token, or with a request that a component signed by its authentication key.
Reads:    the viewer's own component and application, the platform, broker and directory; the platform operator all.
Decides:  whether an application, a renewal or a path is allowed. The platform operator decides on applications.
Writes:   the directory, the platform's copy of it and its registry of parties. Emits nothing: copies are pulled.
Privacy:  DIR-01, DIR-02, DIR-03, TKN-01, REF-01, TAG-01, PRB-02 (docs/privacy.md).
"""

from datetime import datetime
from typing import Any

from tps.api.bodies import read_body
from tps.api.components import (
    ApplicationBody,
    ApprovalBody,
    PathBody,
    PathsBody,
    RejectionBody,
    RenewalBody,
    RevocationBody,
)
from tps.api.types import read_moment
from tps.directory import admission, certification
from tps.directory import paths as component_paths
from tps.directory.answers import application_json, entry_json, listed_component, path_json
from tps.directory.directory import find_visible, view
from tps.directory.entries import Registered
from tps.domain.text import reason_text_findings
from tps.errors import Finding, Forbidden, Malformed
from tps.mades.applicant import Contact
from tps.mades.directory_xml import Listing, write_listing
from tps.mades.paths import MessagePath
from tps.rest.contract import contract_routes
from tps.rest.function import Answer, Call, Invocation, Route, pong, refuse, serve
from tps.rest.paging import PAGING, read_paging

XML = "application/xml; charset=utf-8"
CONTENT_ID = "contentId"


def apply(call: Call) -> Answer:
    """Apply for a component."""
    call.only_known()
    body = read_body(ApplicationBody, call.raw_body)
    contact = Contact(body.organisation, body.person, body.email, body.phone)
    code = body.code or call.party
    application, is_new = admission.apply(
        call.directory, call.viewer, code=code, contact=contact, pems=body.keys.model_dump()
    )
    return Answer(application_json(application), 201 if is_new else 200)


def list_components(call: Call) -> Answer:
    """Return the components and applications that the viewer may see, unless its copy is current."""
    call.only_known(CONTENT_ID, *PAGING)
    paging, known = read_paging(call), read_content_id(call)
    seen = view(call.directory, call.viewer)
    metadata = {"directory": call.directory.code, "content_id": seen.content_id, "ttl_s": int(call.directory.ttl_s)}
    if known == seen.content_id:
        return Answer({"metadata": metadata, "unchanged": True}, is_tagged=True)
    page, following = paging.cut(seen.components, lambda registered: (registered.component.code,))
    components = [entry_json(registered, call.viewer) for registered in page]
    applications = [] if paging.after else [application_json(application) for application in seen.applications]
    body = {"metadata": metadata, "components": components, "applications": applications}
    return Answer({**body, **following}, is_tagged=True)


def list_as_xml(call: Call) -> Answer:
    """Return the components that the viewer may see, in the format of MADES. It has no applications."""
    call.only_known(CONTENT_ID)
    known = read_content_id(call)
    seen = view(call.directory, call.viewer)
    components = () if known == seen.content_id else seen.components
    listed = [listed_component(registered, call.viewer) for registered in components]
    listing = Listing(call.directory.code, seen.content_id, call.directory.ttl_s, tuple(listed))
    return Answer(write_listing(listing), media_type=XML, is_tagged=True)


def read_content_id(call: Call) -> int | None:
    """Return `contentId`, which names the version of the caller's copy."""
    text = call.text(CONTENT_ID)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Malformed(
            "invalid contentId", [Finding("bad_type", f"/{CONTENT_ID}", "contentId must be a whole number")]
        )
    return int(text)


def read_component(call: Call) -> Answer:
    """Return one component, or an application for it."""
    call.only_known()
    known = find_visible(call.directory, call.viewer, call.path_values["code"])
    body = entry_json(known, call.viewer) if isinstance(known, Registered) else application_json(known)
    return Answer(body, is_tagged=True)


def approve(call: Call) -> Answer:
    """Approve an application: the applicant becomes a component. For the platform operator only."""
    call.only_known()
    body = read_body(ApprovalBody, call.raw_body or b"{}")
    only_platform_operator(call)
    prefixes = tuple(body.grid_prefixes or ())
    registered = admission.approve(call.directory, call.path_values["code"], party=body.party, grid_prefixes=prefixes)
    return Answer({**entry_json(registered, call.viewer), "warnings": broker_warnings(registered)})


def broker_warnings(registered: Registered) -> list[dict[str, str]]:
    """Return a warning: no function can create the user at the broker that the new component needs."""
    group, code = registered.entry.group, registered.component.code
    detail = (
        f"the broker needs a user {group} that may publish as {code}; run ./tps party approve {code} to create the user"
    )
    return [{"code": "broker_user", "detail": detail}]


def reject(call: Call) -> Answer:
    """Reject an application. For the platform operator only."""
    call.only_known()
    body = read_body(RejectionBody, call.raw_body)
    only_platform_operator(call)
    refuse(list(reason_text_findings(body.reason, "/reason")))
    rejected = admission.reject(call.directory, call.path_values["code"], body.reason, party=body.party)
    return Answer(application_json(rejected))


def renew(call: Call) -> Answer:
    """Issue certificates for new keys of a component."""
    call.only_known()
    body = read_body(RenewalBody, call.raw_body)
    issued = certification.renew(call.directory, call.viewer, call.path_values["code"], body.keys.model_dump())
    return Answer({"certificates": [certificate.pem for certificate in issued]})


def revoke(call: Call) -> Answer:
    """Revoke a component, or one of its certificates. For the platform operator only."""
    call.only_known()
    body = read_body(RevocationBody, call.raw_body)
    only_platform_operator(call)
    refuse(list(reason_text_findings(body.reason, "/reason")))
    revoked = certification.revoke(call.directory, call.path_values["code"], body.reason, body.certificate_id)
    return Answer(entry_json(revoked, call.viewer))


def only_platform_operator(call: Call) -> None:
    """Refuse everybody but the platform operator, also for unknown components."""
    if not call.viewer.is_operator:
        raise Forbidden("only the platform operator may do this")


def read_paths(call: Call) -> Answer:
    """Return the message paths of a component."""
    call.only_known()
    paths = component_paths.paths_of(call.directory, call.viewer, call.path_values["code"])
    return Answer({"paths": [path_json(path) for path in paths]}, is_tagged=True)


def set_paths(call: Call) -> Answer:
    """Replace all paths of a component."""
    call.only_known()
    body = read_body(PathsBody, call.raw_body)
    code = call.path_values["code"]
    paths = [to_path(code, path) for path in body.paths]
    return paths_answer(call, component_paths.set_paths(call.directory, call.viewer, code, paths))


def remove_paths(call: Call) -> Answer:
    """Remove the paths of one message type, or only the path that begins at a time."""
    call.only_known("message_type", "valid_from")
    changed = component_paths.remove_path(
        call.directory,
        call.viewer,
        call.path_values["code"],
        message_type=call.text("message_type"),
        valid_from=read_valid_from(call),
    )
    return paths_answer(call, changed)


def read_valid_from(call: Call) -> datetime | None:
    """Return the time at which the path to be removed begins."""
    text = call.text("valid_from")
    try:
        return None if text is None else read_moment(text)
    except ValueError as error:
        raise Malformed("invalid time", [Finding("bad_type", "/valid_from", str(error))]) from None


def paths_answer(call: Call, changed: Registered) -> Answer:
    """Return the current paths, with warnings about probable mistakes."""
    body: dict[str, Any] = {"paths": [path_json(path) for path in changed.entry.paths]}
    warnings = component_paths.warnings_of(changed.entry, changed.component.role, call.now)
    return Answer({**body, "warnings": warnings} if warnings else body)


def to_path(receiver: str, body: PathBody) -> MessagePath:
    """Return the path to a receiver that a body states."""
    return MessagePath(
        receiver=receiver,
        allowed_senders=None if body.allowed_senders is None else frozenset(body.allowed_senders),
        message_type=body.message_type,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
        broker=body.broker,
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


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
