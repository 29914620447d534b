"""What two components send each other: messages, and acknowledgements of messages.

Values check their own form when they are made, so that a malformed one exists nowhere.
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
    """One business document on its way from one component to another.

    Attributes:
        message_id: 32 hex digits, unguessable; the transport's id.
        type: Message type (`tps.mades.types`); names the queue and the priority.
        sender: Component code of the one that signs.
        receiver: Component code of the one that can decrypt.
        sent_at: When the sender's endpoint took it.
        expires_at: When it fails if not delivered (exclusive); after `sent_at`, at most 28 days.
        sequence: Counted per sender and receiver; MADES itself promises no order.
        content: The document's bytes, at most 50 MB.
        ba_message_id: The application's own id: mRID and revision, or the mRID of the request it answers.
        in_reply_to: message_id of the message it answers.
        sender_application: Name of the sending application, for file exchange and the web service.

    Raises:
        MessageRefused: `malformed`: a field does not have its form.

    Source: IEC 62325-503; STANDARDS.md section 3.
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
    """All of a message but its content, as signed by the sender, with the content's size and SHA-256."""

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
        """The whole message, once its content was opened."""
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
    """Refuse as `malformed` what does not have the form of a message."""
    codes.message_id(message.message_id)
    if codes.message_type(message.type) == ACKNOWLEDGEMENT_TYPE:
        raise refusal("malformed", "an acknowledgement is no message with content")
    codes.component_code(message.sender, "sender")
    codes.component_code(message.receiver, "receiver")
    time_to_live = codes.aware(message.expires_at, "expires_at") - codes.aware(message.sent_at, "sent_at")
    if not timedelta() < time_to_live <= MAXIMUM_TIME_TO_LIVE:
        raise refusal("malformed", "a message lives longer than nothing and at most 28 days")
    codes.count(message.sequence, "sequence")
    if message.ba_message_id is not None:
        codes.free_text(message.ba_message_id, "ba_message_id", 255)
    if message.in_reply_to is not None:
        codes.message_id(message.in_reply_to, "in_reply_to")
    if message.sender_application is not None:
        codes.free_text(message.sender_application, "sender_application", 60)


class AcknowledgementKind(StrEnum):
    """What an acknowledgement says of its messages."""

    DELIVERY = "DELIVERY"  # the receiver's endpoint decrypted and verified them
    RECEIVE = "RECEIVE"  # the receiver's application confirmed them
    FAILURE = "FAILURE"  # they will not be delivered
    TRACING = "TRACING"  # a component on the way saw them


@dataclass(frozen=True, slots=True)
class AcknowledgedMessage:
    """One message that an acknowledgement speaks of.

    Attributes:
        message_id: The message's id.
        at: When what is said of it happened.
        detail: For FAILURE a code of `tps.mades.states.FAILURES`; else at most 200 characters for the trace.
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
    """One kind of news about 1 to 500 messages, from who received them to who sent them; signed, not encrypted.

    The signature proves who says so; that the acknowledged messages went from this acknowledgement's receiver to its
    sender must be checked against the ledger by whoever acts on it.
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
            raise refusal("malformed", "an acknowledgement speaks of 1 to 500 messages")
