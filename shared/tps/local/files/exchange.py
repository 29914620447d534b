"""File exchange: sends each file in OUT as a message, and writes each received message to IN, exactly once.

Each file is sent with a conversation id made of its name and content, so sending it again after a crash has no effect.
A received message is confirmed after its file is in IN. Before the file moves to IN, the exchange notes the message as
given. So a message whose file the application has already removed does not appear again.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tps.errors import BadCredentials, Finding, NotFound, Refused, TpsError, Unavailable
from tps.local.embedded.failure import StackError
from tps.local.embedded.record import lock
from tps.local.files.folders import FINAL, Folders, Following, Seen
from tps.local.files.service import Service
from tps.mades.file_names import conversation_of, incoming_name, read_outgoing
from tps.mades.service_client import Received, Status
from tps.mades.types import LIMIT_UNFORESEEN

SETTLED_S = 2.0
_LONGEST_DELAY_S = 30.0
_AT_ONCE = 50
_TYPES = (LIMIT_UNFORESEEN, "*")  # emergencies do not wait for older messages
_TROUBLE = (Unavailable, BadCredentials, NotFound, OSError)


@dataclass
class _Patience:
    """Retries: each name has its own delay, which doubles with every failure."""

    clock: Callable[[], float]
    _delays: dict[str, tuple[float, float]] = field(default_factory=dict)

    def is_due(self, name: str) -> bool:
        return self._delays.get(name, (0.0, 0.0))[0] <= self.clock()

    def put_off(self, name: str) -> None:
        delay_s = min(max(self._delays.get(name, (0.0, 0.0))[1] * 2, 1.0), _LONGEST_DELAY_S)
        self._delays[name] = (self.clock() + delay_s, delay_s)

    def forget(self, name: str) -> None:
        self._delays.pop(name, None)


class Exchange:
    """The folders of one component and its endpoint.

    Args:
        say: Receives each problem once, its end, and every refused file.
        settled_s: How long a file in OUT must be unchanged before it is sent.
    """

    def __init__(
        self,
        service: Service,
        folders: Folders,
        say: Callable[[str], None],
        *,
        settled_s: float = SETTLED_S,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.stopping = threading.Event()
        self.service, self._folders, self._say = service, folders, say
        self._settled_s, self._clock = settled_s, clock
        self._troubled, self._asked = _Patience(clock), _Patience(clock)
        self._looked: dict[str, tuple[Seen, float]] = {}
        self._following = folders.unfinished()
        self._is_all = True
        self._troubles: dict[str, str] = {}

    def run(self, every_s: float) -> None:
        """Repeat until `stopping` is set. The current step is finished first."""
        while not self.stopping.is_set():
            is_all = self.round()
            self.stopping.wait(every_s if is_all else 0)

    def round(self) -> bool:
        """Send, follow and receive a bounded number of messages of each kind, so that no kind delays the others.

        Returns:
            True if nothing is left to do now.
        """
        self._is_all = True
        self._claim_settled()
        self._act_on_due("sending", sorted(self._folders.claimed(), key=_urgency), self._send)
        following = {sent.message_id: sent for sent in self._following if self._asked.is_due(sent.message_id)}
        self._act_on_due("asking for states", following, lambda message_id: self._follow(following[message_id]))
        self._act_on_due("confirming", self._folders.given(), self._confirm)
        self._act_on_due("receiving", _TYPES, self._receive)
        return self._is_all

    def _act_on_due(self, work: str, names: Iterable[str], act: Callable[[str], None]) -> None:
        """Run the action for each name that is due. After the first problem, the rest waits for the next round."""
        due = [name for name in names if self._troubled.is_due(f"{work} {name}")]
        self._is_all = self._is_all and len(due) <= _AT_ONCE
        for name in due[:_AT_ONCE]:
            key = f"{work} {name}"
            if self.stopping.is_set():
                return
            try:
                act(name)
            except _TROUBLE as error:
                self._troubled.put_off(key)
                self._note_trouble(work, error)
                return
            self._troubled.forget(key)
            self._note_trouble(work, None)

    def _note_trouble(self, work: str, error: Exception | None) -> None:
        text = None if error is None else _text_of(error)
        if text is not None and self._troubles.get(work) != text:
            self._say(f"{work}: {text}; retrying")
            self._troubles[work] = text
        elif text is None and work in self._troubles:
            self._say(f"{work}: works again")
            del self._troubles[work]

    # --- out

    def _claim_settled(self) -> None:
        now, looked = self._clock(), {}
        for seen in self._folders.to_send():
            before, since = self._looked.get(seen.name, (None, now))
            looked[seen.name] = (seen, since if before == seen else now)
            if before == seen and now - since >= self._settled_s and self._folders.claim(seen):
                del looked[seen.name]
        self._looked = looked

    def _send(self, name: str) -> None:
        try:
            outgoing = read_outgoing(name)
            content = self._folders.read(name)
            sent = Following(name, self.service.send(outgoing, content, conversation_of(name, content)))
            status = self.service.status(sent.message_id)
        except (BadCredentials, NotFound):
            raise
        except Refused as error:
            self._refuse(name, error)
            return
        self._folders.write_log(sent, status)
        if status.state == "FAILED":
            self._refuse(name, _failure(status))
            return
        self._folders.done(name)
        self._following.append(sent)

    def _refuse(self, name: str, error: Refused) -> None:
        self._folders.refuse(name, error)
        self._say(f"refused {name!r}: {error.detail}")

    def _follow(self, sent: Following) -> None:
        """Log the new state of a message. It is polled with exponential back-off, because delivery may take days."""
        try:
            status = self.service.status(sent.message_id)
        except (BadCredentials, NotFound):
            raise
        except Refused:
            self._following.remove(sent)  # the endpoint no longer stores this message
            return
        self._folders.write_log(sent, status)
        if status.state in FINAL:
            self._following.remove(sent)
            self._asked.forget(sent.message_id)
        else:
            self._asked.put_off(sent.message_id)

    # --- in

    def _receive(self, type: str) -> None:
        for _ in range(_AT_ONCE):
            received = None if self.stopping.is_set() else self.service.receive(type)
            if received is None:
                return
            if not self._folders.is_given(received.message_id):
                self._give(received)
            self._confirm(received.message_id)
        self._is_all = False

    def _give(self, received: Received) -> None:
        name = incoming_name(
            sender_application=received.sender_application,
            sender=received.sender,
            type=received.type,
            ba_message_id=received.ba_message_id,
            message_id=received.message_id,
            content=received.content,
        )
        self._folders.stage(received.message_id, received.content)
        self._folders.note_given(received.message_id)
        self._folders.give(received.message_id, name)

    def _confirm(self, message_id: str) -> None:
        try:
            self.service.confirm(message_id)
        except (BadCredentials, NotFound):
            raise
        except Refused:
            pass  # the message is already confirmed, or no longer stored
        self._folders.forget_given(message_id)


def serve(*, url: str, component: str, password: str, folder: Path, every_s: float) -> None:
    """Exchange files until SIGTERM or Ctrl-C; `ready FOLDER` on standard output marks the start.

    Raises:
        StackError: The password is missing, or the folder is unusable or in use.
    """
    if not password:
        raise StackError("the component's password is missing: pass --password-file, or set TPS_COMPONENT_PASSWORD")
    folders = Folders(folder)
    folder_lock = lock(folder / ".work")
    if folder_lock is None:
        raise StackError(f"another file exchange uses {folder}")
    service = Service(url, component, password)
    exchange = Exchange(service, folders, partial(print, file=sys.stderr, flush=True))
    with folder_lock, closing(service):
        _stop_by_signal(exchange)
        print(f"ready {folder}", flush=True)
        exchange.run(every_s)


def _stop_by_signal(exchange: Exchange) -> None:
    """Finish the current step at the first signal, and end at once at the second."""

    def stop(number: int, _frame: object) -> None:
        exchange.stopping.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _urgency(name: str) -> bool:
    """Return the sort key that puts emergencies first."""
    return f"_{LIMIT_UNFORESEEN}_" not in name


def _failure(status: Status) -> Refused:
    detail = (status.trace[-1].details if status.trace else None) or "failed"
    return Refused(detail, [Finding(detail.partition(":")[0], "", detail)])


def _text_of(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return error.detail if isinstance(error, TpsError) else type(error).__name__
