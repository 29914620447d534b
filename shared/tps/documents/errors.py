"""Errors of documents: `DocumentRefused` for the sender's fault, `InvalidDocument` for a fault of this system."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tps.errors import Finding, Refused, TpsError

if TYPE_CHECKING:
    from tps.documents.acknowledgement import ReceivedDocument
    from tps.documents.header import Header


class DocumentRefused(Refused):
    """A refused document: bytes that are not a supported document, or a document that breaks a rule.

    The sender must correct it.

    Attributes:
        findings: At least one. Codes are IEC reason codes. `subject` is the id of the resource concerned, if any.
        header: The refused document's header, or None if it is not readable.
        received: The data that a negative acknowledgement must quote, or None.
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
    """A fault of this system: values that no document may have. The document was not sent."""

    title = "an outgoing document is invalid"


def refusal(code: str, detail: str, *, pointer: str = "", subject: str | None = None) -> DocumentRefused:
    """Return a refusal with one finding."""
    return DocumentRefused([Finding(code, pointer, detail, subject)])
