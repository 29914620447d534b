"""Publishing the GUI: our modules as they are and their libraries, to the bucket that browsers read.

What never changes lies in a folder named by the hash of all of it and may be kept by browsers for ever; `index.html`
and `config.json` are asked for anew each time, and come last, so that no page names what is not there.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tps.errors import StoreAway
from tps.local.gui.libraries import GUI, obtain, read_lock

if TYPE_CHECKING:
    from minio import Minio

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
FOREVER = "public, max-age=31536000, immutable"
EACH_TIME = "no-cache"
_OLD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where it goes, and by whose credentials."""

    url: str
    access_key: str
    secret_key: str
    name: str = "gui"

    def client(self) -> Minio:
        from minio import Minio

        parts = urlsplit(self.url)
        is_secure = parts.scheme == "https"
        return Minio(parts.netloc, self.access_key, self.secret_key, secure=is_secure, region="us-east-1")


def publish(bucket: Bucket, config: Mapping[str, Any], cache: Path | None = None) -> str:
    """Bring the bucket to what lies in `gui/`; returns the version that is served now.

    Args:
        config: What the pages are told of this installation: `sign_in`, and with `oidc` also `issuer`, `client_id`.

    Raises:
        LibrariesMissing: The libraries cannot be had; what was published before stays.
        StoreAway: The bucket did not take it.
    """
    from minio.error import MinioException
    from urllib3.exceptions import HTTPError

    modules = {**own_files(), **{f"lib/{name}": content for name, content in obtain(read_lock(), cache).items()}}
    version = version_of(modules)
    try:
        _publish(bucket, modules, version, {**config, "version": version})
    except (MinioException, HTTPError) as error:
        raise StoreAway("the GUI's bucket did not take it") from error
    return version


def own_files(folder: Path = GUI) -> dict[str, bytes]:
    """Our modules, styles and pictures, by their paths; neither tests nor what is for people to read."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix in MEDIA_TYPES]
    names = {path.relative_to(folder).as_posix(): path for path in sorted(paths)}
    left_out = ("tests/", "node_modules/", "libraries.json", "package.json")
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith(left_out)}


def version_of(files: Mapping[str, bytes]) -> str:
    """A name for these very contents."""
    each = (f"{name} {hashlib.sha256(content).hexdigest()}" for name, content in sorted(files.items()))
    return hashlib.sha256("\n".join(each).encode()).hexdigest()[:16]


def index_for(page: bytes, version: str, modules: Mapping[str, bytes]) -> bytes:
    """The page with the addresses of this version, and all its modules asked for at once."""
    names = sorted(name for name in modules if name.endswith(".js") and not name.startswith("lib/uplot"))
    hints = "\n".join(f'    <link rel="modulepreload" href="./{name}">' for name in names)
    text = page.decode().replace("<!-- modules -->", hints.strip())
    return text.replace('"./', f'"./v/{version}/').encode()


def _publish(bucket: Bucket, modules: dict[str, bytes], version: str, config: Mapping[str, Any]) -> None:
    client = bucket.client()
    if not client.bucket_exists(bucket.name):
        client.make_bucket(bucket.name)
    page = index_for(modules.pop("index.html"), version, modules)
    heads = {"config.json": json.dumps(config).encode(), "index.html": page}
    if not _holds(client, bucket.name, heads):
        for name, content in modules.items():
            _put(client, bucket.name, f"v/{version}/{name}", content, kept=FOREVER)
        for name, content in heads.items():
            _put(client, bucket.name, name, content, kept=EACH_TIME)
    _forget_old(client, bucket.name, version)


def _holds(client: Minio, bucket: str, heads: Mapping[str, bytes]) -> bool:
    from minio.error import S3Error

    try:
        return all(
            client.stat_object(bucket, name).etag == hashlib.md5(_packed(content)).hexdigest()
            for name, content in heads.items()
        )
    except S3Error:
        return False


def _put(client: Minio, bucket: str, name: str, content: bytes, *, kept: str) -> None:
    body = _packed(content)
    client.put_object(
        bucket,
        name,
        io.BytesIO(body),
        len(body),
        content_type=MEDIA_TYPES[Path(name).suffix],
        metadata={"Cache-Control": kept, "Content-Encoding": "gzip"},
    )


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _forget_old(client: Minio, bucket: str, version: str) -> None:
    """Remove versions that no open page asks for any more."""
    before = datetime.now(UTC) - _OLD
    for found in client.list_objects(bucket, "v/", recursive=True):
        name = found.object_name or ""
        if not name.startswith(f"v/{version}/") and found.last_modified and found.last_modified < before:
            client.remove_object(bucket, name)
