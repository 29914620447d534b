"""A fixed set of components for the MADES tests, and builders with defaults."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tps.mades import jose
from tps.mades.certificates import (
    Authority,
    CertificateUse,
    Component,
    ComponentKeys,
    create_authority,
    create_component,
    issue,
)
from tps.mades.directory import ComponentEntry
from tps.mades.envelope import MESSAGE_TYP, Envelope, seal
from tps.mades.message import AcknowledgedMessage, AcknowledgementKind, MadesAcknowledgement, Message

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PLATFORM, OPERATOR, STRANGER, OLD_OPERATOR = "5790000000029", "5790000000036", "45V0000000000019", "5790000000043"


@cache
def authority() -> Authority:
    return create_authority("Test authority", NOW)


@cache
def component(code: str) -> Component:
    """Return a component with P-256 keys. OLD_OPERATOR has RSA keys."""
    if code == OLD_OPERATOR:
        return _rsa_component(code)
    return create_component(authority(), code, f"Organisation of {code}", now=NOW)


def _rsa_component(code: str) -> Component:
    keys = ComponentKeys(*(rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in CertificateUse))
    certificates = [
        issue(authority(), code, "Older organisation", use, public_key=keys.of(use).public_key(), now=NOW)
        for use in CertificateUse
    ]
    return Component(code, keys, tuple(certificates))


def make_entry(code: str, **changes: Any) -> ComponentEntry:
    entry = ComponentEntry(code, f"Organisation of {code}", "endpoint", "agr", code, component(code).certificates)
    return dataclasses.replace(entry, **changes)


def find(code: str) -> ComponentEntry | None:
    """Look up a component in a directory copy that holds all components."""
    return make_entry(code) if code in (PLATFORM, OPERATOR, STRANGER, OLD_OPERATOR) else None


def make_message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "message_id": "0123456789abcdef0123456789abcdef",
        "type": "TPS-ASSET",
        "sender": OPERATOR,
        "receiver": PLATFORM,
        "sent_at": NOW,
        "expires_at": NOW + timedelta(days=14),
        "sequence": 7,
        "content": b"<Ref_MarketDocument/>" * 50,
    }
    return Message(**{**values, **changes})


def make_acknowledgement(**changes: Any) -> MadesAcknowledgement:
    values: dict[str, Any] = {
        "message_id": "f" * 32,
        "kind": AcknowledgementKind.DELIVERY,
        "sender": PLATFORM,
        "receiver": OPERATOR,
        "sent_at": NOW,
        "messages": (AcknowledgedMessage("0123456789abcdef0123456789abcdef", NOW),),
    }
    return MadesAcknowledgement(**{**values, **changes})


def make_sealed(message: Message | None = None) -> Envelope:
    message = message or make_message()
    certificate = component(message.receiver).certificate(CertificateUse.ENCRYPTION)
    return seal(message, component(message.sender).signing_key, certificate)


def metadata_fields(envelope: Envelope) -> dict[str, Any]:
    """Return the metadata of an envelope as JSON fields."""
    fields: dict[str, Any] = json.loads(jose.parse_signed(envelope.metadata).payload)
    return fields


def signed_anew(envelope: Envelope, fields: Any, typ: str = MESSAGE_TYP) -> Envelope:
    """Return the envelope with other metadata that the operator signed: a dishonest sender."""
    key = component(OPERATOR).signing_key
    payload = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return dataclasses.replace(envelope, metadata=jose.sign(payload, key.jose, key.certificate_id, typ))
