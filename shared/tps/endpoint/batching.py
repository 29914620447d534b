"""When owed acknowledgements go: together, a moment after the first of them was earned, on nobody's time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from tps.errors import StoreAway

if TYPE_CHECKING:
    from tps.endpoint.endpoint import Endpoint

BATCH_S = 0.2
_FLUSH_S = 10.0
_log = structlog.get_logger()


class OwedBatch:
    """Sends what a group owes at most 250 ms after it was told of it, everything in one go.

    It only remembers that there is something: the rows in the database are the truth. What a process could not send,
    because the broker was away or the process died, a tick sends.

    Args:
        delay_s: How long others may join the first.
    """

    def __init__(self, delay_s: float = BATCH_S) -> None:
        self._delay_s = delay_s
        self._lock = threading.Lock()
        self._waiting: threading.Timer | None = None
        self._last: threading.Timer | None = None

    def tell(self, endpoint: Endpoint) -> None:
        """Something is owed, and committed."""
        with self._lock:
            if self._waiting is None:
                self._waiting = self._last = threading.Timer(self._delay_s, self._send, [endpoint])
                self._waiting.name = f"owed {endpoint.group}"
                self._waiting.daemon = True
                self._waiting.start()

    def flush(self, endpoint: Endpoint) -> None:
        """Send at once what is still to be sent, and wait for what is under way."""
        with self._lock:
            waiting, last = self._waiting, self._last
        if waiting is not None:
            waiting.cancel()
            self._send(endpoint)
        if last is not None:
            last.join(_FLUSH_S)

    def _send(self, endpoint: Endpoint) -> None:
        from tps.endpoint.acknowledging import send_all_owed

        with self._lock:
            # From here on whoever earns one starts the next batch: this one may have looked already.
            self._waiting = None
        try:
            send_all_owed(endpoint)
        except StoreAway as error:
            _log.warning("acknowledgements left for a tick", group=endpoint.group, why=error.detail)
