"""A model of the operators' plans and of the DSOs' view, as simple as possible: by operator, asset and quarter-hour."""

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
    """An operator's registration of an asset."""

    point_id: str
    up_kw: int
    down_kw: int

    def allows(self, quarters: Quarters) -> bool:
        return max(quarters.values()) <= self.up_kw and -min(quarters.values()) <= self.down_kw


@dataclass
class Revision:
    """A sent revision and its outcome; `named` has all its series, including cancelled ones."""

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
    """All revisions of a document, by number; of two with one number, the later, if the earlier was refused.

    Attributes:
        highest: The highest revision that took effect.
        standing_ids: Assets that the next revision must contain.
    """

    operator: str
    revisions: dict[int, Revision] = field(default_factory=dict)
    highest: int = 0
    is_cancelled: bool = False
    standing_ids: set[str] = field(default_factory=set)

    @property
    def shown(self) -> Revision:
        """Return the newest revision that was not refused, if there is one."""
        in_order = [self.revisions[number] for number in sorted(self.revisions)]
        return ([each for each in in_order if each.status != "refused"] or in_order)[-1]

    @property
    def so_far(self) -> set[str]:
        """Return the assets that a backend includes in the next revision."""
        return set(self.shown.plan) if self.revisions and self.shown.status != "refused" else set()


@dataclass
class Plans:
    """The registrations, and the plan in force of each operator and asset with its document."""

    points: dict[str, str]
    claims: dict[str, dict[str, Claim]] = field(default_factory=lambda: defaultdict(dict))
    documents: dict[str, Document] = field(default_factory=dict)
    standing: dict[tuple[str, str], dict[int, tuple[float, str]]] = field(default_factory=lambda: defaultdict(dict))

    def draft(self, document_id: str | None, plan: Plan, in_doubt: Collection[str] = ()) -> Revision:
        """Return the next revision of a document; `in_doubt` has assets of a revision that was not answered yet."""
        document = self.documents.get(document_id or "")
        so_far = document.so_far if document else set()
        number = max(document.revisions, default=0) + 1 if document else 1
        return Revision(number, plan, {*plan, *so_far, *in_doubt})

    def arrive(self, operator: str, document_id: str, revision: Revision, left_out: Collection[str] = ()) -> None:
        """Apply a revision at the platform; `left_out` was never written."""
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
        """Return the code if the whole revision is refused, whatever its series contain."""
        if revision.number < document.highest:
            return ""
        if document.is_cancelled:
            return "A59"
        return "A52" if document.standing_ids - revision.named else ""

    def _judge(self, document_id: str, revision: Revision, left_out: set[str]) -> None:
        """Decide each series, unless a higher revision took effect before."""
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
        """Return the plans that a DSO sees: those of the present operators of assets in its grid."""
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
