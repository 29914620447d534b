"""Benches without servers: dividing power, writing and reading documents."""

from __future__ import annotations

import random
import zlib
from datetime import UTC, datetime
from decimal import Decimal

from tools.bench.figures import Figure, Sizes, best_of
from tools.bench.grid import make_grid
from tools.story.grid import make_gln
from tps.documents import decode, encode
from tps.documents.header import Header, Role
from tps.documents.ref import AssetList
from tps.domain.asset import AssetKind, AssetListing
from tps.domain.fairness import share_limit

_RUNS = 3
_HALF = 2


def fairness(sizes: Sizes) -> list[Figure]:
    """Measure the division of one interval among the weights, at half of the installed power."""
    draw = random.Random(1)
    weights_kw = {str(number): Decimal(draw.randint(1, 500_000)) / 1000 for number in range(sizes.assets)}
    total_kw = (sum(weights_kw.values(), Decimal(0)) / _HALF).quantize(Decimal("0.001"))
    seconds = best_of(_RUNS, lambda: share_limit(total_kw, weights_kw, b"ties"))
    return [Figure("fairness", f"one interval divided by {sizes.assets:,} weights", 1000 * seconds, "ms")]


def documents(sizes: Sizes) -> list[Figure]:
    """Measure writing and reading of an asset list, with all checks."""
    document = _asset_list(sizes.assets)
    content = encode(document)
    name = f"list of {sizes.assets:,} assets"
    return [
        Figure("documents", f"{name}, written", 1000 * best_of(_RUNS, lambda: encode(document)), "ms"),
        Figure("documents", f"{name}, read", 1000 * best_of(_RUNS, lambda: decode(content)), "ms"),
        Figure("documents", f"{name}, size", len(content) / 1e6, "MB"),
        Figure("documents", f"{name}, deflated", len(zlib.compress(content)) / 1e6, "MB"),
    ]


def _asset_list(count: int) -> AssetList:
    header = Header(
        document_id="0" * 32,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        sender=make_gln(1),
        sender_role=Role.TPS,
        receiver=make_gln(2),
        receiver_role=Role.DSO,
    )
    assets = (
        AssetListing(asset.id, asset.connection_point_id, AssetKind(asset.kind), asset.max_production_kw)
        for asset in make_grid(count)
    )
    return AssetList(header, tuple(assets))
