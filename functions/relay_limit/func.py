"""Relay limits (F6a): one limit of a DSO becomes one message per operator concerned, each with its fair part.

Wakes on: TPS-LIMIT-FORESEEN, TPS-LIMIT-UNFORESEEN from DSOs; ticks.
Reads:    who operates which of the listed assets in this DSO's grid, and what each weighs; assets that changed hands.
Decides:  accepted, refused, or (emergencies) accepted but for the assets named; weights are frozen then.
Writes:   each revision of the limit, its weighed assets, and each operator's part; that there is news.
Emits:    first the Acknowledgement to the DSO, then to each operator only its assets and its part; cancels to those who
          are out of it; notices to the DSO.
Privacy:  OPR-OTH, OPR-IDS, DSO-A64, TIM-01 (docs/privacy.md).
"""

from dataclasses import replace
from decimal import Decimal

import structlog

from tps.documents.acknowledgement import DocumentReason, Outcome, RejectedSeries
from tps.documents.unavailability import LIMIT_TYPES as DIRECTION_CODES
from tps.documents.unavailability import DocumentStatus, LimitDocument
from tps.domain.fairness import effective_weights
from tps.domain.limit import (
    Action,
    Direction,
    ForeseenLimit,
    LimitKind,
    UnforeseenLimit,
    check_emergency_age,
    check_foreseen,
    check_unforeseen,
)
from tps.domain.limit_revision import LimitStatus, is_ending, is_stale, succession_findings
from tps.domain.scope import DsoScope
from tps.endpoint.answers import Answer, answer_document
from tps.endpoint.handling import ROLES, Correspondent, take
from tps.errors import Finding, RuleBroken, StoreAway
from tps.mades.types import LIMIT_FORESEEN, LIMIT_TYPES, LIMIT_UNFORESEEN
from tps.platform import limits, registry
from tps.platform.limit_notices import divide_handed_over, send_notices, watch_revision
from tps.platform.limit_relay import relay, tie_key
from tps.platform.limits import LimitName, Revision, WeighedAsset
from tps.platform.news import tell_operator
from tps.platform.news_counts import Topic
from tps.rest.function import serve

SERIES = "1"
STALE = DocumentReason("A84", "a higher revision was received before; this revision has no effect")
KINDS = {message_type: kind for kind, message_type in LIMIT_TYPES.items()}
DIRECTIONS = {code: direction for direction, code in DIRECTION_CODES.items()}
CLOSINGS = {DocumentStatus.CANCELLED: LimitStatus.CANCELLED, DocumentStatus.WITHDRAWN: LimitStatus.WITHDRAWN}
_log = structlog.get_logger()


def take_limit(endpoint, arrival):
    """One revision of a limit, from the broker to the operators concerned."""
    status = take(endpoint, arrival, decide, follow_up=fan_out)
    tell_operator(endpoint, Topic.LIMITS)
    return status


def tick(endpoint):
    """Divide anew what changed hands, and tell DSOs what is due."""
    for chore in (divide_handed_over, send_notices):
        try:
            chore(endpoint)
        except StoreAway as error:
            _log.warning("left for a later tick", chore=chore.__name__, why=error.detail)


def decide(handling):
    """Accept a revision and freeze what its division needs, or refuse it."""
    dso = registry.party_by_component(handling.tx, handling.message.sender)
    peer = Correspondent(handling.message.sender, dso.code, ROLES[dso.role])
    return answer_document(handling, peer, lambda document: accept(handling, DsoScope(dso.code), document))


def fan_out(handling):
    """Divide, and send each operator what is news to it; runs again unharmed."""
    document = handling.document
    relay(handling, document.header.sender, document.header.document_id)


def accept(handling, scope, document):
    """Accept what the rules, the registry and earlier revisions allow.

    Raises:
        RuleBroken: The revision as a whole is refused.
    """
    _check_type(handling, document)
    name = LimitName(scope.party, document.header.document_id, document.revision)
    limits.lock_limit(handling.tx, name.dso, name.limit_id)
    latest = limits.latest(handling.tx, name.dso, name.limit_id)
    standing = latest.standing if latest else None
    if is_stale(standing, name.revision):
        return Answer(Outcome.ACCEPTED, (STALE,))
    _refuse(succession_findings(standing, KINDS[handling.message.type], handling.now))
    if document.limit is None:
        keep(handling, _revision(handling, name, document, CLOSINGS[document.status]), ())
        return Answer(Outcome.ACCEPTED)
    if is_ending(name.revision, document.limit.period.end, document.header.created_at):
        keep(
            handling, _revision(handling, name, document, LimitStatus.ENDED), _assets_at_end(handling, latest, document)
        )
        return Answer(Outcome.ACCEPTED)
    return accept_standing(handling, scope, _revision(handling, name, document, LimitStatus.ACTIVE), document)


def accept_standing(handling, scope, revision, document):
    """A limit in force or ahead: foreseen ones for all of their assets, emergencies for those that are known."""
    limit = document.limit
    _check_time(handling, document)
    assets = registry.assets_in_grid(handling.tx, scope, limit.asset_ids)
    known = {asset.id for asset in assets}
    unknown = tuple(DocumentReason("A64", asset_id) for asset_id in limit.asset_ids if asset_id not in known)
    if unknown and (isinstance(limit, ForeseenLimit) or not known):
        return Answer(Outcome.REJECTED, rejected=(RejectedSeries(SERIES, unknown),))
    _check_start(limit, assets)
    keep(handling, revision, weigh(handling, revision.name, limit, assets))
    return Answer(Outcome.PARTLY_EMERGENCY, unknown) if unknown else Answer(Outcome.ACCEPTED)


def keep(handling, revision, assets):
    """Keep an accepted revision, with what its division needs, and watch it from now on."""
    limits.add_revision(handling.tx, revision)
    limits.freeze_assets(handling.tx, revision.name, assets)
    watch_revision(handling, revision)


def weigh(handling, name, limit, assets):
    """What each listed asset weighs in the limit's direction; emergencies divide nothing, so nothing weighs."""
    if isinstance(limit, UnforeseenLimit):
        return [WeighedAsset(asset.id, asset.operator, Decimal(0)) for asset in assets]
    ties = tie_key(handling.endpoint, name)
    at_points = registry.assets_at_points(handling.tx, {asset.connection_point_id for asset in assets})
    weights = {}
    for neighbours in at_points.values():
        registered = {asset.id: _maximum(asset, limit.direction) for asset in neighbours}
        weights |= effective_weights(registered, _point_maximum(neighbours[0], limit.direction), ties)
    return [WeighedAsset(asset.id, asset.operator, weights[asset.id]) for asset in assets]


def _assets_at_end(handling, latest, document):
    """What an ending is about: what was in force, as it was frozen; gone assets must not keep a limit from ending."""
    frozen = limits.frozen_assets(handling.tx, latest.name) if latest else []
    listed = set(document.limit.asset_ids)
    return [asset for asset in frozen if asset.asset_id in listed]


def _revision(handling, name, document, status):
    limit = document.limit
    return Revision(
        name=name,
        kind=KINDS[handling.message.type],
        status=status,
        direction=DIRECTIONS[document.kind_type],
        period=limit.period if limit else document.period,
        reason=document.reason,
        limit=limit,
        message_id=handling.message.message_id,
        accepted_at=handling.now,
    )


def _check_type(handling, document):
    """A limit, of the kind that its message type says."""
    if not isinstance(document, LimitDocument):
        _refuse([Finding("A94", "", "the document is not a limit")])
    kind = LimitKind.FORESEEN if isinstance(document.limit, ForeseenLimit) else LimitKind.UNFORESEEN
    if document.limit is not None and KINDS[handling.message.type] is not kind:
        _refuse([Finding("A94", "", "the limit does not match the message type")])


def _check_time(handling, document):
    limit = document.limit
    if isinstance(limit, ForeseenLimit):
        findings = check_foreseen(limit, handling.now)
    else:
        findings = check_unforeseen(limit, handling.now)
        findings += check_emergency_age(document.header.created_at, handling.now)
    _refuse([replace(finding, subject=None) for finding in findings])


def _check_start(limit, assets):
    """A start must say its direction if an asset could go both ways."""
    is_start = isinstance(limit, UnforeseenLimit) and limit.action is Action.START
    if is_start and limit.direction is Direction.BOTH and any(_goes_both_ways(asset) for asset in assets):
        _refuse(
            [Finding("A59", "/direction", "direction must be production or consumption, because an asset can do both")]
        )


def _goes_both_ways(asset):
    return bool(asset.max_production_kw) and bool(asset.max_consumption_kw)


def _maximum(asset, direction):
    power_kw = asset.max_production_kw if direction is Direction.PRODUCTION else asset.max_consumption_kw
    return power_kw or Decimal(0)


def _point_maximum(asset, direction):
    return asset.point_production_kw if direction is Direction.PRODUCTION else asset.point_consumption_kw


def _refuse(findings):
    if findings:
        raise RuleBroken(findings[0].detail, findings)


TOPICS = {("tps", LIMIT_FORESEEN): take_limit, ("tps", LIMIT_UNFORESEEN): take_limit}


def main(context):
    """Take in one event."""
    return serve(context, topics=TOPICS, on_tick={"tps": tick})
