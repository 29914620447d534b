"""Profile schemas: the part of each standard schema that this system sends and accepts.

`load_official_schemas` adds ENTSO-E's own schemas as a second check.

Source: docs/documents.md.
"""

import threading
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lxml import etree

from tps.documents.errors import DocumentRefused
from tps.documents.xml import Element, parse
from tps.errors import TpsError

if TYPE_CHECKING:
    import xmlschema

FOLDER = Path(__file__).parent / "schemas"
PROFILES = {
    "urn:iec62325.351:tc57wg16:451-n:mltopconfigurationdocument:1:0": FOLDER / "ref.xsd",
    "urn:iec62325.351:tc57wg16:451-5:statusrequestdocument:4:0": FOLDER / "status_request.xsd",
    "urn:iec62325.351:tc57wg16:451-6:outagedocument:4:0": FOLDER / "unavailability.xsd",
    "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:1": FOLDER / "generation_load.xsd",
    "urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:8:0": FOLDER / "acknowledgement.xsd",
}
_MAX_EXPLANATION = 300
# xmlschema is 50 times slower than lxml, and cubic in the attributes of one element. It explains only small documents.
_MAX_EXPLAINED_ELEMENTS = 200
_MAX_EXPLAINED_ATTRIBUTES = 8
_MAX_EXPLAINED_TEXT = 1_000

_official: dict[str, Path] = {}


class _Loaded(threading.local):
    """The schemas of this thread. A schema keeps the log of its last validation, so threads must not share it."""

    def __init__(self) -> None:
        self.schemas: dict[Path, etree.XMLSchema] = {}

    def get(self, path: Path) -> etree.XMLSchema:
        if path not in self.schemas:
            self.schemas[path] = etree.XMLSchema(etree.parse(path))
        return self.schemas[path]


_loaded = _Loaded()


def load_official_schemas(directory: Path | None) -> int:
    """Check every further document against the official schemas in `directory` as well. None ends this check.

    Returns:
        The number of namespaces with an official schema in the directory.

    Raises:
        TpsError: The directory has no such schema. The person who configured it must correct it.
    """
    _official.clear()
    for path in sorted(directory.glob("*.xsd")) if directory else []:
        namespace = etree.parse(path).getroot().get("targetNamespace", "")
        if namespace in PROFILES:
            _official[str(namespace)] = path
    if directory and not _official:
        raise TpsError("the directory contains no official schema of a supported document")
    return len(_official)


def read(content: bytes, name: str) -> tuple[Element, str | None]:
    """Parse a document and validate it against the schemas.

    Args:
        content: As `xml.checked` returns it.
        name: The root's name as `{namespace}name`, with a namespace in `PROFILES`.

    Returns:
        The root, and the first fault as element and rule. The fault is None if the document is valid.

    Raises:
        DocumentRefused: Not well-formed (A94).
    """
    root = None
    for path in _schema_paths(etree.QName(name).namespace or ""):
        try:
            root = parse(content, _loaded.get(path))
        except DocumentRefused as error:
            root = parse(content)
            return root, _explain(root, path, error.detail)
    assert root is not None
    return root, None


def fault(root: Element) -> str | None:
    """Return the first fault of an outgoing document, as element and rule, or None if it is valid.

    The root's namespace must be one of `PROFILES`.
    """
    for path in _schema_paths(etree.QName(root).namespace or ""):
        schema = _loaded.get(path)
        if not schema.validate(root):
            return _explain(root, path, schema.error_log[0].message)
    return None


def _schema_paths(namespace: str) -> list[Path]:
    return [PROFILES[namespace], *([_official[namespace]] if namespace in _official else [])]


def _explain(root: Element, path: Path, message: str) -> str:
    explanation = _explanation(root, path) if _is_small(root) else None
    return _cut(explanation or message, root)


def _is_small(root: Element) -> bool:
    elements = list(islice(root.iter(), _MAX_EXPLAINED_ELEMENTS + 1))
    return len(elements) <= _MAX_EXPLAINED_ELEMENTS and all(map(_is_plain, elements))


def _is_plain(element: Element) -> bool:
    texts = [element.text or "", *map(str, element.attrib.values())]
    has_few = len(element.attrib) <= _MAX_EXPLAINED_ATTRIBUTES and len(element.nsmap) <= _MAX_EXPLAINED_ATTRIBUTES
    return has_few and all(len(text) <= _MAX_EXPLAINED_TEXT for text in texts)


def _explanation(root: Element, path: Path) -> str | None:
    """Return xmlschema's explanation, or None. It never follows a schema location in the document."""
    from xmlschema import XMLSchemaException

    errors = _explainer(path).iter_errors(cast("Any", root), use_location_hints=False)
    try:
        error = next(errors, None)
    except XMLSchemaException:
        return None
    return f"{error.path}: {error.reason}" if error else None


@cache
def _explainer(path: Path) -> "xmlschema.XMLSchema":
    import xmlschema

    return xmlschema.XMLSchema(path)


def _cut(message: str, root: Element) -> str:
    # A message quotes the wrong value, which can have millions of characters.
    plain = message[: 10 * _MAX_EXPLANATION].replace(f"{{{etree.QName(root).namespace}}}", "")
    return " ".join(plain.split())[:_MAX_EXPLANATION]
