"""Relay limits (F6a): one limit of a DSO becomes one message per operator concerned, each with its fair part.

Wakes on: TPS-LIMIT-FORESEEN, TPS-LIMIT-UNFORESEEN from DSOs; ticks.
Reads:    who operates which of the listed assets in this DSO's grid, and their weights; assets that changed hands.
Decides:  accepted, refused, or (emergencies) accepted without the assets that the answer names. Weights are frozen now.
Writes:   each revision of the limit, its weighed assets, and each operator's part; that there is news.
Emits:    first the Acknowledgement to the DSO; then to each operator only its own assets and its part; a cancellation
          to operators that are not concerned any more; notices to the DSO.
Privacy:  OPR-OTH, OPR-IDS, DSO-A64, TIM-01 (docs/privacy.md).
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from tps.documents.acknowledgement import DocumentReason, Outcome, RejectedSeries
from tps.documents.limit_status import status_of
from tps.documents.unavailability import LIMIT_TYPES as DIRECTION_CODES
from tps.documents.unavailability import LimitDocument
from tps.domain.fairness import effective_weights
from tps.domain.limit import (
    Action,
    Direction,
    ForeseenLimit,
    Limit,
    LimitKind,
    UnforeseenLimit,
    check_emergency_age,
    check_foreseen,
    check_unforeseen,
)
from tps.domain.limit_revision import LimitStatus, is_stale, succession_findings
from tps.domain.scope import DsoScope
from tps.endpoint.answers import Answer
from tps.endpoint.chores import chores
from tps.endpoint.handling import Handling
from tps.endpoint.intake import Intake
from tps.errors import Finding
from tps.mades.types import LIMIT_FORESEEN, LIMIT_TYPES, LIMIT_UNFORESEEN
from tps.platform import limits, registry
from tps.platform.limit_notices import divide_handed_over, send_notices, watch_revision
from tps.platform.limit_relay import check_deliverable, relay, tie_key
from tps.platform.limits import LimitName, Revision, WeighedAsset
from tps.platform.news import Topic, news_of
from tps.platform.registry import ActiveAsset
from tps.rest.function import Invocation, refuse, serve

SERIES = "1"
STALE = DocumentReason("A84", "a higher revision was received before; this revision has no effect")
KINDS = {message_type: kind for kind, message_type in LIMIT_TYPES.items()}
DIRECTIONS = {code: direction for direction, code in DIRECTION_CODES.items()}


def accept(handling: Handling, document: LimitDocument) -> Answer:
    """Accept one revision if the rules, the registry and earlier revisions allow it.

    Raises:
        RuleBroken: The revision as a whole is refused.
    """
    _check_kind(handling, document)
    revision = _revision(handling, document)
    name, limit = revision.name, document.limit
    limits.lock_limit(handling.tx, name.dso, name.limit_id)
    latest = limits.latest(handling.tx, name.dso, name.limit_id)
    standing = latest.standing if latest else None
    if is_stale(standing, name.revision):
        return Answer(Outcome.ACCEPTED, (STALE,))
    refuse(succession_findings(standing, revision.kind, handling.now))
    if limit is None:
        return keep(handling, revision, ())
    if revision.status is LimitStatus.ENDED:
        return keep(handling, revision, _assets_at_end(handling, latest, limit))
    _check_time(handling, document, limit)
    return accept_standing(handling, revision, limit)


def accept_standing(handling: Handling, revision: Revision, limit: Limit) -> Answer:
    """Accept a limit in force or ahead. A foreseen limit needs all of its assets, an emergency at least one."""
    assets = registry.assets_in_grid(handling.tx, DsoScope(revision.name.dso), limit.asset_ids)
    known = {asset.id for asset in assets}
    unknown = tuple(DocumentReason("A64", asset_id) for asset_id in limit.asset_ids if asset_id not in known)
    if unknown and (isinstance(limit, ForeseenLimit) or not known):
        return Answer(Outcome.REJECTED, rejected=(RejectedSeries(SERIES, unknown),))
    _check_start(limit, assets)
    weighed = weigh(handling, revision.name, limit, assets)
    check_deliverable(handling, revision, weighed)
    accepted = keep(handling, revision, weighed)
    return Answer(Outcome.PARTLY_EMERGENCY, unknown) if unknown else accepted


def keep(handling: Handling, revision: Revision, assets: Iterable[WeighedAsset]) -> Answer:
    """Keep an accepted revision with the weights that its division needs, and watch it from now on."""
    limits.add_revision(handling.tx, revision)
    limits.freeze_assets(handling.tx, revision.name, assets)
    watch_revision(handling, revision)
    return Answer(Outcome.ACCEPTED)


def weigh(handling: Handling, name: LimitName, limit: Limit, assets: Iterable[ActiveAsset]) -> list[WeighedAsset]:
    """Return each listed asset with its weight in the limit's direction. An emergency divides nothing: weight 0."""
    if isinstance(limit, UnforeseenLimit):
        return [WeighedAsset(asset.id, asset.operator, Decimal(0)) for asset in assets]
    ties = tie_key(handling.endpoint, name)
    at_points = registry.assets_at_points(handling.tx, {asset.connection_point_id for asset in assets})
    weights: dict[str, Decimal] = {}
    for neighbours in at_points.values():
        registered = {asset.id: _maximum_kw(asset, limit.direction) for asset in neighbours}
        weights |= effective_weights(registered, _point_maximum_kw(neighbours[0], limit.direction), ties)
    return [WeighedAsset(asset.id, asset.operator, weights[asset.id]) for asset in assets]


def fan_out(handling: Handling, document: LimitDocument) -> None:
    """Divide the limit, and send each operator what is new for it. A repeat finds its messages and sends no others."""
    relay(handling, document.header.sender, document.header.document_id)


def _revision(handling: Handling, document: LimitDocument) -> Revision:
    limit = document.limit
    return Revision(
        name=LimitName(handling.sender.party, document.header.document_id, document.revision),
        kind=KINDS[handling.message.type],
        status=status_of(document),
        direction=DIRECTIONS[document.kind_type],
        period=limit.period if limit else document.period,
        reason=document.reason,
        limit=limit,
        message_id=handling.message.message_id,
        accepted_at=handling.now,
    )


def _assets_at_end(handling: Handling, latest: Revision | None, limit: Limit) -> list[WeighedAsset]:
    """Return the listed assets as they were frozen. Assets that are gone must not keep a limit from ending."""
    frozen = limits.frozen_assets(handling.tx, latest.name) if latest else []
    listed = set(limit.asset_ids)
    return [asset for asset in frozen if asset.asset_id in listed]


def _check_kind(handling: Handling, document: LimitDocument) -> None:
    """Refuse a limit of another kind than its message type says."""
    kind = LimitKind.FORESEEN if isinstance(document.limit, ForeseenLimit) else LimitKind.UNFORESEEN
    if document.limit is not None and KINDS[handling.message.type] is not kind:
        refuse([Finding("A94", "", "the limit does not match the message type")])


def _check_time(handling: Handling, document: LimitDocument, limit: Limit) -> None:
    if isinstance(limit, ForeseenLimit):
        findings = check_foreseen(limit, handling.now)
    else:
        findings = check_unforeseen(limit, handling.now)
        findings += check_emergency_age(document.header.created_at, handling.now)
    refuse([replace(finding, subject=None) for finding in findings])


def _check_start(limit: Limit, assets: Iterable[ActiveAsset]) -> None:
    """Refuse a start without a direction if one of its assets can produce and consume."""
    is_start = isinstance(limit, UnforeseenLimit) and limit.action is Action.START
    if is_start and limit.direction is Direction.BOTH and any(map(_goes_both_ways, assets)):
        detail = "direction must be production or consumption, because an asset can do both"
        refuse([Finding("A59", "/direction", detail)])


def _goes_both_ways(asset: ActiveAsset) -> bool:
    return bool(asset.max_production_kw) and bool(asset.max_consumption_kw)


def _maximum_kw(asset: ActiveAsset, direction: Direction) -> Decimal:
    power_kw = asset.max_production_kw if direction is Direction.PRODUCTION else asset.max_consumption_kw
    return power_kw or Decimal(0)


def _point_maximum_kw(asset: ActiveAsset, direction: Direction) -> Decimal | None:
    return asset.point_production_kw if direction is Direction.PRODUCTION else asset.point_consumption_kw


LIMIT = Intake(
    LimitDocument,
    accept,
    follow_up=fan_out,
    afterwards=news_of(Topic.LIMITS),
    sender=registry.sender_of,
    is_kept=True,
)
TOPICS = {("tps", LIMIT_FORESEEN): LIMIT, ("tps", LIMIT_UNFORESEEN): LIMIT}
TICKS = {"tps": chores(divide_handed_over, send_notices)}


def main(context: Invocation) -> object:
    """Take in one event."""
    return serve(context, topics=TOPICS, on_tick=TICKS)
