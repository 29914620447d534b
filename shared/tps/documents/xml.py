"""XML in and out, safely: no DTD, no entities, no network, bounded size, depth and amount of markup."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lxml import etree

from tps.documents.errors import InvalidDocument, refusal
from tps.domain.limit import Interval
from tps.domain.power import canonical_kw

MAX_BYTES = 50_000_000
# Tags and attributes cost memory, text hardly does: about eight times the largest list we expect.
MAX_MARKUP = 2_000_000
# The profiles use two attributes at most. Validators need quadratic or cubic time for thousands on one element.
MAX_ATTRIBUTES = 64
_MAX_QUANTITY_CHARACTERS = 24
_MAX_INTEGER_CHARACTERS = 18
_FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY", b"\x00")
_FOREIGN_ENCODING = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
# A start tag with more attributes than allowed. Each class excludes what may follow, so the search takes linear time.
_CROWDED_TAG = re.compile(rb"""<[^<>=]*+(?:=\s*+(?:"[^"<]*+"|'[^'<]*+')[^<>="']*+){%d}""" % (MAX_ATTRIBUTES + 1))
_SAFELY: dict[str, Any] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "load_dtd": False,
    "dtd_validation": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
_HEAD_BYTES = 64 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Element = etree._Element


def checked(content: bytes) -> bytes:
    """The content without its byte order mark.

    Raises:
        DocumentRefused: Too large, too many tags or attributes, not UTF-8, or with a DTD (A94); the sender must correct
            it.
    """
    content = content.removeprefix(_BYTE_ORDER_MARK)
    _refuse_cheaply(content)
    return content


def root_name(content: bytes) -> str:
    """The root element's name as `{namespace}name`; empty if the first 64 kB have no start tag."""
    parser = etree.XMLPullParser(events=("start",), **_SAFELY)
    try:
        parser.feed(content[:_HEAD_BYTES])
        return next((str(element.tag) for _, element in parser.read_events()), "")
    except etree.XMLSyntaxError:
        return ""


def parse(content: bytes, schema: etree.XMLSchema | None = None) -> Element:
    """The root element of a document that `checked` returned; comments and processing instructions are left out.

    With a schema, the parser validates: it keeps at most 100 errors. To validate a finished tree takes quadratic time
    in the number of its errors.

    Raises:
        DocumentRefused: Not well-formed, or not valid (A94); the sender must correct it.
    """
    parser = etree.XMLParser(schema=schema, **_SAFELY)
    try:
        root: Element | None = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise refusal("A94", "not well-formed XML" if schema is None else str(error.msg)) from None
    except ValueError:
        raise refusal("A94", "not well-formed XML") from None
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise refusal("A94", "a document type declaration is not accepted")
    return root


def _refuse_cheaply(content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise refusal("A94", f"more than {MAX_BYTES} bytes")
    if any(mark in content for mark in _FORBIDDEN):
        raise refusal("A94", "a document type declaration or a binary zero is not accepted")
    if _FOREIGN_ENCODING.match(content):
        raise refusal("A94", "only UTF-8 is accepted")
    if content.count(b"<") > MAX_MARKUP or content.count(b"=") > MAX_MARKUP:
        raise refusal("A94", f"more than {MAX_MARKUP} tags or attributes")
    if _CROWDED_TAG.search(content):
        raise refusal("A94", f"an element with more than {MAX_ATTRIBUTES} attributes")


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: Element) -> dict[str, Element]:
    """Child elements by local name; of repeated ones the last (use `repeated` for those)."""
    return {local_name(child): child for child in element.iterchildren()}


def repeated(element: Element, name: str) -> Iterator[Element]:
    """All children of that local name, in order."""
    return (child for child in element.iterchildren() if local_name(child) == name)


def raw_text(element: Element) -> str:
    """The text as sent: for names and free texts."""
    return element.text or ""


def text(element: Element) -> str:
    """The text without blanks around it: for codes, numbers, times."""
    return (element.text or "").strip()


def read_integer(value: str) -> int:
    """An xs:integer. The schema allows any number of leading zeros, Python converts 4,300 digits at most.

    Raises:
        DocumentRefused: More digits than any number of a document needs (A94); the sender must correct it.
    """
    if len(value) > _MAX_INTEGER_CHARACTERS:
        raise refusal("A94", f"a whole number with more than {_MAX_INTEGER_CHARACTERS} characters")
    return int(value)


def read_moment(value: str) -> datetime:
    """`2020-04-02T08:00:00Z` or `2020-04-02T08:00Z` as aware UTC."""
    return datetime.fromisoformat(value).astimezone(UTC)


def read_interval(element: Element) -> Interval:
    """An element with `start` and `end`, whole minutes."""
    found = children(element)
    return Interval(read_moment(text(found["start"])), read_moment(text(found["end"])))


def read_power_kw(quantity: str, unit: str) -> Decimal | None:
    """An xs:decimal in KWT or MAW as canonical kW, exactly; None if it has more digits than any power has."""
    if len(quantity) > _MAX_QUANTITY_CHARACTERS:
        return None
    value = Decimal(quantity) + 0  # no negative zero
    return canonical_kw(value * 1000 if unit == "MAW" else value)


def format_moment(moment: datetime) -> str:
    """To the second. Raises InvalidDocument for a naive time or a fraction of a second."""
    if moment.tzinfo is None or moment.microsecond:
        raise InvalidDocument("a document's time must be aware and a whole second")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_minute(moment: datetime) -> str:
    """To the minute. Raises InvalidDocument for a naive time or a fraction of a minute."""
    if moment.tzinfo is None or moment.second or moment.microsecond:
        raise InvalidDocument("an interval must be aware and whole minutes")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def format_power(power_kw: Decimal) -> str:
    """As xs:decimal: no exponent, no trailing zeros."""
    return format(canonical_kw(power_kw), "f")


class Writer:
    """Builds one document of one namespace, element by element, in the order of the calls."""

    def __init__(self, namespace: str, root_name: str):
        self._prefix = f"{{{namespace}}}"
        self.root = etree.Element(self._prefix + root_name, nsmap={None: namespace})

    def add(self, parent: Element, name: str, content: str | None = None, **attributes: str) -> Element:
        """Append a child; `content` is escaped, attributes are written as given."""
        element = etree.SubElement(parent, self._prefix + name, attributes)
        element.text = content
        return element

    def add_interval(self, parent: Element, name: str, interval: Interval) -> None:
        """Append `name` with `start` and `end`."""
        element = self.add(parent, name)
        self.add(element, "start", format_minute(interval.start))
        self.add(element, "end", format_minute(interval.end))


def serialise(root: Element) -> bytes:
    """UTF-8 with declaration, indented by two."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
