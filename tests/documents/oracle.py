"""Location of the independent sources: `TPS_ORACLE_DIR`, or a folder beside the repository. Tests skip without them."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ROOT.parent / "shared"
ORACLE = Path(os.environ.get("TPS_ORACLE_DIR") or BESIDE / "oracle")
EXAMPLES = BESIDE / "design" / "documents"


def files(folder: Path, pattern: str) -> list[object]:
    """Return one test parameter per file. Without files, return one parameter that skips with the reason."""
    paths = sorted(folder.glob(pattern))
    if paths:
        return [pytest.param(path, id=path.stem) for path in paths]
    return [pytest.param(folder, marks=pytest.mark.skip(reason=f"no {pattern} in {folder.name}: oracle absent"))]
