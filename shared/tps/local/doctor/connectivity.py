"""The connectivity test between the endpoints of two components, and the explanation of its outcome."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from tps.errors import MessageRefused, StoreAway
from tps.local.doctor.installation import Installation
from tps.local.doctor.report import Result
from tps.mades.states import FAILURES, State

if TYPE_CHECKING:
    from tps.endpoint.components import OwnComponent
    from tps.endpoint.endpoint import Endpoint
    from tps.host.services import Services

_DEADLINE_S = 8.0
_POLL_S = 0.05
_ELSEWHERE = "the receiver's endpoint refused the message: look for the cause there"
_REMEDIES: Mapping[str, str] = {
    "unknown_sender_here": "onboard the component, or choose one from ./tps party list",
    "unknown_receiver": "check the code with ./tps party list; a party can send to the platform only",
    "no_path": "the receiver has no path that is valid now: run ./tps party path add CODE '*'",
    "certificate_expired": "renew the component's certificates: ./tps party renew CODE",
    "certificate_revoked": "the certificate is revoked: the party must apply for a component again",
    "certificate_unknown": f"the receiver's copy of the directory is old, or a key was replaced; {_ELSEWHERE}",
    "type_not_allowed": "send the test between the platform and a party",
    "sent_in_future": "synchronise both clocks by NTP",
    "directory_stale": "the copy of the directory is too old: check that TPS_DIRECTORY_URL is reachable",
    "not_delivered": "the message is not lost: see FOLDER/logs/delivery.log and the checks above",
}


def try_connectivity(installation: Installation, sender: str, receiver: str) -> Result:
    """Send a connectivity test and wait for its state. DELIVERED is success."""
    reason = _outcome(installation, sender, receiver)
    name = f"connectivity from {sender} to {receiver}"
    if reason is None:
        return Result(name, True)
    sentence = _SENTENCES.get(reason) or FAILURES.get(reason) or "The message failed."
    return Result(name, False, (f"{reason}: {sentence}",), _REMEDIES.get(reason, _ELSEWHERE))


_SENTENCES = {
    "unknown_sender_here": "This installation has no component with the sender's code.",
    "not_delivered": f"The message was not delivered within {_DEADLINE_S:.0f} s.",
    "away": "A store does not answer.",
}


def _outcome(installation: Installation, sender: str, receiver: str) -> str | None:
    """Return None if the message was delivered, otherwise the reason."""
    from tps.host.services import build_services
    from tps.host.settings import Settings

    with closing(build_services(Settings.from_env(installation.running.environment()))) as services:
        try:
            own = _endpoint_of(services, sender)
            return "unknown_sender_here" if own is None else _test(*own, receiver)
        except MessageRefused as error:
            return error.code
        except StoreAway:
            return "away"
        except Exception as error:
            # The text of an unexpected error may contain secrets.
            return type(error).__name__


def _endpoint_of(services: Services, code: str) -> tuple[Endpoint, OwnComponent] | None:
    for endpoint in (candidate for candidate in services.endpoints.values() if candidate.kind != "ecp"):
        with endpoint.database.transaction() as tx:
            if own := endpoint.own(tx, code):
                return endpoint, own
    return None


def _test(endpoint: Endpoint, own: OwnComponent, receiver: str) -> str | None:
    from tps.endpoint.applications import send_test, status_of

    message_id = send_test(endpoint, own, receiver, None)
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        status = status_of(endpoint, own, message_id)
        if status.state in (State.DELIVERED, State.RECEIVED):
            return None
        if status.state == State.FAILED:
            return (status.trace[-1].details or "failed").partition(":")[0]
        time.sleep(_POLL_S)
    return "not_delivered"
