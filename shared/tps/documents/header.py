"""The header of every document: id, creation time, sender and receiver.

Source: docs/documents.md, "What all documents have in common".
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tps.documents.xml import Element, Writer, format_moment, read_moment, text
from tps.domain.identifiers import party_coding_scheme
from tps.errors import Finding


class Role(StrEnum):
    """Market roles. Older systems write `GRID_OPERATOR` for a DSO and `RESOURCE_PROVIDER` for an AGR."""

    DSO = "A50"
    AGR = "A52"
    BRP = "A08"
    TPS = "A39"
    GRID_OPERATOR = "A18"
    RESOURCE_PROVIDER = "A27"

    @property
    def is_dso(self) -> bool:
        """Return True for a DSO, by its current or older role code."""
        return self in DSO_ROLES

    @property
    def is_operator(self) -> bool:
        """Return True for an operator (AGR or BRP), by current or older role codes."""
        return self in OPERATOR_ROLES


DSO_ROLES = frozenset({Role.DSO, Role.GRID_OPERATOR})
OPERATOR_ROLES = frozenset({Role.AGR, Role.BRP, Role.RESOURCE_PROVIDER})
TPS_ROLES = frozenset({Role.TPS})


@dataclass(frozen=True, slots=True)
class Header:
    """The common header.

    Attributes:
        document_id: The mRID, at most 35 characters.
        created_at: Aware UTC, whole seconds.
        sender, receiver: GLN or EIC.
    """

    document_id: str
    created_at: datetime
    sender: str
    sender_role: Role
    receiver: str
    receiver_role: Role


def read_header(fields: Mapping[str, Element]) -> Header:
    """Return the header from a document's children by local name.

    Raises:
        KeyError, ValueError: The document is not schema-valid.
    """
    return Header(
        document_id=text(fields["mRID"]),
        created_at=read_moment(text(fields["createdDateTime"])),
        sender=text(fields["sender_MarketParticipant.mRID"]),
        sender_role=Role(text(fields["sender_MarketParticipant.marketRole.type"])),
        receiver=text(fields["receiver_MarketParticipant.mRID"]),
        receiver_role=Role(text(fields["receiver_MarketParticipant.marketRole.type"])),
    )


def write_created(writer: Writer, header: Header) -> None:
    """Append `createdDateTime`. Its position differs between documents."""
    writer.add(writer.root, "createdDateTime", format_moment(header.created_at))


def write_parties(writer: Writer, header: Header) -> None:
    """Append sender and receiver with their roles."""
    for side, code, role in (
        ("sender", header.sender, header.sender_role),
        ("receiver", header.receiver, header.receiver_role),
    ):
        writer.add(writer.root, f"{side}_MarketParticipant.mRID", code, codingScheme=party_coding_scheme(code))
        writer.add(writer.root, f"{side}_MarketParticipant.marketRole.type", role)


def route_findings(header: Header, senders: Collection[Role], receivers: Collection[Role]) -> Iterator[Finding]:
    """Yield the faults of the roles: the sender's role (A78) or the receiver's role (A53) does not fit the document."""
    if header.sender_role not in senders:
        yield Finding("A78", "", f"role {header.sender_role} must not send this document")
    if header.receiver_role not in receivers:
        yield Finding("A53", "", f"role {header.receiver_role} must not receive this document")
