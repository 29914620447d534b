"""Messages between two components, and acknowledgements of messages.

The constructors check all fields, so a malformed value cannot exist.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tps.mades import codes
from tps.mades.states import refusal

ACKNOWLEDGEMENT_TYPE = "MADES-ACK"
MAXIMUM_TIME_TO_LIVE = timedelta(days=28)
MAXIMUM_ACKNOWLEDGED = 500
MAXIMUM_DETAIL_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Message:
    """One business document in transit from one component to another.

    Attributes:
        message_id: 32 hex digits, unguessable; the transport's id.
        type: Message type (`tps.mades.types`). It determines the queue and the priority.
        sender: Component code of the signer.
        receiver: Component code of the component that can decrypt the content.
        sent_at: When the sender's endpoint accepted the message.
        expires_at: When the message fails if it is not delivered (exclusive). After `sent_at`, by at most 28 days.
        sequence: Counter per sender and receiver. MADES itself promises no order.
        content: The document's bytes, at most 50 MB.
        ba_message_id: The application's own id: mRID and revision, or the mRID of the request that is answered.
        in_reply_to: message_id of the message that is answered.
        sender_application: Name of the sending application, for file exchange and the web service.

    Raises:
        MessageRefused: `malformed`: a field is invalid.

    Source: IEC 62325-503; docs/glossary.md, "Communication and storage".
    """

    message_id: str
    type: str
    sender: str
    receiver: str
    sent_at: datetime
    expires_at: datetime
    sequence: int
    content: bytes
    ba_message_id: str | None = None
    in_reply_to: str | None = None
    sender_application: str | None = None

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class Metadata:
    """A message without its content, as the sender signed it, with the content's size and SHA-256."""

    message_id: str
    type: str
    sender: str
    receiver: str
    sent_at: datetime
    expires_at: datetime
    sequence: int
    content_size: int
    content_sha256: str
    ba_message_id: str | None = None
    in_reply_to: str | None = None
    sender_application: str | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        codes.count(self.content_size, "content size")
        codes.sha256_hex(self.content_sha256, "content SHA-256")

    def with_content(self, content: bytes) -> Message:
        """Return the complete message after its content was opened."""
        return Message(
            message_id=self.message_id,
            type=self.type,
            sender=self.sender,
            receiver=self.receiver,
            sent_at=self.sent_at,
            expires_at=self.expires_at,
            sequence=self.sequence,
            content=content,
            ba_message_id=self.ba_message_id,
            in_reply_to=self.in_reply_to,
            sender_application=self.sender_application,
        )


def check_fields(message: Message | Metadata) -> None:
    """Refuse invalid fields of a message as `malformed`."""
    codes.message_id(message.message_id)
    if codes.message_type(message.type) == ACKNOWLEDGEMENT_TYPE:
        raise refusal("malformed", f"the type {ACKNOWLEDGEMENT_TYPE} is reserved for acknowledgements")
    codes.component_code(message.sender, "sender")
    codes.component_code(message.receiver, "receiver")
    time_to_live = codes.aware(message.expires_at, "expires_at") - codes.aware(message.sent_at, "sent_at")
    if not timedelta() < time_to_live <= MAXIMUM_TIME_TO_LIVE:
        raise refusal("malformed", "expires_at must be after sent_at, by at most 28 days")
    codes.count(message.sequence, "sequence")
    if message.ba_message_id is not None:
        codes.free_text(message.ba_message_id, "ba_message_id", 255)
    if message.in_reply_to is not None:
        codes.message_id(message.in_reply_to, "in_reply_to")
    if message.sender_application is not None:
        codes.free_text(message.sender_application, "sender_application", 60)


class AcknowledgementKind(StrEnum):
    """The event that an acknowledgement reports."""

    DELIVERY = "DELIVERY"  # the receiver's endpoint decrypted and verified the messages
    RECEIVE = "RECEIVE"  # the receiver's application confirmed the messages
    FAILURE = "FAILURE"  # the messages will not be delivered
    TRACING = "TRACING"  # an intermediate component has the messages


@dataclass(frozen=True, slots=True)
class AcknowledgedMessage:
    """One message in an acknowledgement.

    Attributes:
        message_id: The message's id.
        at: When the reported event happened.
        detail: For FAILURE a code of `tps.mades.states.FAILURES`, else at most 200 characters for the trace.
    """

    message_id: str
    at: datetime
    detail: str | None = None

    def __post_init__(self) -> None:
        codes.message_id(self.message_id)
        codes.aware(self.at, "at")
        if self.detail is not None:
            codes.free_text(self.detail, "detail", MAXIMUM_DETAIL_CHARACTERS)


@dataclass(frozen=True, slots=True)
class MadesAcknowledgement:
    """One event of 1 to 500 messages, reported by their receiver to their sender. Signed, not encrypted.

    The signature proves the sender of the acknowledgement. It does not prove that the acknowledged messages went from
    this acknowledgement's receiver to its sender. The caller must check this in the ledger.
    """

    message_id: str
    kind: AcknowledgementKind
    sender: str
    receiver: str
    sent_at: datetime
    messages: tuple[AcknowledgedMessage, ...]

    def __post_init__(self) -> None:
        codes.message_id(self.message_id)
        codes.component_code(self.sender, "sender")
        codes.component_code(self.receiver, "receiver")
        codes.aware(self.sent_at, "sent_at")
        if not 1 <= len(self.messages) <= MAXIMUM_ACKNOWLEDGED:
            raise refusal("malformed", f"an acknowledgement must have 1 to {MAXIMUM_ACKNOWLEDGED} messages")
