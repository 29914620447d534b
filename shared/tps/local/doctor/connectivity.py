"""A message from one component's endpoint to another's and no further, and what its outcome means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING

from tps.errors import MessageRefused, StoreAway
from tps.local.doctor.patient import Patient
from tps.local.doctor.report import Result
from tps.mades.states import FAILURES, State

if TYPE_CHECKING:
    from tps.endpoint.components import OwnComponent
    from tps.endpoint.endpoint import Endpoint
    from tps.host.services import Services

_DEADLINE_S = 8.0
_POLL_S = 0.05
_ELSEWHERE = "look at the receiver's side: its endpoint refused the message"
_REMEDIES: Mapping[str, str] = {
    "unknown_sender_here": "it is no component of this installation; who takes part: ./tps party list, or add it",
    "unknown_receiver": "nobody has that code, or it takes nothing from this sender (./tps party list): "
    "parties reach the platform only",
    "no_path": "the receiver's paths are not valid now: give it one: ./tps party path add CODE '*'",
    "certificate_expired": "renew the component's certificates: ./tps party renew CODE",
    "certificate_revoked": "the certificate was revoked: the component must be registered anew",
    "certificate_unknown": f"the receiver's copy of the directory is behind, or a key was replaced; {_ELSEWHERE}",
    "type_not_allowed": "tests go between the platform and a party",
    "sent_in_future": "set both clocks by a time service (NTP)",
    "directory_stale": "the copy of the directory is too old: see that the directory is reached (TPS_DIRECTORY_URL)",
    "not_delivered": "see FOLDER/logs/delivery.log and the checks above: the message is on its way, and is not lost",
}


def try_connectivity(patient: Patient, sender: str, receiver: str) -> Result:
    """Send a test and wait for its state: DELIVERED is well."""
    reason = _outcome(patient, sender, receiver)
    name = f"connectivity from {sender} to {receiver}"
    if reason is None:
        return Result(name, True)
    sentence = _SENTENCES.get(reason) or FAILURES.get(reason) or "It failed."
    return Result(name, False, (f"{reason}: {sentence}",), _REMEDIES.get(reason, _ELSEWHERE))


_SENTENCES = {
    "unknown_sender_here": "No component here has the sender's code.",
    "not_delivered": f"Not delivered within {_DEADLINE_S:.0f} s.",
    "away": "A store is away.",
}


def _outcome(patient: Patient, sender: str, receiver: str) -> str | None:
    """None, or why it was not delivered."""
    from tps.host.services import build_services
    from tps.host.settings import Settings

    with closing(build_services(Settings.from_env(patient.running.environment()))) as services:
        try:
            found = _endpoint_of(services, sender)
            return "unknown_sender_here" if found is None else _test(*found, receiver)
        except MessageRefused as error:
            return error.code
        except StoreAway:
            return "away"
        except Exception as error:
            # Its text may quote anything.
            return type(error).__name__


def _endpoint_of(services: Services, code: str) -> tuple[Endpoint, OwnComponent] | None:
    for endpoint in (each for each in services.endpoints.values() if each.kind != "ecp"):
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
