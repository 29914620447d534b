"""Relay limits (F6a): one limit of a DSO becomes one message per operator concerned, each with its fair part.

Wakes on: TPS-LIMIT-FORESEEN, TPS-LIMIT-UNFORESEEN from DSOs.
Reads:    who operates which of the listed assets in this DSO's grid, and what each weighs.
Decides:  accepted, refused, or (emergencies) accepted but for the assets named; weights are frozen then.
Writes:   the limit, its weighed assets, and each operator's part.
Emits:    first the Acknowledgement to the DSO, then to each operator only its assets and its part.
Privacy:  OPR-OTH, OPR-IDS, DSO-A64, TIM-01 (docs/privacy.md).
"""

import hashlib
import hmac
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from tps.documents import decode, encode
from tps.documents.acknowledgement import DocumentReason, Outcome, RejectedSeries
from tps.documents.unavailability import DocumentStatus, LimitDocument, limit_type
from tps.domain.fairness import WEIGHTED_MAX_MIN, effective_weights, share_limit
from tps.domain.limit import (
    Action,
    AvailablePower,
    Direction,
    ForeseenLimit,
    Share,
    UnforeseenLimit,
    check_emergency_age,
    check_foreseen,
    check_unforeseen,
)
from tps.domain.scope import DsoScope
from tps.endpoint.answers import Answer, answer_document
from tps.endpoint.handling import ROLES, Correspondent, take
from tps.endpoint.sending import Draft
from tps.errors import Finding, RuleBroken
from tps.mades.ids import derived_id
from tps.mades.types import LIMIT_FORESEEN, LIMIT_UNFORESEEN
from tps.runtime.function import serve
from tps.stores import limits, registry
from tps.stores.limits import LimitName, OperatorPart, WeighedAsset

SERIES = "1"


def take_limit(endpoint, arrival):
    """One limit, from the broker to the operators concerned."""
    return take(endpoint, arrival, decide, follow_up=fan_out)


def decide(handling):
    """Accept a limit and freeze what its division needs, or refuse it."""
    dso = registry.party_by_component(handling.tx, handling.message.sender)
    peer = Correspondent(handling.message.sender, dso.code, ROLES[dso.role])
    return answer_document(handling, peer, lambda document: accept(handling, DsoScope(dso.code), document))


def accept(handling, scope, document):
    """Accept what the rules and the registry allow.

    Raises:
        RuleBroken: The limit as a whole is refused.
    """
    limit = _limit_of(handling, document)
    assets = registry.assets_in_grid(handling.tx, scope, limit.asset_ids)
    known = {asset.id for asset in assets}
    unknown = [asset_id for asset_id in limit.asset_ids if asset_id not in known]
    if unknown and (isinstance(limit, ForeseenLimit) or not known):
        reasons = tuple(DocumentReason("A64", asset_id) for asset_id in unknown)
        return Answer(Outcome.REJECTED, rejected=(RejectedSeries(SERIES, reasons),))
    _check_start(limit, assets)
    name = LimitName(scope.party, document.header.document_id, document.revision)
    limits.add_limit(handling.tx, name, limit, message_id=handling.message.message_id, accepted_at=handling.now)
    limits.freeze_assets(handling.tx, name, weigh(handling, name, limit, assets))
    if unknown:
        return Answer(Outcome.PARTLY_EMERGENCY, tuple(DocumentReason("A64", asset_id) for asset_id in unknown))
    return Answer(Outcome.ACCEPTED)


def weigh(handling, name, limit, assets):
    """What each listed asset weighs in the limit's direction; emergencies divide nothing, so nothing weighs."""
    if isinstance(limit, UnforeseenLimit):
        return [WeighedAsset(asset.id, asset.operator, Decimal(0)) for asset in assets]
    tie_key = _tie_key(handling, name)
    at_points = registry.assets_at_points(handling.tx, {asset.connection_point_id for asset in assets})
    weights = {}
    for neighbours in at_points.values():
        registered = {asset.id: _maximum(asset, limit.direction) for asset in neighbours}
        weights |= effective_weights(registered, _point_maximum(neighbours[0], limit.direction), tie_key)
    return [WeighedAsset(asset.id, asset.operator, weights[asset.id]) for asset in assets]


def fan_out(handling):
    """Divide, and send each operator its assets and its part; runs again unharmed."""
    document = decode(handling.message.content)
    dso = document.header.sender
    name = LimitName(dso, document.header.document_id, document.revision)
    if not limits.was_decided_by(handling.tx, name, handling.message.message_id):
        return
    by_operator = defaultdict(list)
    for asset in limits.frozen_assets(handling.tx, name):
        by_operator[asset.operator].append(asset)
    parts = divide(handling, name, document.limit, by_operator)
    limits.add_parts(handling.tx, name, parts)
    parties = registry.parties(handling.tx, [dso, *by_operator])
    for part in parts:
        limit = limit_of_part(document.limit, part, by_operator[part.operator])
        send_part(handling, part, limit, issuer=parties[dso], operator=parties[part.operator])


def divide(handling, name, limit, by_operator):
    """Each operator's part of each interval (SEMANTICS, Fairness); none in an emergency."""
    weights = {
        operator: sum((asset.weight_kw for asset in assets), Decimal(0)) for operator, assets in by_operator.items()
    }
    slots = limit.available if isinstance(limit, ForeseenLimit) else ()
    tie_key = _tie_key(handling, name)
    divided = [share_limit(slot.power_kw, weights, tie_key) for slot in slots]
    return [
        OperatorPart(
            operator=operator,
            sent_limit_id=derived_id(handling.endpoint.secret("ids"), f"{name.dso}/{name.limit_id}", operator, "limit"),
            sent_revision=1,
            weight_kw=weights[operator],
            parts_kw=tuple(parts[operator] for parts in divided),
        )
        for operator in sorted(by_operator)
    ]


def limit_of_part(limit, part, assets):
    """One operator's limit: its assets, its part, nothing of anybody else."""
    limit = replace(limit, asset_ids=tuple(asset.asset_id for asset in assets))
    if isinstance(limit, UnforeseenLimit):
        return limit
    slots = zip(limit.available, part.parts_kw, strict=True)
    return replace(limit, available=tuple(AvailablePower(slot.interval, part_kw) for slot, part_kw in slots))


def send_part(handling, part, limit, *, issuer, operator):
    """Put one operator's limit into the outbox."""
    is_divided = isinstance(limit, ForeseenLimit)
    peer = Correspondent(operator.component, operator.code, ROLES[operator.role])
    content = encode(
        LimitDocument(
            header=handling.header_to(peer, part.sent_limit_id),
            revision=part.sent_revision,
            status=DocumentStatus.ACTIVE,
            period=limit.period,
            kind_type=limit_type(limit.direction),
            limit=limit,
            reason=limit.reason,
            issuer=issuer.code,
            issuer_name=issuer.name,
            share=Share(WEIGHTED_MAX_MIN, part.weight_kw) if is_divided else None,
        )
    )
    draft = Draft(
        sender=handling.own.code,
        receiver=operator.component,
        type=handling.message.type,
        content=content,
        document_id=part.sent_limit_id,
        revision=part.sent_revision,
        no_use_after=None if is_divided else limit.period.end,
    )
    handling.send(draft, "limit")


def _limit_of(handling, document):
    """The limit of a document that may be accepted now."""
    if not isinstance(document, LimitDocument) or document.status is not DocumentStatus.ACTIVE or document.revision > 1:
        raise _broken(Finding("A94", "", "only new limits are processed"))
    limit = document.limit
    expected = LIMIT_FORESEEN if isinstance(limit, ForeseenLimit) else LIMIT_UNFORESEEN
    if handling.message.type != expected:
        raise _broken(Finding("A94", "", "this limit does not belong to this message type"))
    if isinstance(limit, ForeseenLimit):
        findings = check_foreseen(limit, handling.now)
    else:
        findings = check_unforeseen(limit, handling.now)
        findings += check_emergency_age(document.header.created_at, handling.now)
    if findings:
        raise _broken(*(replace(finding, subject=None) for finding in findings))
    return limit


def _check_start(limit, assets):
    """A start must say its direction if an asset could go both ways."""
    is_start = isinstance(limit, UnforeseenLimit) and limit.action is Action.START
    if is_start and limit.direction is Direction.BOTH and any(_goes_both_ways(asset) for asset in assets):
        raise _broken(Finding("A59", "/direction", "an asset can do both: say production or consumption"))


def _goes_both_ways(asset):
    return bool(asset.max_production_kw) and bool(asset.max_consumption_kw)


def _maximum(asset, direction):
    power_kw = asset.max_production_kw if direction is Direction.PRODUCTION else asset.max_consumption_kw
    return power_kw or Decimal(0)


def _point_maximum(asset, direction):
    return asset.point_production_kw if direction is Direction.PRODUCTION else asset.point_consumption_kw


def _tie_key(handling, name):
    """Decides between equals, alike for all revisions and intervals of a limit."""
    return hmac.digest(handling.endpoint.secret("ties"), f"{name.dso}/{name.limit_id}".encode(), hashlib.sha256)


def _broken(*findings):
    return RuleBroken(findings[0].detail, findings)


TOPICS = {("tps", LIMIT_FORESEEN): take_limit, ("tps", LIMIT_UNFORESEEN): take_limit}


def main(context):
    """Take in one event."""
    return serve(context, topics=TOPICS)
