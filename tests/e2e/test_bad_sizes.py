"""The server refuses bodies above its limit before a function reads them."""

from __future__ import annotations

import pytest

from tests.functions.test_bad_input import refused_by_name
from tests.support.bad_input import TOO_LARGE, Bad, send
from tests.support.scene import Scene


@pytest.mark.parametrize("row", TOO_LARGE, ids=lambda row: row.what)
def test_a_body_that_is_too_large_is_refused_and_leaves_nothing_behind(scene: Scene, row: Bad) -> None:
    before = scene.stored()

    refused_by_name(send(scene, row), row)

    assert scene.stored() == before
