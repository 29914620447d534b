"""Answer requests (F5a): a DSO asks which flexibility assets are connected to its grid.

Wakes on: TPS-STATUSREQUEST from DSOs.   Reads: active assets in the asking DSO's grid, never who operates them.
Decides:  whether the question is one it may ask.   Writes: what the DSO was told of its grid.
Emits:    TPS-ASSET-LIST (Ref_MarketDocument, A55), or an Acknowledgement saying that there is nothing, or why not.
Privacy:  DSO-ALL, DSO-OPR, DSO-GRD (docs/privacy.md).
"""

from tps.documents import encode
from tps.documents.acknowledgement import NO_MATCHING_DATA, DocumentReason, Outcome
from tps.documents.ref import AssetList
from tps.documents.status_request import ASSETS, StatusRequest
from tps.domain.scope import DsoScope
from tps.endpoint.answers import Answer, answer_document
from tps.endpoint.handling import ROLES, Correspondent, take
from tps.endpoint.sending import Draft
from tps.errors import Finding, RuleBroken
from tps.mades.types import ASSET_LIST, STATUS_REQUEST
from tps.runtime.function import serve
from tps.stores import asset_changes, registry

NOTHING = DocumentReason(NO_MATCHING_DATA, "No matching data found: no flexibility asset is registered in your grid.")


def take_request(endpoint, arrival):
    """One question, from the broker to its answer."""
    return take(endpoint, arrival, decide)


def decide(handling):
    """Answer with a document, or with an acknowledgement."""
    dso = registry.party_by_component(handling.tx, handling.message.sender)
    peer = Correspondent(handling.message.sender, dso.code, ROLES[dso.role])
    return answer_document(handling, peer, lambda document: reply(handling, peer, document), is_kept=False)


def reply(handling, peer, document):
    """The asset list, sorted by id; None once it is on its way.

    Raises:
        RuleBroken: A94, for what cannot be asked here.
    """
    if not isinstance(document, StatusRequest) or document.document_type != ASSETS:
        raise RuleBroken("cannot be asked", [Finding("A94", "", "only asset lists (A95) can be asked for")])
    assets = asset_changes.tell_list(handling.tx, DsoScope(peer.party))
    if not assets:
        return Answer(Outcome.ACCEPTED, (NOTHING,))
    document_id = handling.derived_id(peer.party, "document asset list")
    draft = Draft(
        sender=handling.own.code,
        receiver=peer.component,
        type=ASSET_LIST,
        content=encode(AssetList(handling.header_to(peer, document_id), tuple(assets))),
        document_id=document_id,
        in_reply_to=handling.message.message_id,
    )
    handling.send(draft, "asset list")
    return None


TOPICS = {("tps", STATUS_REQUEST): take_request}


def main(context):
    """Take in one event."""
    return serve(context, topics=TOPICS)
