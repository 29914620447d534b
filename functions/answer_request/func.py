"""Answer requests (F5a, F9a): a DSO asks which flexibility assets are in its grid, or what they plan.

Wakes on: TPS-STATUSREQUEST from DSOs.
Reads:    active assets in the asking DSO's grid and their plans, never who operates them.
Decides:  whether the question is one it may ask.   Writes: what the DSO was told of its grid.
Emits:    TPS-ASSET-LIST (Ref_MarketDocument, A55), TPS-SCHEDULE (GL_MarketDocument), or an Acknowledgement saying that
          there is nothing, or why not.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD (docs/privacy.md).
"""

from tps.documents import encode
from tps.documents.acknowledgement import NO_MATCHING_DATA, DocumentReason, Outcome
from tps.documents.generation_load import ScheduleDocument, fits
from tps.documents.ref import AssetList
from tps.documents.status_request import ASSETS, SCHEDULES, StatusRequest
from tps.domain.limit import Interval
from tps.domain.plan import hull
from tps.domain.schedule import EARLIEST, LATEST
from tps.domain.scope import DsoScope
from tps.endpoint.answers import Answer, answer_document
from tps.endpoint.handling import ROLES, Correspondent, take
from tps.endpoint.sending import Draft
from tps.errors import Finding, RuleBroken
from tps.mades.types import ASSET_LIST, SCHEDULE, STATUS_REQUEST
from tps.party import plans
from tps.party.plan_reading import read_plans
from tps.platform import asset_changes, registry
from tps.rest.function import serve

NO_ASSETS = DocumentReason(NO_MATCHING_DATA, "No matching data found: no flexibility asset is registered in your grid.")
NO_PLANS = DocumentReason(NO_MATCHING_DATA, "No matching data found: no schedule in your grid matches the request.")
ALWAYS = Interval(EARLIEST, LATEST)


def take_request(endpoint, arrival):
    """One question, from the broker to its answer."""
    return take(endpoint, arrival, decide)


def decide(handling):
    """Answer with a document, or with an acknowledgement."""
    dso = registry.party_by_component(handling.tx, handling.message.sender)
    peer = Correspondent(handling.message.sender, dso.code, ROLES[dso.role])
    return answer_document(handling, peer, lambda document: reply(handling, peer, document), is_kept=False)


def reply(handling, peer, document):
    """What was asked for; None once it is on its way.

    Raises:
        RuleBroken: A94, for what cannot be asked here; A59, for plans that no document holds.
    """
    answers = {ASSETS: reply_assets, SCHEDULES: reply_plans}
    if not isinstance(document, StatusRequest) or document.document_type not in answers:
        raise RuleBroken(
            "invalid status request",
            [Finding("A94", "", "only asset lists (A95) and schedules (A67) can be requested")],
        )
    return answers[document.document_type](handling, peer, document)


def reply_assets(handling, peer, _document):
    """The asset list, sorted by id."""
    assets = asset_changes.tell_list(handling.tx, DsoScope(peer.party))
    if not assets:
        return Answer(Outcome.ACCEPTED, (NO_ASSETS,))
    document_id = handling.derived_id(peer.party, "document asset list")
    send(handling, peer, ASSET_LIST, AssetList(handling.header_to(peer, document_id), tuple(assets)))
    return None


def reply_plans(handling, peer, document):
    """What is planned in its grid, in the period and by the assets it named; others are simply not there."""
    asked = document.period or ALWAYS
    pieces = plans.asked_in_grid(handling.tx, DsoScope(peer.party), asked, document.resource_ids or None)
    found = read_plans(handling.endpoint, handling.tx, pieces, asked)
    if not found:
        return Answer(Outcome.ACCEPTED, (NO_PLANS,))
    if not fits(found, len({schedule.asset_id for schedule in found})):
        raise RuleBroken(
            "answer too large",
            [Finding("A59", "", "too much for one document; request fewer assets or a shorter period")],
        )
    document_id = handling.derived_id(peer.party, "document schedules")
    header = handling.header_to(peer, document_id)
    # Not the period asked for: an open end is the year 2100, which no document can write.
    period = hull(schedule.period for schedule in found)
    send(handling, peer, SCHEDULE, ScheduleDocument(header, 1, period, tuple(found)))
    return None


def send(handling, peer, message_type, document):
    """Put the answer into the outbox."""
    draft = Draft(
        sender=handling.own.code,
        receiver=peer.component,
        type=message_type,
        content=encode(document),
        document_id=document.header.document_id,
        revision=document.revision if message_type == SCHEDULE else None,
        in_reply_to=handling.message.message_id,
    )
    handling.send(draft, message_type)


TOPICS = {("tps", STATUS_REQUEST): take_request}


def main(context):
    """Take in one event."""
    return serve(context, topics=TOPICS)
