"""Register connection points (F4c): a DSO sets, changes, reads and removes the points of its grid.

Wakes on: HTTP from a DSO.                    Reads: its own points as accepted, and changes under way.
Decides:  whether each entry is well formed.  Writes: each change under way.
Emits:    TPS-POINT (Ref_MarketDocument, A62) to the platform; answers with the platform's acknowledgement.
Sections are the DSO's own labels: they stay in its backend.
Privacy:  FLD-01, DSO-GRD, REF-01 (docs/privacy.md).
"""

from tps.api.types import PointBody, PointPatchesBody, PointsBody, point_json
from tps.documents.ref import ConnectionPointRegistration
from tps.domain.asset import ConnectionPoint
from tps.domain.identifiers import canonical_point_id
from tps.domain.registration import check_connection_points
from tps.mades.types import POINT
from tps.rest.contract import contract_routes
from tps.rest.function import Invocation, Route, pong, serve
from tps.rest.resources import ResourceKind

POINTS = ResourceKind[ConnectionPoint](
    path="/dso/v1/connection-points",
    name="connection_points",
    message_type=POINT,
    body=PointsBody,
    patch=PointPatchesBody,
    entry=PointBody.to_domain,
    one=PointBody,
    check=check_connection_points,
    document=ConnectionPointRegistration,
    to_json=point_json,
    canonical_id=canonical_point_id,
)

ROUTES = (Route("GET", "/dso/v1/ping", pong, is_open=True), *contract_routes("dso"), *POINTS.routes())


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
