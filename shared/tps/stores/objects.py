"""A group's document store in S3: every sent and received document. No document is ever overwritten."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tps.errors import StoreAway

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# One lock for all stores: clients come from a session that several threads must not use at once.
_MAKING = threading.Lock()


def document_key(direction: str, message_type: str, at: datetime, message_id: str) -> str:
    """Return the key of a document: direction (`in`, `out`), type and day, so that documents can be deleted by age."""
    return f"{direction}/{message_type}/{at:%Y/%m/%d}/{message_id}.xml"


class DocumentStore:
    """One bucket in plain S3. The client is created at first use."""

    def __init__(self, url: str, access_key: str, secret_key: str, bucket: str):
        self._bucket = bucket
        self._working = _Lazy(url, (access_key, secret_key), (3, 20, 3))
        self._probing = _Lazy(url, (access_key, secret_key), (1, 1, 1))

    def put(self, key: str, content: bytes) -> bool:
        """Store a document. Return False and change nothing if the key exists.

        Raises:
            StoreAway: The store did not confirm the document. Retry.
        """
        media_type = "application/json" if key.endswith(".json") else "application/xml"
        code = self._call("put_object", Key=key, Body=content, ContentType=media_type, IfNoneMatch="*")
        return code is None

    def get(self, key: str) -> bytes | None:
        """Return a document, or None if the key does not exist.

        Raises:
            StoreAway: The document store is unavailable.
        """
        contents: list[bytes] = []
        self._call("get_object", into=contents, Key=key)
        return contents[0] if contents else None

    def is_there(self) -> bool:
        """Return whether the store answers within about 2 s."""
        try:
            self._call("head_bucket", self._probing)
        except StoreAway:
            return False
        return True

    def _call(
        self, operation: str, client: _Lazy | None = None, *, into: list[bytes] | None = None, **arguments: Any
    ) -> str | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = getattr((client or self._working).opened(), operation)(Bucket=self._bucket, **arguments)
            if into is not None:
                into.append(answer["Body"].read())
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            if code in {"PreconditionFailed", "NoSuchKey"}:
                return code
            raise StoreAway("the document store is temporarily unavailable") from error
        except BotoCoreError as error:
            raise StoreAway("the document store is temporarily unavailable") from error
        return None


class _Lazy:
    """A client that is created at first use.

    Args:
        credentials: Access key and secret key.
        timeouts: Timeout for connecting and for reading, in seconds, and the number of attempts.
    """

    def __init__(self, url: str, credentials: tuple[str, str], timeouts: tuple[float, float, int]):
        self._url = url
        self._credentials = credentials
        self._timeouts = timeouts
        self._client: S3Client | None = None

    def opened(self) -> S3Client:
        with _MAKING:
            if self._client is None:
                self._client = self._open()
            return self._client

    def _open(self) -> S3Client:
        import boto3
        from botocore.config import Config

        connect_s, read_s, attempts = self._timeouts
        return boto3.client(
            "s3",
            endpoint_url=self._url,
            aws_access_key_id=self._credentials[0],
            aws_secret_access_key=self._credentials[1],
            region_name="us-east-1",
            config=Config(
                s3={"addressing_style": "path"},
                connect_timeout=connect_s,
                read_timeout=read_s,
                max_pool_connections=32,
                retries={"total_max_attempts": attempts, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
