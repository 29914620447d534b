"""Register flexibility assets (F4b): an operator sets, changes, reads and removes its own assets.

Wakes on: HTTP from an AGR or BRP.            Reads: its own assets as accepted, and changes under way.
Decides:  whether each entry is well formed.  Writes: each change under way.
Emits:    TPS-ASSET (Ref_MarketDocument, A62) to the platform; answers with the platform's acknowledgement.
Privacy:  FLD-01, OPR-404, REF-01 (docs/privacy.md).
"""

from tps.api.types import AssetBody, AssetPatchesBody, AssetsBody, asset_json
from tps.documents.ref import AssetRegistration
from tps.domain.asset import FlexibilityAsset
from tps.domain.identifiers import canonical_asset_id
from tps.domain.registration import check_assets
from tps.mades.types import ASSET
from tps.rest.contract import contract_routes
from tps.rest.function import Invocation, Route, pong, serve
from tps.rest.resources import ResourceKind

ASSETS = ResourceKind[FlexibilityAsset](
    path="/agr/v1/flexibility-assets",
    name="assets",
    message_type=ASSET,
    body=AssetsBody,
    patch=AssetPatchesBody,
    entry=AssetBody.to_domain,
    one=AssetBody,
    check=check_assets,
    document=AssetRegistration,
    to_json=asset_json,
    canonical_id=canonical_asset_id,
)

ROUTES = (Route("GET", "/agr/v1/ping", pong, is_open=True), *contract_routes("agr"), *ASSETS.routes())


def main(context: Invocation) -> object:
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
