"""The GUI of one machine: publishing to the stack's bucket, and the sign-in link."""

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
    """Publish the GUI to the stack's own bucket.

    Raises:
        LibrariesMissing, StoreAway: See `publish`.
    """
    environment = stack.environment()
    bucket = Bucket(
        stack.s3_url,
        environment["TPS_GUI_S3_ACCESS_KEY"],
        environment["TPS_GUI_S3_SECRET_KEY"],
        environment["TPS_GUI_S3_BUCKET"],
    )
    publish(bucket, oidc_config(environment) if environment.get("TPS_GUI_CLIENT_ID") else {"sign_in": "code"})


def address_of(stack: LocalStack) -> str | None:
    """Publish the GUI and return a sign-in link, which works once within one hour.

    With an OIDC issuer, the address has no code. If publishing fails, print the reason and return None.
    """
    try:
        publish_here(stack)
    except TpsError as error:
        stack.say(f"the GUI is not published: {error}")
        return None
    page = f"{stack.gateway_url}/gui/"
    if stack.environment().get("TPS_GUI_CLIENT_ID"):
        return page
    return f"{page}#sign-in={new_code(sign_in_folder(stack.keys_dir))}"


def tell_address(stack: LocalStack) -> None:
    """Publish the GUI and print its address."""
    address = address_of(stack)
    if address:
        how = "works once, within one hour; ./tps gui address prints a new link" if "#" in address else "sign in there"
        stack.say(f"GUI ({how}): {address}")
