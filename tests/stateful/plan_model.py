"""What operators plan and DSOs see of it, said as plainly as possible: by operator, asset and quarter-hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

Quarters = dict[int, float]
"""Power in kW by quarter-hour, counted from wherever."""
Plan = Mapping[str, Quarters]
"""By asset id."""


@dataclass
class Claim:
    """What an operator has registered of an asset."""

    point_id: str
    up_kw: int
    down_kw: int

    def allows(self, quarters: Quarters) -> bool:
        return max(quarters.values()) <= self.up_kw and -min(quarters.values()) <= self.down_kw


@dataclass
class Revision:
    """One as it was sent and answered; `named` are all its series, the cancelled ones with them."""

    number: int
    plan: Plan
    named: set[str]
    status: str = "refused"
    given: str = "refused"
    """By the platform; `status` reckons in what the sender could not even write."""
    code: str = ""
    """Why it was refused whole."""
    rejected: set[tuple[str, str]] = field(default_factory=set)

    @property
    def shown_status(self) -> str:
        return "cancelled" if self.status == "accepted" and not self.plan else self.status


@dataclass
class Document:
    """Every revision of it, by number; the later of two of one number, if the earlier was refused.

    Attributes:
        highest: Of those that took effect.
        standing_ids: Assets that the next revision must speak of.
    """

    operator: str
    revisions: dict[int, Revision] = field(default_factory=dict)
    highest: int = 0
    is_cancelled: bool = False
    standing_ids: set[str] = field(default_factory=set)

    @property
    def shown(self) -> Revision:
        """The newest that was not refused, if there is one."""
        in_order = [self.revisions[number] for number in sorted(self.revisions)]
        return ([each for each in in_order if each.status != "refused"] or in_order)[-1]

    @property
    def so_far(self) -> set[str]:
        """Assets that a backend makes the next revision speak of."""
        return set(self.shown.plan) if self.revisions and self.shown.status != "refused" else set()


@dataclass
class Plans:
    """Who has registered what, and what stands for whom: power and the document that said so."""

    points: dict[str, str]
    claims: dict[str, dict[str, Claim]] = field(default_factory=lambda: defaultdict(dict))
    documents: dict[str, Document] = field(default_factory=dict)
    standing: dict[tuple[str, str], dict[int, tuple[float, str]]] = field(default_factory=lambda: defaultdict(dict))

    def draft(self, document_id: str | None, plan: Plan, in_doubt: Collection[str] = ()) -> Revision:
        """The next revision of a document; `in_doubt` are assets of one that was not answered when this was written."""
        document = self.documents.get(document_id or "")
        so_far = document.so_far if document else set()
        number = max(document.revisions, default=0) + 1 if document else 1
        return Revision(number, plan, {*plan, *so_far, *in_doubt})

    def arrive(self, operator: str, document_id: str, revision: Revision, left_out: Collection[str] = ()) -> None:
        """The platform judges a revision; `left_out` were never written."""
        document = self.documents.setdefault(document_id, Document(operator))
        earlier = document.revisions.get(revision.number)
        if earlier and earlier.given != "refused":
            is_same = (earlier.plan, earlier.named) == (revision.plan, revision.named)
            revision.given = revision.status = earlier.given if is_same else "refused"
            revision.code = "" if is_same else "A51"
            return
        document.revisions[revision.number] = revision
        revision.code = self._objection(document, revision)
        if not revision.code:
            self._judge(document_id, revision, {*left_out})

    @staticmethod
    def _objection(document: Document, revision: Revision) -> str:
        """Why it is refused whole, whatever its series say."""
        if revision.number < document.highest:
            return ""
        if document.is_cancelled:
            return "A59"
        return "A52" if document.standing_ids - revision.named else ""

    def _judge(self, document_id: str, revision: Revision, left_out: set[str]) -> None:
        """Series by series, unless it is overtaken."""
        document = self.documents[document_id]
        if revision.number < document.highest:
            revision.given = revision.status = "accepted"
            return
        faults = {each: self._fault(document.operator, each, revision) for each in revision.plan}
        refused = {asset_id: code for asset_id, code in faults.items() if code}
        spoken = revision.named - set(refused)
        if not spoken:
            return
        document.highest, document.is_cancelled = revision.number, not revision.plan
        document.standing_ids = (set(revision.plan) - set(refused)) | (document.standing_ids & set(refused))
        revision.rejected = {*refused.items(), *((asset_id, "A42") for asset_id in left_out)}
        revision.given = "partly_accepted" if refused else "accepted"
        revision.status = "partly_accepted" if revision.rejected else "accepted"
        for asset_id in spoken:
            plan = self.standing[(document.operator, asset_id)]
            for quarter in [each for each, (_, source) in plan.items() if source == document_id]:
                del plan[quarter]
            plan |= {quarter: (power, document_id) for quarter, power in revision.plan.get(asset_id, {}).items()}

    def of_grid(self, dso: str) -> dict[str, Quarters]:
        """What a DSO sees: the plans of the present operators of assets in its grid."""
        found = {}
        for asset_id, line in self.claims.items():
            operator, claim = next(iter(line.items()), ("", None))
            plan = self.standing[(operator, asset_id)] if operator else {}
            if claim and plan and self.points.get(claim.point_id) == dso:
                found[asset_id] = {quarter: power for quarter, (power, _) in plan.items()}
        return found

    def _fault(self, operator: str, asset_id: str, revision: Revision) -> str:
        claim = self.claims[asset_id].get(operator)
        if claim is None:
            return "A64"
        return "" if claim.allows(revision.plan[asset_id]) else "A42"
