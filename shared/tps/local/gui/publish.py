"""Publishing the GUI: the modules and their libraries, unchanged, to the bucket that browsers read.

Modules are in a folder named by the hash of their contents, so browsers may cache them forever. Browsers revalidate
`index.html` and `config.json` on each load. These two are written last, so that they never name a missing file.
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
REVALIDATE = "no-cache"
_OLD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket of the GUI, and the credentials to write it."""

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
    """Publish the contents of `gui/` and return their version.

    Args:
        config: Settings for the pages: `sign_in`, and with `oidc` also `issuer` and `client_id`.

    Raises:
        LibrariesMissing: The libraries cannot be obtained; the published version stays.
        StoreAway: The object store failed.
    """
    from minio.error import MinioException
    from urllib3.exceptions import HTTPError

    modules = {**own_files(), **{f"lib/{name}": content for name, content in obtain(read_lock(), cache).items()}}
    version = version_of(modules)
    try:
        _publish(bucket, modules, version, {**config, "version": version})
    except (MinioException, HTTPError) as error:
        raise StoreAway("the GUI cannot be written to its bucket") from error
    return version


def own_files(folder: Path = GUI) -> dict[str, bytes]:
    """Return our modules, styles and images by path, without tests and documentation."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix in MEDIA_TYPES]
    names = {path.relative_to(folder).as_posix(): path for path in sorted(paths)}
    excluded = ("tests/", "node_modules/", "libraries.json", "package.json")
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith(excluded)}


def version_of(files: Mapping[str, bytes]) -> str:
    """Return a version that names exactly these contents."""
    hashes = (f"{name} {hashlib.sha256(content).hexdigest()}" for name, content in sorted(files.items()))
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:16]


def index_for(page: bytes, version: str, modules: Mapping[str, bytes]) -> bytes:
    """Return the page with the addresses of this version. Hints make the browser load all modules at once."""
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
            _put(client, bucket.name, f"v/{version}/{name}", content, cache_control=FOREVER)
        for name, content in heads.items():
            _put(client, bucket.name, name, content, cache_control=REVALIDATE)
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


def _put(client: Minio, bucket: str, name: str, content: bytes, *, cache_control: str) -> None:
    body = _packed(content)
    client.put_object(
        bucket,
        name,
        io.BytesIO(body),
        len(body),
        content_type=MEDIA_TYPES[Path(name).suffix],
        metadata={"Cache-Control": cache_control, "Content-Encoding": "gzip"},
    )


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _forget_old(client: Minio, bucket: str, version: str) -> None:
    """Remove versions that are too old for an open page to need them."""
    before = datetime.now(UTC) - _OLD
    for entry in client.list_objects(bucket, "v/", recursive=True):
        name = entry.object_name or ""
        if not name.startswith(f"v/{version}/") and entry.last_modified and entry.last_modified < before:
            client.remove_object(bucket, name)
