"""Rules for free texts: names, labels and reasons. The rules make sure that a text travels unchanged."""

from collections.abc import Iterator

from tps.errors import Finding

MAX_NAME_LENGTH = 200
MAX_LABEL_LENGTH = 60
MAX_REASON_LENGTH = 512


def name_findings(name: str, pointer: str, max_length: int = MAX_NAME_LENGTH) -> Iterator[Finding]:
    """Yield the fault of a name or label (A59).

    It must be one line of printable characters, not blank, not too long.
    """
    if not name.strip():
        yield Finding("A59", pointer, "must not be empty")
    elif len(name) > max_length:
        yield Finding("A59", pointer, f"must have at most {max_length} characters")
    elif not name.isprintable():
        yield Finding("A59", pointer, "must contain printable characters only")


def reason_text_findings(text: str, pointer: str) -> Iterator[Finding]:
    """Yield the fault of a reason's text (A59).

    It has up to 512 printable characters, tabs and line feeds, or is empty.
    """
    if len(text) > MAX_REASON_LENGTH:
        yield Finding("A59", pointer, f"must have at most {MAX_REASON_LENGTH} characters")
    elif not text.replace("\n", "").replace("\t", "").isprintable():
        yield Finding("A59", pointer, "must contain printable characters, tabs and line feeds only")
