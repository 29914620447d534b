"""Where the independent sources are: `TPS_ORACLE_DIR`, else beside the repository; tests skip where they are not."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ROOT.parent / "shared"
ORACLE = Path(os.environ.get("TPS_ORACLE_DIR") or BESIDE / "oracle")
EXAMPLES = BESIDE / "design" / "documents"


def files(folder: Path, pattern: str) -> list[object]:
    """One test parameter per file; where there is none, one that skips with the reason."""
    found = sorted(folder.glob(pattern))
    if found:
        return [pytest.param(path, id=path.stem) for path in found]
    return [pytest.param(folder, marks=pytest.mark.skip(reason=f"no {pattern} in {folder.name}: oracle absent"))]
