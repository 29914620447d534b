"""Message paths: a receiver's rules for senders, message types and route.

Source: docs/mades.md, "Paths".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tps.mades.states import refusal


@dataclass(frozen=True, slots=True)
class MessagePath:
    """One rule of a receiver for messages to it.

    Attributes:
        receiver: Component code of the receiver that owns the rule.
        allowed_senders: Component codes, or None for all components.
        message_type: A message type, or the beginning of a type followed by `*`.
        valid_from: First moment of validity.
        valid_to: First moment after the validity. None means no end.
        broker: Component code of the broker for an INDIRECT path. None for a DIRECT path.
    """

    receiver: str
    allowed_senders: frozenset[str] | None
    message_type: str
    valid_from: datetime
    valid_to: datetime | None = None
    broker: str | None = None

    @property
    def is_direct(self) -> bool:
        """Return True if the path uses no broker."""
        return self.broker is None

    @property
    def specificity(self) -> tuple[bool, int]:
        """Return a sort key: an exact type is above a prefix, a longer prefix is above a shorter one, and `*` is
        lowest.
        """
        return (not self.message_type.endswith("*"), len(self.message_type))

    def is_valid_at(self, now: datetime) -> bool:
        """Return True if this moment lies in the half-open validity."""
        return self.valid_from <= now and (self.valid_to is None or now < self.valid_to)

    def is_for_type(self, message_type: str) -> bool:
        """Return True if the path applies to this message type."""
        if self.message_type.endswith("*"):
            return message_type.startswith(self.message_type[:-1])
        return message_type == self.message_type

    def allows(self, sender: str) -> bool:
        """Return True if this component may send on the path."""
        return self.allowed_senders is None or sender in self.allowed_senders


def select_path(paths: Iterable[MessagePath], sender: str, message_type: str, now: datetime) -> MessagePath:
    """Return the path of a receiver that decides about a message.

    Invalid paths are ignored. Of the valid paths, the path with the most specific type decides alone. There is no
    fallback to a wider path that would allow the sender.

    Raises:
        MessageRefused: `unknown_receiver` if the sender is not allowed, with the same text as for a receiver that does
            not exist. `no_path` if no path is valid and a path names the sender, so that it may know the receiver.
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
    """Return the paths that conflict with a new path: same receiver and type, overlapping validity."""
    return tuple(path for path in paths if _is_rival(path, new))


def _is_rival(path: MessagePath, new: MessagePath) -> bool:
    is_same = (path.receiver, path.message_type) == (new.receiver, new.message_type)
    return is_same and _starts_before_end(path, new) and _starts_before_end(new, path)


def _starts_before_end(path: MessagePath, other: MessagePath) -> bool:
    return other.valid_to is None or path.valid_from < other.valid_to
