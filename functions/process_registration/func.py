"""Process registrations (F4a): the platform takes in claims on assets and connection points.

Wakes on: TPS-ASSET, TPS-POINT from operators and DSOs; ticks.
Reads:    claims of all parties on the same assets and points.
Decides:  which entries are refused (all or nothing), which are older than the present claim, which claims are active.
Writes:   claims, their history, and what their parties were told; marks for plans and limits that must be checked anew.
Emits:    first an Acknowledgement with the state of each entry; then notices to other parties whose claims have moved,
          so that the time of the answer does not tell their number. When a window is over, TPS-ASSET-LIST
          (Ref_MarketDocument, A39) to each DSO in whose grid something has changed, merged over all operators.
Privacy:  CLM-01, CLM-02, CAP-01, TIM-02, DSO-ALL, DSO-CHG, INF-WIN (docs/privacy.md).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tps.documents import Document, encode
from tps.documents.acknowledgement import DocumentReason, Outcome, ReceivedDocument, notice_reason
from tps.documents.ref import AssetList, AssetRegistration, ConnectionPointRegistration
from tps.domain.registration import check_assets, check_connection_points
from tps.domain.window import last_end
from tps.endpoint.answers import Answer, send_notice
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import Desk, Handling, platform_desk
from tps.endpoint.intake import Intake
from tps.endpoint.sending import Draft, dispatch_caused
from tps.mades.types import ASSET, ASSET_LIST, POINT, acknowledgement_of
from tps.platform import asset_changes, claims, registry
from tps.platform.claims import Source
from tps.platform.news import Topic, news_of
from tps.platform.registry import ClaimStatus, StatusChange
from tps.rest.function import Invocation, refuse, serve

STALE = DocumentReason("A84", "a newer registration was applied before; some entries stay unchanged")


def register_assets(handling: Handling, document: AssetRegistration) -> Answer:
    """Claim the assets that the document names, and release those that it removes; all or nothing."""
    claims.lock_registrations(handling.tx)
    refuse(check_assets(document.entries))
    source = source_of(handling, document)
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


def register_points(handling: Handling, document: ConnectionPointRegistration) -> Answer:
    """Claim the connection points that the document names, and release those that it removes; all or nothing."""
    claims.lock_registrations(handling.tx)
    source = source_of(handling, document)
    dso = registry.parties(handling.tx, [source.party])[source.party]
    refuse(check_connection_points(document.entries, dso.grid_prefixes))
    stale = claims.claim_points(handling.tx, source, document.entries)
    ids = [entry.id for entry in document.entries]
    asset_changes.touch_points(handling.tx, ids, handling.now)
    registry.moved_points(handling.tx, ids, only_of=source.party)
    return accepted(registry.point_statuses(handling.tx, source.party, ids), stale)


def source_of(handling: Handling, document: Document) -> Source:
    """Return where a claim comes from."""
    message = handling.message
    return Source(handling.sender.party, message.sequence, message.message_id, document.header.document_id)


def accepted(statuses: Iterable[ClaimStatus], stale: Collection[str], further: Iterable[DocumentReason] = ()) -> Answer:
    """Return the answer: the state of each entry, whether it weighs less than registered, and whether it was stale."""
    entries = list(statuses)
    reasons = [notice_reason("ACTIVE" if status.is_active else "WAITING", status.id) for status in entries]
    reasons += [notice_reason("CAPPED", status.id) for status in entries if status.is_capped]
    return Answer(Outcome.ACCEPTED, (*reasons, *further, *([STALE] if stale else [])))


def tell_others_of_assets(handling: Handling, document: AssetRegistration) -> None:
    """Tell the other operators whose claims have moved. A repeat finds that nothing has moved since."""
    claims.lock_registrations(handling.tx)
    tell(handling, registry.moved_assets(handling.tx, asset_ids=[entry.id for entry in document.entries]))
    tell_grids_at_once(handling)


def tell_others_of_points(handling: Handling, document: ConnectionPointRegistration) -> None:
    """Tell the other parties whose claims have moved. A repeat finds that nothing has moved since."""
    claims.lock_registrations(handling.tx)
    ids = [entry.id for entry in document.entries]
    tell(handling, registry.moved_points(handling.tx, ids), POINT)
    tell(handling, registry.moved_assets(handling.tx, point_ids=ids))
    tell_grids_at_once(handling)


def tell(handling: Handling, changes: Iterable[StatusChange], registration_type: str = ASSET) -> None:
    """Send one notice for each registration whose claims have moved."""
    by_registration: dict[tuple[str, str, str], list[StatusChange]] = defaultdict(list)
    for change in changes:
        by_registration[(change.party, change.message_id, change.document_id)].append(change)
    parties = registry.parties(handling.tx, {party for party, _, _ in by_registration})
    for (code, message_id, document_id), moved in sorted(by_registration.items()):
        texts = [notice_reason(name, change.after.id) for change in moved for name in news(change)]
        send_notice(
            handling,
            parties[code].correspondent,
            ReceivedDocument(document_id),
            type=acknowledgement_of(registration_type),
            texts=texts,
            # The texts are part of the purpose: other news, which a repeat may find, is another notice.
            purpose=f"notice {document_id} {' '.join(str(reason.text) for reason in texts)}",
            in_reply_to=message_id,
        )


def news(change: StatusChange) -> Iterator[str]:
    """Yield what is new about a claim, in the words of a notice."""
    if change.before.is_active != change.after.is_active:
        yield "ACTIVE" if change.after.is_active else "WAITING"
    if change.before.is_capped != change.after.is_capped:
        yield "CAPPED" if change.after.is_capped else "UNCAPPED"


def tell_grids_at_once(handling: Handling) -> None:
    """Tell DSOs with the registration itself where there are no batching windows."""
    if handling.endpoint.batch_window_s <= 0:
        tell_grids(handling, handling.endpoint.clock())


def tick(endpoint: Endpoint) -> None:
    """Tell each DSO what has changed in its grid, when a batching window is over."""
    until = last_end(endpoint.clock(), endpoint.batch_window_s)
    cause = f"asset changes {until.isoformat()}"
    with endpoint.database.transaction() as tx:
        tell_grids(platform_desk(endpoint, tx, cause), until)
    dispatch_caused(endpoint, endpoint.platform, cause)


def tell_grids(desk: Desk, until: datetime) -> None:
    """Send each DSO one document for the windows that end by `until`: new, changed and removed assets."""
    changes = asset_changes.take_changes(desk.tx, until)
    parties = registry.parties(desk.tx, changes)
    for dso, change in changes.items():
        peer = parties[dso].correspondent
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


ASSETS = Intake(
    AssetRegistration,
    register_assets,
    follow_up=tell_others_of_assets,
    afterwards=news_of(Topic.REGISTRY),
    sender=registry.sender_of,
    is_kept=True,
)
POINTS = Intake(
    ConnectionPointRegistration,
    register_points,
    follow_up=tell_others_of_points,
    afterwards=news_of(Topic.REGISTRY),
    sender=registry.sender_of,
    is_kept=True,
)
TOPICS: Mapping[tuple[str, str], Any] = {("tps", ASSET): ASSETS, ("tps", POINT): POINTS}


def main(context: Invocation) -> object:
    """Take in one event."""
    return serve(context, topics=TOPICS, on_tick={"tps": tick})
