"""What can be wrong with a document: theirs (`DocumentRefused`), or ours (`InvalidDocument`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tps.errors import Finding, Refused, TpsError

if TYPE_CHECKING:
    from tps.documents.acknowledgement import ReceivedDocument
    from tps.documents.header import Header


class DocumentRefused(Refused):
    """Theirs: bytes that are no document of ours, or one against the rules; the sender must correct it.

    Attributes:
        findings: At least one; codes are IEC reason codes, `subject` the resource id where one is concerned.
        header: The refused document's header where it could be read, else None.
        received: What a negative acknowledgement must quote, else None.
    """

    problem_type = "urn:tps:problem:document-refused"
    title = "document refused"

    def __init__(
        self,
        findings: Iterable[Finding],
        *,
        header: Header | None = None,
        received: ReceivedDocument | None = None,
    ):
        findings = tuple(findings)
        super().__init__(findings[0].detail if findings else "", findings)
        self.header = header
        self.received = received


class InvalidDocument(TpsError):  # noqa: N818 - reads as the tree in tps/errors.py does
    """Ours: a value that must never have become a document; nothing was sent."""

    title = "an outgoing document is invalid"


def refusal(code: str, detail: str, *, pointer: str = "", subject: str | None = None) -> DocumentRefused:
    """A refusal with one finding."""
    return DocumentRefused([Finding(code, pointer, detail, subject)])
