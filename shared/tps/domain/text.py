"""Free texts of people: names, labels, reasons. What they may hold so that they travel unchanged."""

from collections.abc import Iterator

from tps.errors import Finding

MAX_NAME_LENGTH = 200
MAX_LABEL_LENGTH = 60
MAX_REASON_LENGTH = 512


def name_findings(name: str, pointer: str, max_length: int = MAX_NAME_LENGTH) -> Iterator[Finding]:
    """What is wrong with a name or label: one line of printable characters, not blank, not too long (A59)."""
    if not name.strip():
        yield Finding("A59", pointer, "empty")
    elif len(name) > max_length:
        yield Finding("A59", pointer, f"longer than {max_length} characters")
    elif not name.isprintable():
        yield Finding("A59", pointer, "characters that cannot be printed")


def reason_text_findings(text: str, pointer: str) -> Iterator[Finding]:
    """What is wrong with a reason's text: up to 512 printable characters, tabs and line feeds (A59); may be empty."""
    if len(text) > MAX_REASON_LENGTH:
        yield Finding("A59", pointer, f"longer than {MAX_REASON_LENGTH} characters")
    elif not text.replace("\n", "").replace("\t", "").isprintable():
        yield Finding("A59", pointer, "characters that cannot be printed")
