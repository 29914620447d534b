"""The profile schemas: ours, cut down to what the TPS sends and accepts; official ones beside them if asked for."""

import threading
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lxml import etree

from tps.documents.xml import Element
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
# xmlschema needs a second for what lxml does in 20 ms: explain only what is small.
_MAX_EXPLAINED_ELEMENTS = 2_000

_official: dict[str, Path] = {}


class _Loaded(threading.local):
    """Schemas of this thread: a schema keeps the log of its last validation, so threads must not share one."""

    def __init__(self) -> None:
        self.schemas: dict[Path, etree.XMLSchema] = {}

    def get(self, path: Path) -> etree.XMLSchema:
        if path not in self.schemas:
            self.schemas[path] = etree.XMLSchema(etree.parse(path))
        return self.schemas[path]


_loaded = _Loaded()


def load_official_schemas(directory: Path | None) -> int:
    """From now on check every document against the official schemas in `directory` as well; None ends it.

    Returns:
        How many of our namespaces have an official schema there.

    Raises:
        TpsError: None was found; whoever set the directory must correct it.
    """
    _official.clear()
    for path in sorted(directory.glob("*.xsd")) if directory else []:
        namespace = etree.parse(path).getroot().get("targetNamespace", "")
        if namespace in PROFILES:
            _official[str(namespace)] = path
    if directory and not _official:
        raise TpsError("no official schema of our documents in that directory")
    return len(_official)


def fault(root: Element) -> str | None:
    """What the schemas say against the document, as element and rule; None if it is valid.

    The root's namespace must be one of `PROFILES`.
    """
    namespace = etree.QName(root).namespace or ""
    paths = [PROFILES[namespace], *([_official[namespace]] if namespace in _official else [])]
    for path in paths:
        schema = _loaded.get(path)
        if not schema.validate(root):
            return _explain(root, path, schema.error_log[0].message)
    return None


def _explain(root: Element, path: Path, message: str) -> str:
    if sum(1 for _ in islice(root.iter(), _MAX_EXPLAINED_ELEMENTS)) == _MAX_EXPLAINED_ELEMENTS:
        return _cut(message, root)
    return _cut(_explanation(root, path) or message, root)


def _explanation(root: Element, path: Path) -> str | None:
    """What xmlschema says, which never follows a schema location of the document; None if it has no words for it."""
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
    plain = message.replace(f"{{{etree.QName(root).namespace}}}", "")
    return " ".join(plain.split())[:_MAX_EXPLANATION]
