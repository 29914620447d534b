"""Serve the contract of a group as a page, as RAML and as OpenAPI, without a token: the contract names no party."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import tps.api
from tps.errors import NotFound
from tps.rest.function import Answer, Call, Route

_FOLDER = Path(tps.api.__file__).parent
_RAML, _JSON, _HTML = "application/raml+yaml", "application/json", "text/html; charset=utf-8"
_CACHED = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}


def contract_routes(group: str) -> tuple[Route, ...]:
    """Return the routes of `/<group>/v1/api` and the files below it."""
    files = {
        f"{group}.raml": (_FOLDER / f"{group}.raml", _RAML),
        "types.raml": (_FOLDER / "types.raml", _RAML),
        "openapi.json": (_FOLDER / "rendered" / f"{group}.openapi.json", _JSON),
    }
    return (
        Route("GET", f"/{group}/v1/api", _page_of(_FOLDER / "rendered" / f"{group}.html"), is_open=True),
        Route("GET", f"/{group}/v1/api/<file>", _file_of(files), is_open=True),
    )


def _page_of(path: Path) -> Callable[[Call], Answer]:
    def page(_call: Call) -> Answer:
        text = _text(path)
        headers = {**_CACHED, "Content-Security-Policy": _policy(text)}
        return Answer(text, headers=headers, media_type=_HTML, is_tagged=True)

    return page


def _file_of(files: Mapping[str, tuple[Path, str]]) -> Callable[[Call], Answer]:
    def file(call: Call) -> Answer:
        known = files.get(call.path_values["file"])
        if known is None:
            raise NotFound("the contract has no such file")
        path, media_type = known
        return Answer(_text(path), headers=_CACHED, media_type=media_type, is_tagged=True)

    return file


@cache
def _text(path: Path) -> str:
    return path.read_text()


@cache
def _policy(page: str) -> str:
    """Return a Content-Security-Policy that allows only the page's own style, by its hash."""
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
