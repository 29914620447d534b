"""The GUI of one machine: published beside the stack, and the address that signs in once by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tps.errors import TpsError
from tps.local.embedded.environment import sign_in_folder
from tps.local.gui.cluster import oidc_config
from tps.local.gui.publish import Bucket, publish
from tps.local.gui.sign_in import new_code

if TYPE_CHECKING:
    from tps.local.embedded.stack import LocalStack


def publish_here(stack: LocalStack) -> None:
    """Publish to the stack's own bucket.

    Raises:
        LibrariesMissing, StoreAway: See `publish`.
    """
    told = stack.environment()
    bucket = Bucket(
        stack.s3_url, told["TPS_GUI_S3_ACCESS_KEY"], told["TPS_GUI_S3_SECRET_KEY"], told["TPS_GUI_S3_BUCKET"]
    )
    publish(bucket, oidc_config(told) if told.get("TPS_GUI_CLIENT_ID") else {"sign_in": "code"})


def address_of(stack: LocalStack) -> str | None:
    """An address that signs in once, within the hour; None, and said why, if the GUI cannot be published.

    Where an outside issuer signs people in, it is the address alone.
    """
    try:
        publish_here(stack)
    except TpsError as error:
        stack.say(f"no GUI: {error}")
        return None
    page = f"{stack.gateway_url}/gui/"
    if stack.environment().get("TPS_GUI_CLIENT_ID"):
        return page
    return f"{page}#sign-in={new_code(sign_in_folder(stack.keys_dir))}"


def tell_address(stack: LocalStack) -> None:
    """Publish, and tell a person where."""
    address = address_of(stack)
    if address:
        how = "opens once, within the hour; ./tps gui address gives another" if "#" in address else "sign in there"
        stack.say(f"GUI ({how}): {address}")
