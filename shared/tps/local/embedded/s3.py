"""Administration of any S3: readiness and buckets."""

import threading
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from minio import Minio
    from mypy_boto3_s3 import S3Client

_PROBE = "probe"


def bucket_of(group: str) -> str:
    """Return the bucket of a group's documents."""
    return f"{group.lower()}-documents"


class S3Admin:
    """The administrator's identity at an S3."""

    def __init__(self, url: str, access_key: str, secret_key: str):
        self._url = url
        self._access_key = access_key
        self._secret_key = secret_key
        self._lock = threading.Lock()
        self._opened: S3Client | None = None

    def can_store(self) -> bool:
        """Return True if a conditional put (only if the key is new) succeeds."""
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._client()
        key = uuid.uuid4().hex
        try:
            self._ensure_probe_bucket(client)
            client.put_object(Bucket=_PROBE, Key=key, Body=b"?", IfNoneMatch="*")
            client.delete_object(Bucket=_PROBE, Key=key)
        except (BotoCoreError, ClientError):
            return False
        return True

    def ensure_buckets(self, names: Iterable[str]) -> None:
        """Create missing buckets."""
        client = self._minio()
        known = {bucket.name for bucket in client.list_buckets()}
        for name in names:
            if name not in known:
                client.make_bucket(name)

    def _ensure_probe_bucket(self, client: "S3Client") -> None:
        if _PROBE not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=_PROBE)

    def _minio(self) -> "Minio":
        from minio import Minio

        parts = urlsplit(self._url)
        return Minio(
            parts.netloc, self._access_key, self._secret_key, secure=parts.scheme == "https", region="us-east-1"
        )

    def _client(self) -> "S3Client":
        with self._lock:
            if self._opened is None:
                self._opened = self._new_client()
            return self._opened

    def _new_client(self) -> "S3Client":
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self._url,
            aws_access_key_id=self._access_key,
            aws_secret_access_key=self._secret_key,
            region_name="us-east-1",
            config=Config(
                s3={"addressing_style": "path"},
                connect_timeout=1,
                read_timeout=5,
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
