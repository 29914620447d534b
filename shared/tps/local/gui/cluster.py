"""Publishing the GUI to the object store of a cluster. Its pages are public, but the bucket cannot be listed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tps.errors import StoreAway
from tps.host.settings import SettingMissing
from tps.local.gui.publish import Bucket, publish


def publish_there(env: Mapping[str, str]) -> None:
    """Publish the GUI to the bucket that the environment names, for sign-in at an OIDC issuer.

    Args:
        env: TPS_S3_URL, TPS_GUI_S3_ACCESS_KEY, TPS_GUI_S3_SECRET_KEY, TPS_GUI_S3_BUCKET (`gui`), and the
            variables of `oidc_config`.

    Raises:
        SettingMissing: A variable is not set.
        LibrariesMissing, StoreAway: See `publish`.
    """
    bucket = Bucket(
        _need(env, "TPS_S3_URL"),
        _need(env, "TPS_GUI_S3_ACCESS_KEY"),
        _need(env, "TPS_GUI_S3_SECRET_KEY"),
        env.get("TPS_GUI_S3_BUCKET", "gui"),
    )
    config = oidc_config(env)
    _open_to_readers(bucket)
    publish(bucket, config)


def oidc_config(env: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the OIDC issuer for the pages.

    Args:
        env: TPS_ISSUER, TPS_GUI_CLIENT_ID; if the issuer needs them, TPS_GUI_SCOPE (`openid`) and TPS_GUI_RESOURCE
            (RFC 8707).

    Raises:
        SettingMissing: TPS_ISSUER or TPS_GUI_CLIENT_ID is not set.
    """
    config = {"issuer": _need(env, "TPS_ISSUER"), "client_id": _need(env, "TPS_GUI_CLIENT_ID")}
    optional = {"scope": env.get("TPS_GUI_SCOPE"), "resource": env.get("TPS_GUI_RESOURCE")}
    return {"sign_in": "oidc", **config, **{name: value for name, value in optional.items() if value}}


def _open_to_readers(bucket: Bucket) -> None:
    from minio.error import MinioException
    from urllib3.exceptions import HTTPError

    client = bucket.client()
    try:
        if not client.bucket_exists(bucket.name):
            client.make_bucket(bucket.name)
        client.set_bucket_policy(bucket.name, json.dumps(_policy(bucket.name)))
    except (MinioException, HTTPError) as error:
        raise StoreAway(f"the bucket {bucket.name} could not be made readable") from error


def _policy(name: str) -> dict[str, object]:
    may_read = {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:GetObject"]}
    return {"Version": "2012-10-17", "Statement": [{**may_read, "Resource": [f"arn:aws:s3:::{name}/*"]}]}


def _need(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        raise SettingMissing(f"{name} is not set")
    return value
