"""Send limits (F6b): a DSO limits assets in its grid, foreseen (maintenance) or unforeseen (a fault).

Wakes on: HTTP from a DSO.
Decides:  whether the limit is well formed and not over; the platform decides the rest.
Emits:    TPS-LIMIT-FORESEEN or TPS-LIMIT-UNFORESEEN (Unavailability_MarketDocument) to the platform; answers with the
          platform's acknowledgement, for an emergency with the assets that were left out.
Privacy:  DSO-A64, FLD-01, REF-01 (docs/privacy.md).
"""

from tps.api.bodies import read_body
from tps.api.types import ForeseenBody, UnforeseenBody
from tps.documents.unavailability import REASON_CODES, DocumentStatus, LimitDocument, limit_type
from tps.domain.identifiers import asset_id_findings
from tps.domain.limit import UnforeseenLimit, check_foreseen, check_unforeseen, in_order
from tps.errors import Finding
from tps.mades.types import LIMIT_FORESEEN, LIMIT_UNFORESEEN
from tps.runtime.function import Route, refuse, serve
from tps.runtime.submission import Submission, sending, submit


def send_foreseen(call):
    """Power available to the listed assets, per interval; all of it is accepted, or nothing."""
    call.only_known()
    limit = read_body(ForeseenBody, call.raw_body).to_domain()
    ids = enumerate(limit.asset_ids)
    malformed = [finding for index, each in ids for finding in asset_id_findings(each, f"/asset_ids/{index}")]
    refuse([*malformed, *check_foreseen(limit, call.now), *_reason_findings(limit)])
    return _send(call, LIMIT_FORESEEN, in_order(limit))


def send_unforeseen(call):
    """Start, stop or hold, now; accepted for every asset that is in the DSO's grid, the rest is named."""
    call.only_known()
    limit = read_body(UnforeseenBody, call.raw_body).to_domain(call.now)
    refuse([*check_unforeseen(limit, call.now), *_reason_findings(limit)])
    return _send(call, LIMIT_UNFORESEEN, limit)


def _send(call, message_type, limit):
    places = {asset_id: index for index, asset_id in enumerate(limit.asset_ids)}
    submission = Submission(
        type=message_type,
        build=lambda header: LimitDocument(
            header=header,
            revision=1,
            status=DocumentStatus.ACTIVE,
            period=limit.period,
            kind_type=limit_type(limit.direction),
            limit=limit,
            reason=limit.reason,
        ),
        revision=1,
        no_use_after=limit.period.end if isinstance(limit, UnforeseenLimit) else None,
        success=201,
        pointer_of=lambda subject: f"/asset_ids/{places[subject]}" if subject in places else "",
    )
    return submit(call, submission)


def _reason_findings(limit):
    if limit.reason.code not in REASON_CODES:
        yield Finding("A59", "/reason/code", f"reason codes for limits are {', '.join(sorted(REASON_CODES))}")


ROUTES = (
    Route("POST", "/dso/v1/capacity-limits/foreseen", sending(send_foreseen, success=201)),
    Route("POST", "/dso/v1/capacity-limits/unforeseen", sending(send_unforeseen, success=201)),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
