"""The relay of a DSO's limit to operators, revision by revision.

Each operator has its own revision numbers: 1, 2, 3. A revision that does not concern an operator is not sent to it. An
operator that is no longer concerned gets a cancellation. If it becomes concerned again, it gets a new limit id.

Source: docs/requirements.md, F6a; docs/semantics.md, "Update, cancel, end"; docs/adr/0012-revisions-per-recipient.md.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tps.documents import encode
from tps.documents.errors import InvalidDocument
from tps.documents.limit_status import DOCUMENT_STATUSES
from tps.documents.unavailability import LimitDocument, limit_type
from tps.domain.fairness import WEIGHTED_MAX_MIN, share_limit
from tps.domain.limit import AvailablePower, ForeseenLimit, Limit, LimitKind, Share
from tps.domain.limit_revision import LimitStatus
from tps.endpoint.endpoint import Endpoint
from tps.endpoint.handling import Desk
from tps.endpoint.sending import Draft
from tps.errors import Finding, RuleBroken
from tps.mades.ids import derived_id
from tps.mades.types import LIMIT_TYPES
from tps.platform import limits, registry
from tps.platform.limits import LimitName, OperatorPart, Revision, WeighedAsset
from tps.platform.registry import Party

# Ids of documents that the platform sends have 32 hexadecimal digits.
_ID_CHARACTERS = 32
_STANDING = (LimitStatus.ACTIVE, LimitStatus.ENDED)
_Assets = Mapping[str, Sequence[WeighedAsset]]


@dataclass(frozen=True, slots=True)
class _Change:
    """The next message to one operator. `limit` is None if the limit no longer concerns the operator."""

    part: OperatorPart
    limit: Limit | None


def relay(desk: Desk, dso: str, limit_id: str) -> None:
    """Decide, once, the messages to operators for every accepted revision of a limit, in order.

    A revision may be accepted before the relay of the one before. The cause of the messages is always the message with
    the revision, whichever process decides them.
    """
    limits.lock_limit(desk.tx, dso, limit_id)
    for revision in limits.unrelayed(desk.tx, dso, limit_id):
        _relay_one(replace(desk, cause=revision.message_id), revision)


def _relay_one(desk: Desk, revision: Revision) -> None:
    held = limits.last_parts(desk.tx, revision.name.dso, revision.name.limit_id)
    assets = by_operator(limits.frozen_assets(desk.tx, revision.name))
    if revision.status is LimitStatus.ENDED:
        assets = {operator: own for operator, own in assets.items() if _holds(held.get(operator))}
    changes = [
        _standing(desk.endpoint, revision, _own_limit(revision, part, assets), held.get(part.operator))
        for part in divide(desk.endpoint, revision, assets)
    ]
    changes += [_closing(revision, part) for part in held.values() if _holds(part) and part.operator not in assets]
    send_changes(desk, revision, changes, held)
    limits.mark_relayed(desk.tx, revision.name)


def by_operator(assets: Iterable[WeighedAsset]) -> dict[str, list[WeighedAsset]]:
    """Group frozen assets by operator."""
    grouped: dict[str, list[WeighedAsset]] = defaultdict(list)
    for asset in assets:
        grouped[asset.operator].append(asset)
    return dict(grouped)


def divide(endpoint: Endpoint, revision: Revision, assets: _Assets) -> list[OperatorPart]:
    """Return each operator's part of each interval, none in an emergency (docs/semantics.md, "Fairness").

    The parts have no ids yet.
    """
    weights = {operator: _weight_kw(own) for operator, own in assets.items()}
    slots = revision.limit.available if isinstance(revision.limit, ForeseenLimit) else ()
    divided = [share_limit(slot.power_kw, weights, tie_key(endpoint, revision.name)) for slot in slots]
    return [
        OperatorPart(operator, "", 0, weights[operator], tuple(parts[operator] for parts in divided))
        for operator in sorted(assets)
    ]


def check_deliverable(desk: Desk, revision: Revision, assets: Sequence[WeighedAsset]) -> None:
    """Refuse a limit whose largest part fits into no document: an accepted limit must reach each operator.

    The part of the operator with the most assets stands for all parts. Each power has the longest form that a part can
    have.

    Raises:
        RuleBroken: The limit is too large (A59). The DSO must divide it into several limits.
    """
    grouped = by_operator(assets)
    operator = max(grouped, key=lambda code: (len(grouped[code]), code))
    slots = revision.limit.available if isinstance(revision.limit, ForeseenLimit) else ()
    powers_kw = tuple(Decimal(f"{int(slot.power_kw)}.999") for slot in slots)
    part = OperatorPart(operator, "0" * _ID_CHARACTERS, 1, _weight_kw(grouped[operator]), powers_kw)
    parties = registry.parties(desk.tx, [revision.name.dso, operator])
    change = _own_limit(revision, part, grouped)
    try:
        encode(_document(desk, revision, change, (parties[revision.name.dso], parties[operator])))
    except InvalidDocument as error:
        detail = "the limit is too large for one document: send fewer intervals or fewer assets per limit"
        raise RuleBroken(detail, [Finding("A59", "", detail)]) from error


def divide_between(desk: Desk, revision: Revision, moves: Sequence[tuple[str, str, str]]) -> None:
    """Pool the parts of two operators and divide them again between these two, because assets changed hands.

    Args:
        moves: (asset, from, to). Each pair of operators is handled in turn.
    """
    pairs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for asset_id, before, after in moves:
        pairs[(before, after)].append(asset_id)
    for pair, asset_ids in sorted(pairs.items()):
        limits.move_assets(desk.tx, revision.name, asset_ids, pair[1])
        if revision.is_relayed:
            _divide_pair(desk, revision, pair)


def _divide_pair(desk: Desk, revision: Revision, pair: tuple[str, str]) -> None:
    held = limits.last_parts(desk.tx, revision.name.dso, revision.name.limit_id)
    assets = by_operator(limits.frozen_assets(desk.tx, revision.name))
    two = {operator: assets.get(operator, []) for operator in pair}
    weights = {operator: _weight_kw(own) for operator, own in two.items()}
    slots = revision.limit.available if isinstance(revision.limit, ForeseenLimit) else ()
    parts: dict[str, list[Decimal]] = {operator: [] for operator in pair}
    for index in range(len(slots)):
        standing = (held[operator] for operator in pair if _holds(held.get(operator)))
        pooled_kw = sum((part.parts_kw[index] for part in standing), Decimal(0))
        for operator, part_kw in share_limit(pooled_kw, weights, tie_key(desk.endpoint, revision.name)).items():
            parts[operator].append(part_kw)
    changes = []
    for operator in sorted(pair):
        part = OperatorPart(operator, "", 0, weights[operator], tuple(parts[operator]))
        if two[operator]:
            own = _own_limit(revision, part, two)
            changes.append(_standing(desk.endpoint, revision, own, held.get(operator)))
        elif _holds(held.get(operator)):
            changes.append(_closing(revision, held[operator]))
    send_changes(desk, revision, changes, held)


def send_changes(desk: Desk, revision: Revision, changes: Sequence[_Change], held: Mapping[str, OperatorPart]) -> None:
    """Store each operator's part, and send the changed ones."""
    dso = revision.name.dso
    parties = registry.parties(desk.tx, [dso, *(change.part.operator for change in changes)])
    kept = []
    for change in sorted(changes, key=lambda change: change.part.operator):
        part, operator = change.part, parties[change.part.operator]
        if _is_news(part, held.get(part.operator)):
            purpose = f"limit {part.sent_limit_id}-{part.sent_revision}"
            part = replace(part, message_id=desk.derived_id(operator.component, f"message {purpose}"))
            desk.send(_draft(desk, revision, replace(change, part=part), (parties[dso], operator)), purpose)
        kept.append(part)
    limits.put_parts(desk.tx, revision.name, kept)


def limit_of_part(limit: Limit, part: OperatorPart, assets: Sequence[WeighedAsset]) -> Limit:
    """Return one operator's limit: its assets and its part, without data of others."""
    limit = replace(limit, asset_ids=tuple(asset.asset_id for asset in assets))
    if not isinstance(limit, ForeseenLimit):
        return limit
    slots = zip(limit.available, part.parts_kw, strict=True)
    return replace(limit, available=tuple(AvailablePower(slot.interval, part_kw) for slot, part_kw in slots))


def _own_limit(revision: Revision, part: OperatorPart, assets: _Assets) -> _Change:
    assert revision.limit is not None
    return _Change(part, limit_of_part(revision.limit, part, assets[part.operator]))


def tie_key(endpoint: Endpoint, name: LimitName) -> bytes:
    """Return the key that decides between equal operators, the same for all revisions and intervals of a limit."""
    return hmac.digest(endpoint.secret("ties"), f"{name.dso}/{name.limit_id}".encode(), hashlib.sha256)


def _standing(endpoint: Endpoint, revision: Revision, change: _Change, before: OperatorPart | None) -> _Change:
    """Return the change for an operator that is concerned.

    It is the next revision of the operator's limit, an unchanged part, or a limit with a new id.
    """
    digest = hashlib.sha256(repr(change.limit).encode()).digest()
    part = replace(change.part, status=revision.status, digest=digest)
    if before is None or not _holds(before):
        generation = 0 if before is None else before.generation + 1
        sent_limit_id = _sent_id(endpoint, revision.name, part.operator, generation)
        return replace(change, part=replace(part, sent_limit_id=sent_limit_id, sent_revision=1, generation=generation))
    is_changed = (before.digest, before.status) != (part.digest, part.status)
    part = replace(
        part,
        sent_limit_id=before.sent_limit_id,
        sent_revision=before.sent_revision + is_changed,
        generation=before.generation,
        message_id=before.message_id,
    )
    return replace(change, part=part)


def _closing(revision: Revision, part: OperatorPart) -> _Change:
    """Return the change for an operator that is no longer concerned, or whose limit is cancelled or withdrawn."""
    status = LimitStatus.CANCELLED if revision.status in _STANDING else revision.status
    out = replace(part, status=status, sent_revision=part.sent_revision + 1, parts_kw=(), digest=b"")
    return _Change(out, None)


def _is_news(part: OperatorPart, before: OperatorPart | None) -> bool:
    sent = (part.sent_limit_id, part.sent_revision)
    return before is None or sent != (before.sent_limit_id, before.sent_revision)


def _holds(part: OperatorPart | None) -> bool:
    return part is not None and part.status in _STANDING


def _sent_id(endpoint: Endpoint, name: LimitName, operator: str, generation: int) -> str:
    purpose = f"limit {generation}" if generation else "limit"
    return derived_id(endpoint.secret("ids"), f"{name.dso}/{name.limit_id}", operator, purpose)


def _draft(desk: Desk, revision: Revision, change: _Change, parties: tuple[Party, Party]) -> Draft:
    """Return the message to one operator."""
    part, operator = change.part, parties[1]
    is_urgent = change.limit is not None and revision.kind is LimitKind.UNFORESEEN
    # The start of an emergency is useless after its end. A change or the end must arrive at any time: otherwise the
    # operator follows the earlier message.
    no_use_after = revision.period.end if is_urgent and part.sent_revision == 1 else None
    return Draft(
        sender=desk.own.code,
        receiver=operator.component,
        type=LIMIT_TYPES[revision.kind],
        content=encode(_document(desk, revision, change, parties)),
        document_id=part.sent_limit_id,
        revision=part.sent_revision,
        no_use_after=no_use_after,
    )


def _document(desk: Desk, revision: Revision, change: _Change, parties: tuple[Party, Party]) -> LimitDocument:
    part, (issuer, operator) = change.part, parties
    is_standing = change.limit is not None
    is_divided = is_standing and revision.kind is LimitKind.FORESEEN
    return LimitDocument(
        header=desk.header_to(operator.correspondent, part.sent_limit_id),
        revision=part.sent_revision,
        status=DOCUMENT_STATUSES[part.status],
        period=revision.period,
        kind_type=limit_type(revision.direction),
        limit=change.limit,
        reason=revision.reason,
        issuer=issuer.code if is_standing else None,
        issuer_name=issuer.name if is_standing else None,
        share=Share(WEIGHTED_MAX_MIN, part.weight_kw) if is_divided else None,
    )


def _weight_kw(assets: Iterable[WeighedAsset]) -> Decimal:
    return sum((asset.weight_kw for asset in assets), Decimal(0))
