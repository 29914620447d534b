"""Rules for registrations of assets and connection points, independent of the sender.

These rules need no registry. The registry decides whether an asset belongs to another operator, or a point to no DSO.
Pointers are those of the REST bodies. The subject of a finding is the id as sent, for acknowledgements. All checks
take linear time.

Source: docs/requirements.md, F4; docs/semantics.md, "Registration".
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from tps.domain.asset import ConnectionPoint, FlexibilityAsset, Removal
from tps.domain.identifiers import asset_id_findings, canonical_asset_id, canonical_point_id, point_id_findings
from tps.domain.power import power_findings
from tps.domain.text import MAX_LABEL_LENGTH, name_findings
from tps.errors import Finding


def check_assets(entries: Sequence[FlexibilityAsset | Removal]) -> list[Finding]:
    """Return all faults of a registration of assets.

    A maximum of 0 is allowed and means the same as no maximum. At least one of the two maxima must be above 0 (A69).

    Returns:
        Findings in the order of the entries: `check_digit` (ids), A55 (same asset twice, however its id is
        spelled), A69, A46 and A42 (powers), A59 (name). Empty if there is no fault.
    """
    duplicates = _duplicate_indexes([canonical_asset_id(entry.id) for entry in entries])
    findings: list[Finding] = []
    for index, entry in enumerate(entries):
        pointer = f"/assets/{index}"
        findings += asset_id_findings(entry.id, f"{pointer}/id")
        if index in duplicates:
            findings.append(_duplicate_finding(entry.id, pointer))
        if isinstance(entry, FlexibilityAsset):
            findings += _about(entry.id, _asset_findings(entry, pointer))
    return findings


def check_connection_points(
    entries: Sequence[ConnectionPoint | Removal], grid_prefixes: Sequence[str] = ()
) -> list[Finding]:
    """Return all faults of a registration of connection points.

    Args:
        entries: The registrations and removals as sent.
        grid_prefixes: Prefixes of the canonical ids in the DSO's grid. Without prefixes there is no restriction.
            Removals are exempt, so that a point can still be removed after the prefixes change.

    Returns:
        Findings in the order of the entries: `check_digit` (ids), A55 (same point twice), A64 (outside the DSO's
        grid), A46 and A42 (powers), A59 (name, sections). Empty if there is no fault.
    """
    ids = [canonical_point_id(entry.id) for entry in entries]
    duplicates = _duplicate_indexes(ids)
    prefixes = tuple(grid_prefixes) or ("",)
    findings: list[Finding] = []
    for index, entry in enumerate(entries):
        pointer = f"/connection_points/{index}"
        findings += point_id_findings(entry.id, f"{pointer}/id")
        if index in duplicates:
            findings.append(_duplicate_finding(entry.id, pointer))
        if isinstance(entry, ConnectionPoint):
            if not ids[index].startswith(prefixes):
                detail = "the connection point is outside the grid of this DSO"
                findings.append(Finding("A64", f"{pointer}/id", detail, entry.id))
            findings += _about(entry.id, _point_findings(entry, pointer))
    return findings


def _asset_findings(asset: FlexibilityAsset, pointer: str) -> Iterator[Finding]:
    yield from point_id_findings(asset.connection_point_id, f"{pointer}/connection_point_id")
    yield from _maxima_findings(asset, pointer)
    if not asset.max_production_kw and not asset.max_consumption_kw:
        yield Finding("A69", pointer, "max_production_kw or max_consumption_kw must be above 0")
    if asset.name is not None:
        yield from name_findings(asset.name, f"{pointer}/name")


def _point_findings(point: ConnectionPoint, pointer: str) -> Iterator[Finding]:
    yield from _maxima_findings(point, pointer)
    if point.name is not None:
        yield from name_findings(point.name, f"{pointer}/name")
    for index, section in enumerate(point.sections):
        yield from name_findings(section, f"{pointer}/sections/{index}", MAX_LABEL_LENGTH)


def _maxima_findings(entry: FlexibilityAsset | ConnectionPoint, pointer: str) -> Iterator[Finding]:
    yield from _maximum_findings(entry.max_production_kw, f"{pointer}/max_production_kw")
    yield from _maximum_findings(entry.max_consumption_kw, f"{pointer}/max_consumption_kw")


def _maximum_findings(power_kw: Decimal | None, pointer: str) -> Iterator[Finding]:
    return iter(()) if power_kw is None else power_findings(power_kw, pointer)


def _about(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    return (replace(finding, subject=subject) for finding in findings)


def _duplicate_finding(entry_id: str, pointer: str) -> Finding:
    return Finding("A55", f"{pointer}/id", "the request has this id twice", entry_id)


def _duplicate_indexes(ids: Sequence[str]) -> set[int]:
    """Return the indexes of all ids that already appeared earlier in the sequence."""
    first = {entry_id: index for index, entry_id in reversed(list(enumerate(ids)))}
    return {index for index, entry_id in enumerate(ids) if first[entry_id] != index}
