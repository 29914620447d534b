"""Answer requests (F5a, F9a): a DSO asks which flexibility assets are in its grid, or what they plan.

Wakes on: TPS-STATUSREQUEST from DSOs.
Reads:    active assets in the asking DSO's grid and their plans, never who operates them.
Decides:  whether the DSO may ask this.   Writes: what the DSO was told of its grid.
Emits:    TPS-ASSET-LIST (Ref_MarketDocument, A55), TPS-SCHEDULE (GL_MarketDocument), or an Acknowledgement that says
          why there is nothing to report.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD (docs/privacy.md).
"""

from tps.documents import Document, encode
from tps.documents.acknowledgement import NO_MATCHING_DATA, DocumentReason, Outcome
from tps.documents.generation_load import ScheduleDocument, fits
from tps.documents.ref import AssetList
from tps.documents.status_request import ASSETS, SCHEDULES, StatusRequest
from tps.domain.limit import Interval
from tps.domain.plan import hull
from tps.domain.schedule import EARLIEST, LATEST
from tps.domain.scope import DsoScope
from tps.endpoint.answers import Answer
from tps.endpoint.handling import Handling
from tps.endpoint.intake import Intake
from tps.endpoint.sending import Draft
from tps.errors import Finding
from tps.mades.types import ASSET_LIST, SCHEDULE, STATUS_REQUEST
from tps.party import plans
from tps.party.plan_reading import read_plans
from tps.platform import asset_changes
from tps.platform.registry import sender_of
from tps.rest.function import Invocation, refuse, serve

NO_ASSETS = DocumentReason(NO_MATCHING_DATA, "No matching data found: no flexibility asset is registered in your grid.")
NO_PLANS = DocumentReason(NO_MATCHING_DATA, "No matching data found: no schedule in your grid matches the request.")
ALWAYS = Interval(EARLIEST, LATEST)


def reply(handling: Handling, request: StatusRequest) -> Answer | None:
    """Send the document that was asked for, or return the answer that there is none.

    Raises:
        RuleBroken: The request asks for something else (A94), or for more plans than a document can hold (A59).
    """
    answers = {ASSETS: reply_assets, SCHEDULES: reply_plans}
    if request.document_type not in answers:
        refuse([Finding("A94", "", "only asset lists (A95) and schedules (A67) can be requested")])
    return answers[request.document_type](handling, request)


def reply_assets(handling: Handling, _request: StatusRequest) -> Answer | None:
    """Send the asset list, sorted by id."""
    assets = asset_changes.tell_list(handling.tx, DsoScope(handling.sender.party))
    if not assets:
        return Answer(Outcome.ACCEPTED, (NO_ASSETS,))
    document_id = handling.derived_id(handling.sender.party, "document asset list")
    header = handling.header_to(handling.sender, document_id)
    send(handling, ASSET_LIST, AssetList(header, tuple(assets)))
    return None


def reply_plans(handling: Handling, request: StatusRequest) -> Answer | None:
    """Send what is planned in the DSO's grid, for the period and the assets that the request names.

    Assets that are not in this grid are left out, as if they did not exist.
    """
    period, scope = request.period or ALWAYS, DsoScope(handling.sender.party)
    pieces = plans.requested_in_grid(handling.tx, scope, period, request.resource_ids or None)
    schedules = read_plans(handling.endpoint, handling.tx, pieces, period)
    if not schedules:
        return Answer(Outcome.ACCEPTED, (NO_PLANS,))
    if not fits(schedules, len({schedule.asset_id for schedule in schedules})):
        refuse([Finding("A59", "", "too much for one document; request fewer assets or a shorter period")])
    document_id = handling.derived_id(handling.sender.party, "document schedules")
    header = handling.header_to(handling.sender, document_id)
    # Not the period of the request: an open end is the year 2100, which no document can write.
    planned = hull(schedule.period for schedule in schedules)
    send(handling, SCHEDULE, ScheduleDocument(header, 1, planned, tuple(schedules)))
    return None


def send(handling: Handling, message_type: str, document: Document) -> None:
    """Put the answer into the outbox."""
    draft = Draft(
        sender=handling.own.code,
        receiver=handling.sender.component,
        type=message_type,
        content=encode(document),
        document_id=document.header.document_id,
        revision=document.revision if isinstance(document, ScheduleDocument) else None,
        in_reply_to=handling.message.message_id,
    )
    handling.send(draft, message_type)


TOPICS = {("tps", STATUS_REQUEST): Intake(StatusRequest, reply, sender=sender_of)}


def main(context: Invocation) -> object:
    """Take in one event."""
    return serve(context, topics=TOPICS)
