"""The page about the component directory tells a new party what to do."""

from __future__ import annotations

import re
from typing import Any

from tests.support.applicants import AtDirectory
from tests.support.world import World, fresh_gln
from tps.host.stack import ROOT


def test_an_applicant_gets_in_by_what_the_page_says(world: World) -> None:
    operator = AtDirectory.of(world, world.settings.platform_party, "tps")
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "mades.md").read_text(), re.MULTILINE | re.DOTALL)
    (block,) = (each for each in blocks if "/ecp/v1" in each)
    code = fresh_gln()
    names: dict[str, Any] = {"base_url": world.stack.gateway_url, "token": world.token(code, "dso")}

    exec(compile(block, "docs/mades.md", "exec"), names)

    names["directory"].close()
    assert names["application"]["status"] == "applied"
    entry = operator.done("POST", f"/components/{code}/approval", {"grid_prefixes": ["5713131"]})
    assert (entry["organisation"], entry["group"], len(entry["certificates"])) == ("Delta Flex", f"dso-{code}", 3)
