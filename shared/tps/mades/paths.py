"""Message paths: whom a receiver lets send what, and which way it comes.

Source: STANDARDS.md section 3, "Paths".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tps.mades.states import refusal


@dataclass(frozen=True, slots=True)
class MessagePath:
    """One rule of a receiver about messages to it.

    Attributes:
        receiver: Component code of the receiver, whose rule it is.
        allowed_senders: Component codes, or None for all.
        message_type: A message type, or its beginning followed by `*`.
        valid_from: First moment of its validity.
        valid_to: First moment after its validity; None for no end.
        broker: Component code of the broker on the way (INDIRECT); None for DIRECT.
    """

    receiver: str
    allowed_senders: frozenset[str] | None
    message_type: str
    valid_from: datetime
    valid_to: datetime | None = None
    broker: str | None = None

    @property
    def is_direct(self) -> bool:
        """Whether no broker is on the way."""
        return self.broker is None

    @property
    def specificity(self) -> tuple[bool, int]:
        """How narrow its type is: exact before prefixes, longer prefixes before shorter ones, `*` last."""
        return (not self.message_type.endswith("*"), len(self.message_type))

    def is_valid_at(self, now: datetime) -> bool:
        """Whether this moment lies in its half-open validity."""
        return self.valid_from <= now and (self.valid_to is None or now < self.valid_to)

    def is_for_type(self, message_type: str) -> bool:
        """Whether it speaks of this message type."""
        if self.message_type.endswith("*"):
            return message_type.startswith(self.message_type[:-1])
        return message_type == self.message_type

    def allows(self, sender: str) -> bool:
        """Whether this component may send by it."""
        return self.allowed_senders is None or sender in self.allowed_senders


def select_path(paths: Iterable[MessagePath], sender: str, message_type: str, now: datetime) -> MessagePath:
    """The one path of a receiver that decides about a message.

    Paths out of validity do not count; of the rest the one with the most specific type decides, alone: there is no
    falling back to a wider one that would allow the sender.

    Raises:
        MessageRefused: `unknown_receiver` if the sender is not allowed, in the words used for a receiver that does not
            exist; `no_path` if no path is valid and the sender is named in one, so may know of the receiver.
    """
    known = tuple(paths)
    candidates = [path for path in known if path.is_valid_at(now) and path.is_for_type(message_type)]
    if not candidates:
        raise refusal("no_path" if any(path.allows(sender) for path in known) else "unknown_receiver")
    path = max(candidates, key=lambda candidate: (candidate.specificity, candidate.valid_from))
    if not path.allows(sender):
        raise refusal("unknown_receiver")
    return path


def conflicts(paths: Iterable[MessagePath], new: MessagePath) -> tuple[MessagePath, ...]:
    """The paths that a new one must not stand beside: same receiver and type, overlapping validity."""
    return tuple(path for path in paths if _is_rival(path, new))


def _is_rival(path: MessagePath, new: MessagePath) -> bool:
    is_same = (path.receiver, path.message_type) == (new.receiver, new.message_type)
    return is_same and _starts_before_end(path, new) and _starts_before_end(new, path)


def _starts_before_end(path: MessagePath, other: MessagePath) -> bool:
    return other.valid_to is None or path.valid_from < other.valid_to
