"""The moment at which owed acknowledgements are sent: together, shortly after the first, outside any request."""

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
    """A timer that sends all owed acknowledgements of a group within 250 ms after the first.

    The timer only remembers that acknowledgements are owed. The rows in the database are the truth. If the broker is
    away or the process dies, a tick sends them.

    Args:
        delay_s: Time in which later acknowledgements can join the first, in seconds.
    """

    def __init__(self, delay_s: float = BATCH_S) -> None:
        self._delay_s = delay_s
        self._lock = threading.Lock()
        self._waiting: threading.Timer | None = None
        self._last: threading.Timer | None = None

    def schedule(self, endpoint: Endpoint) -> None:
        """Start the timer, because a committed transaction owes an acknowledgement."""
        with self._lock:
            if self._waiting is None:
                self._waiting = self._last = threading.Timer(self._delay_s, self._send, [endpoint])
                self._waiting.name = f"owed {endpoint.group}"
                self._waiting.daemon = True
                self._waiting.start()

    def flush(self, endpoint: Endpoint) -> None:
        """Send waiting acknowledgements at once, and wait for a send in progress."""
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
            # An acknowledgement from now on needs a new timer: this send may already have read the rows.
            self._waiting = None
        try:
            send_all_owed(endpoint)
        except StoreAway as error:
            _log.warning("acknowledgements postponed to the next tick", group=endpoint.group, why=error.detail)
