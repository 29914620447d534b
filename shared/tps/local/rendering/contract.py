"""The contract of each interface as OpenAPI and as a page, made from its RAML; `tps.rest.contract` serves them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tps.api
from tps.local.rendering.openapi import openapi
from tps.local.rendering.raml import load

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

INTERFACES = ("agr", "dso", "tps", "ecp")
SOURCES = Path(tps.api.__file__).parent
_TEMPLATE = "contract.html.j2"
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "minimum length",
    "maxLength": "maximum length",
    "minItems": "minimum number of items",
    "maxItems": "maximum number of items",
    "default": "default",
    "pattern": "pattern",
}


def contract_files() -> dict[str, str]:
    """Return the text of every rendered file, by its name."""
    return {name: text for group in INTERFACES for name, text in _files(group).items()}


def _files(group: str) -> dict[str, str]:
    api = openapi(load(SOURCES / f"{group}.raml"))
    return {
        f"{group}.openapi.json": json.dumps(api, indent=1, ensure_ascii=False) + "\n",
        f"{group}.html": page(api, group),
    }


def page(api: dict[str, Any], group: str) -> str:
    """Return an OpenAPI document as one self-contained HTML page."""
    template = _environment().get_template(_TEMPLATE)
    return template.render(api=api, group=group, bounds=_BOUNDS) + "\n"


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)
    environment.filters.update(prose=prose, as_json=lambda value: json.dumps(value, indent=2, ensure_ascii=False))
    return environment


def prose(text: str | None) -> Markup:
    """Return RAML text as HTML: paragraphs, `* ` lists, and code between backticks."""
    from markupsafe import Markup, escape

    blocks = re.split(r"\n\s*\n", str(escape((text or "").strip())))
    return Markup("\n".join(_block(block) for block in blocks if block))


def _block(text: str) -> str:
    """Return an escaped paragraph as HTML, with the list at its end."""
    head, *entries = re.split(r"(?:^|\n)\* ", text)
    paragraph = f"<p>{_coded(head)}</p>" if head else ""
    listed = "".join(f"<li>{_coded(entry)}</li>" for entry in entries)
    return paragraph + (f"<ul>{listed}</ul>" if listed else "")


def _coded(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
