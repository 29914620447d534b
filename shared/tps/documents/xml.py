"""Parse and write XML safely: no DTD, no entities, no network, bounded size, depth and number of tags."""

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
# Tags and attributes cost memory, text hardly does. The limit is about eight times the largest expected list.
MAX_MARKUP = 2_000_000
# The profiles use at most two attributes. Validators need quadratic or cubic time for thousands on one element.
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
    """Return the content without its byte order mark.

    Raises:
        DocumentRefused: Too large, too many tags or attributes, not UTF-8, or with a DTD (A94). The sender must correct
            it.
    """
    content = content.removeprefix(_BYTE_ORDER_MARK)
    _refuse_cheaply(content)
    return content


def root_name(content: bytes) -> str:
    """Return the root element's name as `{namespace}name`. Empty if the first 64 kB contain no start tag."""
    parser = etree.XMLPullParser(events=("start",), **_SAFELY)
    try:
        parser.feed(content[:_HEAD_BYTES])
        return next((str(element.tag) for _, element in parser.read_events()), "")
    except etree.XMLSyntaxError:
        return ""


def parse(content: bytes, schema: etree.XMLSchema | None = None) -> Element:
    """Return the root element of a document that `checked` returned, without comments and processing instructions.

    With a schema, the parser validates and keeps at most 100 errors. Validating a finished tree takes quadratic time
    in the number of its errors.

    Raises:
        DocumentRefused: Not well-formed, or not valid (A94). The sender must correct it.
    """
    parser = etree.XMLParser(schema=schema, **_SAFELY)
    try:
        root: Element | None = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise refusal("A94", "the document is not well-formed XML" if schema is None else str(error.msg)) from None
    except ValueError:
        raise refusal("A94", "the document is not well-formed XML") from None
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        raise refusal("A94", "the document must not have a document type declaration")
    return root


def _refuse_cheaply(content: bytes) -> None:
    if len(content) > MAX_BYTES:
        raise refusal("A94", f"the document has more than {MAX_BYTES} bytes")
    if any(mark in content for mark in _FORBIDDEN):
        raise refusal("A94", "the document must not have a document type declaration or a binary zero")
    if _FOREIGN_ENCODING.match(content):
        raise refusal("A94", "the document's encoding must be UTF-8")
    if content.count(b"<") > MAX_MARKUP or content.count(b"=") > MAX_MARKUP:
        raise refusal("A94", f"the document has more than {MAX_MARKUP} tags or attributes")
    if _CROWDED_TAG.search(content):
        raise refusal("A94", f"an element has more than {MAX_ATTRIBUTES} attributes")


def local_name(element: Element) -> str:
    """Return the element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: Element) -> dict[str, Element]:
    """Return child elements by local name. Of repeated children only the last is returned; use `repeated` for these."""
    return {local_name(child): child for child in element.iterchildren()}


def repeated(element: Element, name: str) -> Iterator[Element]:
    """Return all children with that local name, in order."""
    return (child for child in element.iterchildren() if local_name(child) == name)


def raw_text(element: Element) -> str:
    """Return the text as sent, for names and free texts."""
    return element.text or ""


def text(element: Element) -> str:
    """Return the text without surrounding blanks, for codes, numbers and times."""
    return (element.text or "").strip()


def read_integer(value: str) -> int:
    """Return an xs:integer.

    The schema allows any number of leading zeros, but Python converts at most 4,300 digits.

    Raises:
        DocumentRefused: More digits than any number of a document needs (A94). The sender must correct it.
    """
    if len(value) > _MAX_INTEGER_CHARACTERS:
        raise refusal("A94", f"a whole number has more than {_MAX_INTEGER_CHARACTERS} characters")
    return int(value)


def read_moment(value: str) -> datetime:
    """Return `2020-04-02T08:00:00Z` or `2020-04-02T08:00Z` as aware UTC."""
    return datetime.fromisoformat(value).astimezone(UTC)


def read_interval(element: Element) -> Interval:
    """Return the interval in an element with `start` and `end`, whole minutes."""
    fields = children(element)
    return Interval(read_moment(text(fields["start"])), read_moment(text(fields["end"])))


def read_power_kw(quantity: str, unit: str) -> Decimal | None:
    """Return an xs:decimal in KWT or MAW as canonical kW, exactly. None if it has more digits than any power."""
    if len(quantity) > _MAX_QUANTITY_CHARACTERS:
        return None
    # Adding 0 turns a negative zero into zero.
    value = Decimal(quantity) + 0
    return canonical_kw(value * 1000 if unit == "MAW" else value)


def format_moment(moment: datetime) -> str:
    """Return a time with seconds. Raise InvalidDocument for a naive time or a fraction of a second."""
    if moment.tzinfo is None or moment.microsecond:
        raise InvalidDocument("a time must have a zone and whole seconds")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_minute(moment: datetime) -> str:
    """Return a time with minutes. Raise InvalidDocument for a naive time or a fraction of a minute."""
    if moment.tzinfo is None or moment.second or moment.microsecond:
        raise InvalidDocument("an interval must have a zone and whole minutes")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def format_power(power_kw: Decimal) -> str:
    """Return a power as xs:decimal without exponent and trailing zeros."""
    return format(canonical_kw(power_kw), "f")


class Writer:
    """Builder of one document in one namespace. Elements appear in the order of the calls."""

    def __init__(self, namespace: str, root_name: str):
        self._prefix = f"{{{namespace}}}"
        self.root = etree.Element(self._prefix + root_name, nsmap={None: namespace})

    def add(self, parent: Element, name: str, content: str | None = None, **attributes: str) -> Element:
        """Append a child and return it. `content` is escaped. Attributes are written as given."""
        element = etree.SubElement(parent, self._prefix + name, attributes)
        element.text = content
        return element

    def add_interval(self, parent: Element, name: str, interval: Interval) -> None:
        """Append a child with `start` and `end`."""
        element = self.add(parent, name)
        self.add(element, "start", format_minute(interval.start))
        self.add(element, "end", format_minute(interval.end))


def serialise(root: Element) -> bytes:
    """Return UTF-8 with an XML declaration, indented by two."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
