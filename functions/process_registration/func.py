"""Process registrations (F4a): the platform takes in claims on assets and connection points.

Wakes on: TPS-ASSET, TPS-POINT from operators and DSOs; ticks.
Reads:    claims on the same assets and points, whoever made them.
Decides:  which entries are refused (all or nothing), which are older than what stands, which claims become active.
Writes:   claims, their history, and what their parties were told; whose plans and limits are to be looked at anew.
Emits:    first an Acknowledgement with the state of each entry, then notices to parties whose older claims have moved:
          the time of the answer tells nothing of how many they are. Once a window is over, TPS-ASSET-LIST
          (Ref_MarketDocument, A39) to each DSO in whose grid something has changed, merged over all operators.
Privacy:  CLM-01, CLM-02, CAP-01, TIM-02, DSO-ALL, DSO-CHG, INF-WIN (docs/privacy.md).
"""

from collections import defaultdict

from tps.documents import encode
from tps.documents.acknowledgement import (
    DocumentReason,
    Outcome,
    ReceivedDocument,
    notice_reason,
)
from tps.documents.ref import AssetList, AssetRegistration, ConnectionPointRegistration
from tps.domain.registration import check_assets, check_connection_points
from tps.domain.window import last_end
from tps.endpoint.answers import Answer, answer_document, send_notice
from tps.endpoint.handling import ROLES, Correspondent, platform_desk, take
from tps.endpoint.sending import Draft, dispatch_caused
from tps.errors import Finding, RuleBroken
from tps.mades.types import ASSET, ASSET_LIST, POINT, acknowledgement_of
from tps.platform import asset_changes, claims, registry
from tps.platform.claims import Source
from tps.platform.news import tell_operator
from tps.platform.news_counts import Topic
from tps.rest.function import serve

STALE = DocumentReason("A84", "a newer registration was applied before; some entries stay unchanged")


def take_registration(endpoint, arrival):
    """One registration, from the broker to its acknowledgement."""
    status = take(endpoint, arrival, decide, follow_up=tell_others)
    tell_operator(endpoint, Topic.REGISTRY)
    return status


def decide(handling):
    """Apply a registration, or refuse it whole."""
    party = registry.party_by_component(handling.tx, handling.message.sender)
    peer = Correspondent(handling.message.sender, party.code, ROLES[party.role])
    return answer_document(handling, peer, lambda document: register(handling, party, document))


def register(handling, party, document):
    """Claim what the document claims, and release what it removes."""
    claims.lock_registrations(handling.tx)
    source = Source(party.code, handling.message.sequence, handling.message.message_id, document.header.document_id)
    if handling.message.type == ASSET and isinstance(document, AssetRegistration):
        return register_assets(handling, source, document)
    if handling.message.type == POINT and isinstance(document, ConnectionPointRegistration):
        return register_points(handling, source, party, document)
    raise RuleBroken("wrong document", [Finding("A94", "", "the document does not match the message type")])


def register_assets(handling, source, document):
    """Claims on assets; each entry's state goes into the answer."""
    _refuse(check_assets(document.entries))
    stale = claims.claim_assets(handling.tx, source, document.entries)
    ids = [entry.id for entry in document.entries]
    asset_changes.touch_assets(handling.tx, ids, handling.now)
    moved = registry.moved_assets(handling.tx, asset_ids=ids, only_of=source.party)
    uncapped = [
        notice_reason("UNCAPPED", change.after.id)
        for change in moved
        if change.before.is_capped and not change.after.is_capped
    ]
    return accepted(registry.asset_statuses(handling.tx, source.party, ids), stale, uncapped)


def register_points(handling, source, party, document):
    """Claims on connection points."""
    _refuse(check_connection_points(document.entries, party.grid_prefixes))
    stale = claims.claim_points(handling.tx, source, document.entries)
    ids = [entry.id for entry in document.entries]
    asset_changes.touch_points(handling.tx, ids, handling.now)
    registry.moved_points(handling.tx, ids, only_of=source.party)
    return accepted(registry.point_statuses(handling.tx, source.party, ids), stale)


def tell_others(handling):
    """Tell everybody else whose claims were moved; runs again unharmed, as what was told has not moved any more."""
    document = handling.document
    ids = [entry.id for entry in document.entries]
    claims.lock_registrations(handling.tx)
    if isinstance(document, AssetRegistration):
        tell(handling, registry.moved_assets(handling.tx, asset_ids=ids))
    else:
        tell(handling, registry.moved_points(handling.tx, ids), POINT)
        tell(handling, registry.moved_assets(handling.tx, point_ids=ids))
    if handling.endpoint.batch_window_s <= 0:
        tell_grids(handling, handling.endpoint.clock())


def tick(endpoint):
    """Tell each DSO what has changed in its grid, once a window is over."""
    until = last_end(endpoint.clock(), endpoint.batch_window_s)
    cause = f"asset changes {until.isoformat()}"
    with endpoint.database.transaction() as tx:
        tell_grids(platform_desk(endpoint, tx, cause), until)
    dispatch_caused(endpoint, endpoint.platform, cause)


def tell_grids(desk, until):
    """One document per DSO of the windows that end by `until`: new and changed assets, and removed ones."""
    changes = asset_changes.take_changes(desk.tx, until)
    parties = registry.parties(desk.tx, changes)
    for dso, change in changes.items():
        peer = Correspondent(parties[dso].component, dso, ROLES[parties[dso].role])
        purpose = f"asset changes {until.isoformat()}"
        document_id = desk.derived_id(dso, f"document {purpose}")
        header = desk.header_to(peer, document_id)
        draft = Draft(
            sender=desk.own.code,
            receiver=peer.component,
            type=ASSET_LIST,
            content=encode(AssetList(header, change.assets, change.removed_ids, is_change=True)),
            document_id=document_id,
        )
        desk.send(draft, purpose)


def accepted(statuses, stale, further=()):
    """The answer: which entries are active or wait, which weigh less than registered, and whether some were older than
    what stands."""
    reasons = [notice_reason("ACTIVE" if status.is_active else "WAITING", status.id) for status in statuses]
    reasons += [notice_reason("CAPPED", status.id) for status in statuses if status.is_capped]
    return Answer(Outcome.ACCEPTED, (*reasons, *further, *([STALE] if stale else [])))


def tell(handling, changes, registration_type=ASSET):
    """One notice per registration whose claims have moved."""
    by_registration = defaultdict(list)
    for change in changes:
        by_registration[(change.party, change.message_id, change.document_id)].append(change)
    parties = registry.parties(handling.tx, {party for party, _, _ in by_registration})
    for (code, message_id, document_id), moved in sorted(by_registration.items()):
        party = parties[code]
        texts = [notice_reason(name, change.after.id) for change in moved for name in news(change)]
        send_notice(
            handling,
            Correspondent(party.component, party.code, ROLES[party.role]),
            ReceivedDocument(document_id),
            type=acknowledgement_of(registration_type),
            texts=texts,
            # What it says is part of it: other news, found when this runs again, is another notice.
            purpose=f"notice {document_id} {' '.join(str(each.text) for each in texts)}",
            in_reply_to=message_id,
        )


def news(change):
    """What is new about a claim, in the words of a notice."""
    if change.before.is_active != change.after.is_active:
        yield "ACTIVE" if change.after.is_active else "WAITING"
    if change.before.is_capped != change.after.is_capped:
        yield "CAPPED" if change.after.is_capped else "UNCAPPED"


def _refuse(findings):
    if findings:
        raise RuleBroken(findings[0].detail, findings)


TOPICS = {("tps", ASSET): take_registration, ("tps", POINT): take_registration}


def main(context):
    """Take in one event."""
    return serve(context, topics=TOPICS, on_tick={"tps": tick})
