"""A client of the MADES web service over HTTP, with the credentials of a component."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import httpx2

from tps.errors import BadCredentials, Finding, Malformed, NotFound, Refused, TooLarge, Unavailable
from tps.mades import service_client
from tps.mades.file_names import OutgoingName
from tps.mades.service_client import Received, Status
from tps.mades.web_service import MEDIA_TYPE

ADDRESS = "/ECP_MODULE/services/MadesEndpoint"
_TIMEOUT = httpx2.Timeout(120, connect=5)
_T = TypeVar("_T")


class Service:
    """The calls of an endpoint's web service.

    Every call raises Refused if the request is wrong, BadCredentials or NotFound if the credentials or the address are
    wrong, and Unavailable if a retry may succeed.
    """

    def __init__(self, url: str, component: str, password: str):
        base = f"{url.rstrip('/')}/ecp/{component}{ADDRESS}"
        # Proxies and .netrc of the environment are not meant for this service.
        self._http = httpx2.Client(auth=(component, password), timeout=_TIMEOUT, trust_env=False)
        self._address = base

    def send(self, name: OutgoingName, content: bytes, conversation_id: str) -> str:
        """Send a message once per conversation id, and return the message id."""
        request = service_client.send_request(
            receiver=name.receiver,
            type=name.type,
            content=content,
            sender_application=name.sender_application,
            ba_message_id=name.ba_message_id,
            conversation_id=conversation_id,
        )
        return self._ask(request, service_client.read_message_id)

    def status(self, message_id: str) -> Status:
        """Return the status of a message."""
        return self._ask(service_client.status_request(message_id), service_client.read_status)

    def receive(self, type: str = "*") -> Received | None:
        """Return the oldest unconfirmed message of a type; `*` means any type."""
        return self._ask(service_client.receive_request(type), service_client.read_received)

    def confirm(self, message_id: str) -> None:
        """Confirm that the application has this message."""
        self._ask(service_client.confirm_request(message_id), service_client.read_message_id)

    def close(self) -> None:
        self._http.close()

    def _ask(self, request: bytes, read: Callable[[bytes], _T]) -> _T:
        try:
            answer = self._http.post(self._address, content=request, headers={"Content-Type": MEDIA_TYPE})
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise Unavailable(f"the endpoint cannot be reached ({type(error).__name__})") from None
        if answer.status_code != 200:
            raise _error(answer)
        try:
            return read(answer.content)
        except Malformed as error:
            raise Unavailable(error.detail) from None


def _error(answer: httpx2.Response) -> Exception:
    if answer.status_code == 401:
        return BadCredentials("the endpoint refuses the component code or its password")
    fault = service_client.read_refusal(answer.content)
    if fault is not None and fault.is_ours:
        return Refused(fault.detail, [Finding(fault.code, "", fault.detail)])
    if fault is not None:
        return Unavailable(fault.detail)
    if answer.status_code == 413:
        return TooLarge(
            "the content is larger than the endpoint accepts", [Finding("content_too_large", "", "at most 50 MB")]
        )
    if answer.status_code == 404:
        return NotFound("there is no MADES web service at this address")
    return Unavailable(f"the endpoint answers HTTP {answer.status_code}")
