"""Hostile messages: hand-made envelopes that an attacker with the rights of a group can publish at the broker."""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.support.world import Member, World, fresh_gsrn, make_asset, make_foreseen
from tps.api.types import ForeseenBody
from tps.documents import Header, Role, encode
from tps.documents.unavailability import DocumentStatus, LimitDocument, limit_type
from tps.endpoint import components
from tps.endpoint.sending import cloud_event_headers
from tps.host.services import Services, utc_now
from tps.mades import jose
from tps.mades.certificates import CertificateUse, create_authority, create_component
from tps.mades.directory import ComponentEntry
from tps.mades.envelope import MESSAGE_TYP, Envelope, seal
from tps.mades.ids import new_id
from tps.mades.keys import SigningKey
from tps.mades.message import Message
from tps.mades.subjects import message_subject
from tps.mades.types import LIMIT_FORESEEN, expiry
from tps.stores.mailbox import Letter


@dataclass
class Lab:
    """A DSO with a valid limit, the operator that it would bind, and their keys in the hands of the test."""

    world: World
    services: Services
    grid: Member
    victim: Member
    asset_id: str

    @property
    def platform(self) -> str:
        return self.world.settings.platform_component

    def message(self, **changes: Any) -> Message:
        """Return a valid foreseen limit from the grid to the platform."""
        now, sender = utc_now(), changes.get("sender", self.grid.code)
        values: dict[str, Any] = {
            "message_id": new_id(),
            "type": LIMIT_FORESEEN,
            "sender": sender,
            "receiver": self.platform,
            "sent_at": now,
            "expires_at": expiry(LIMIT_FORESEEN, now),
            "sequence": 0,
            "content": self.limit(sender),
        }
        return Message(**{**values, **changes})

    def limit(self, sender: str) -> bytes:
        """Return the document of a new limit on the victim's asset."""
        limit = ForeseenBody.model_validate(make_foreseen([self.asset_id])).to_domain()
        now = utc_now().replace(microsecond=0)
        header = Header(new_id(), now, sender, Role.DSO, self.world.settings.platform_party, Role.TPS)
        return encode(
            LimitDocument(
                header=header,
                revision=1,
                status=DocumentStatus.ACTIVE,
                period=limit.period,
                kind_type=limit_type(limit.direction),
                limit=limit,
                reason=limit.reason,
            )
        )

    def sealed(self, message: Message, signing: SigningKey | None = None) -> Envelope:
        """Return the envelope as the sender's endpoint would make it."""
        return seal(message, signing or self.signing_key(), self.certificate_of(message.receiver))

    def signing_key(self) -> SigningKey:
        endpoint = self.services.endpoint("dso")
        with endpoint.database.transaction() as tx:
            return endpoint.signing_key(tx, self.grid.code)

    def certificate_of(self, code: str) -> Any:
        """Return the certificate for encryption to a component."""
        entry = self.entry(code)
        return entry.certificate(CertificateUse.ENCRYPTION, utc_now())

    def entry(self, code: str) -> ComponentEntry:
        """Return a component's entry in the platform's copy of the directory."""
        with self.services.endpoint("tps").database.transaction() as tx:
            found = components.entry_of(tx, code)
        assert found is not None
        return found.entry

    def known_as(self, entry: ComponentEntry, group: str = "tps") -> None:
        """Change a component's entry in a group's copy, until the next change in the directory."""
        with self.services.endpoint(group).database.transaction() as tx:
            tx.execute(
                "UPDATE directory_entry SET entry = %s WHERE code = %s", (json.dumps(entry.to_json()), entry.code)
            )

    def publish(self, message: Message, envelope: Envelope, subject: str = "", group: str = "dso") -> None:
        """Publish at the broker as a group's own user, each time with a new broker id."""
        subject = subject or message_subject("tps", message.type, message.receiver, message.sender)
        headers = cloud_event_headers(message.type, message.message_id, subject)
        letter = Letter(subject, envelope.to_bytes(), new_id(), headers)
        self.services.endpoint(group).mailbox.publish([letter])


Publish = Callable[[Lab], Message]


def tampered(lab: Lab) -> Message:
    """The metadata were changed after the signature."""
    message = lab.message()
    sealed = lab.sealed(message)
    other = lab.sealed(dataclasses.replace(message, sequence=1))
    signature = other.metadata.rpartition(".")[2]
    lab.publish(message, dataclasses.replace(sealed, metadata=f"{sealed.metadata.rpartition('.')[0]}.{signature}"))
    return message


def for_somebody_else(lab: Lab) -> Message:
    """Only another party can decrypt the content."""
    message = lab.message()
    theirs = lab.sealed(dataclasses.replace(message, receiver=lab.victim.code))
    lab.publish(message, dataclasses.replace(lab.sealed(message), content=theirs.content))
    return message


def on_another_subject(lab: Lab) -> Message:
    """A captured message is published as a message of another type."""
    message = lab.message()
    lab.publish(message, lab.sealed(message), message_subject("tps", "TPS-POINT", lab.platform, message.sender))
    return message


def to_another_receiver(lab: Lab) -> Message:
    """A captured message is published for another receiver at the platform."""
    message = lab.message()
    lab.publish(message, lab.sealed(message), message_subject("tps", message.type, lab.victim.code, message.sender))
    return message


def another_content(lab: Lab) -> Message:
    """The content of one message has the metadata of another."""
    message, other = lab.message(), lab.message()
    lab.publish(message, dataclasses.replace(lab.sealed(message), content=lab.sealed(other).content))
    return message


def bomb(lab: Lab) -> Message:
    """The compressed part expands to a thousand times the signed size."""
    message = lab.message()
    certificate = lab.certificate_of(lab.platform)
    deflated = zlib.compress(bytes(256 * 1024 * 1024), 9)
    content = jose.encrypt(deflated, certificate.jose, certificate.certificate_id)
    lab.publish(message, dataclasses.replace(lab.sealed(message), content=content))
    return message


def by_an_expired_certificate(lab: Lab) -> Message:
    """The certificate of a DSO has expired."""
    return _known_by(lab, utc_now() - timedelta(days=4000))


def by_a_revoked_certificate(lab: Lab) -> Message:
    """The certificate of a DSO is revoked."""
    return _known_by(lab, utc_now() - timedelta(days=1), is_revoked=True)


def _known_by(lab: Lab, certified_at: Any, is_revoked: bool = False) -> Message:
    """Send from a new DSO with keys of the test."""
    member = lab.world.dso("Old Grid")
    component = create_component(create_authority("Authority", certified_at), member.code, "Old Grid", now=certified_at)
    entry = dataclasses.replace(lab.entry(member.code), certificates=component.certificates)
    if is_revoked:
        entry = dataclasses.replace(entry, revoked_certificates=frozenset({component.signing_key.certificate_id}))
    lab.known_as(entry)
    message = lab.message(sender=member.code)
    lab.publish(message, lab.sealed(message, component.signing_key))
    return message


def by_a_key_of_its_own(lab: Lab) -> Message:
    """The signing key is not certified for this component."""
    now = utc_now()
    stranger = create_component(create_authority("Authority", now), lab.grid.code, "North Grid", now=now)
    message = lab.message()
    lab.publish(message, lab.sealed(message, stranger.signing_key))
    return message


def expired(lab: Lab) -> Message:
    """The message expired long ago."""
    sent_at = utc_now() - timedelta(days=20)
    message = lab.message(sent_at=sent_at, expires_at=sent_at + timedelta(days=14))
    lab.publish(message, lab.sealed(message))
    return message


def from_the_future(lab: Lab) -> Message:
    """The sender's clock is wrong, or the sender wants a longer lifetime."""
    message = lab.message(sent_at=utc_now() + timedelta(hours=1))
    lab.publish(message, lab.sealed(message))
    return message


def of_another_role(lab: Lab) -> Message:
    """A DSO sends a message type of operators."""
    message = lab.message(type="TPS-SCHEDULE")
    lab.publish(message, lab.sealed(message))
    return message


def in_the_name_of_an_operator(lab: Lab) -> Message:
    """The DSO's key signs metadata with an operator as sender, on the DSO's own subject."""
    key = lab.signing_key()
    fields = json.loads(jose.parse_signed(lab.sealed(lab.message()).metadata).payload)
    message = lab.message(sender=lab.victim.code)
    fields |= {"sender": message.sender, "message_id": message.message_id}
    metadata = jose.sign(json.dumps(fields).encode(), key.jose, key.certificate_id, MESSAGE_TYP)
    forged = dataclasses.replace(lab.sealed(lab.message()), metadata=metadata)
    lab.publish(message, forged, message_subject("tps", message.type, lab.platform, lab.grid.code))
    return message


FAILING: dict[str, tuple[Publish, str]] = {
    "a tampered signature": (tampered, "bad_signature"),
    "a payload for somebody else": (for_somebody_else, "not_decryptable"),
    "a copy by another subject": (on_another_subject, "wrong_subject"),
    "a copy to another receiver": (to_another_receiver, "wrong_subject"),
    "the content of another message": (another_content, "content_damaged"),
    "a bomb": (bomb, "content_too_large"),
    "an expired certificate": (by_an_expired_certificate, "certificate_expired"),
    "a revoked certificate": (by_a_revoked_certificate, "certificate_revoked"),
    "a key that nobody certified": (by_a_key_of_its_own, "certificate_unknown"),
    "a message that expired": (expired, "expired"),
    "a message from the future": (from_the_future, "sent_in_future"),
    "a type of another role": (of_another_role, "type_not_allowed"),
    "a message in another's name": (in_the_name_of_an_operator, "certificate_unknown"),
}

_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>'
_NAME = b"urn:iec62325.351:tc57wg16:451-6:outagedocument:4:0"
DOCUMENTS: dict[str, bytes] = {
    "a document type": _HEAD + b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x"><x/>',
    "entities in entities": _HEAD
    + b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>',
    "a file of the machine": _HEAD + b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>',
    "a very deep one": _HEAD + b"<a>" * 100_000 + b"</a>" * 100_000,
    "a very large one": _HEAD + b'<Unavailability_MarketDocument xmlns="%s">' % _NAME + b" " * 40_000_000,
    "another encoding": '<?xml version="1.0" encoding="UTF-16"?><x/>'.encode("utf-16"),
    "no XML": b"\x00\x01\x02",
}


_SOAP, _MADES = "http://www.w3.org/2003/05/soap-envelope", "http://mades.entsoe.eu/"
_ASK = f'<m:ReceiveMessageRequest xmlns:m="{_MADES}"><downloadMessage>false</downloadMessage></m:ReceiveMessageRequest>'
_SEND = (
    f'<m:SendMessageRequest xmlns:m="{_MADES}"><message><receiverCode>@platform@</receiverCode><businessType>TPS-POINT'
    "</businessType><content>@content@</content></message></m:SendMessageRequest>"
)


def soap(inside: str, before: str = "", namespace: str = _SOAP) -> bytes:
    """Return a SOAP envelope around this content."""
    return f'{before}<s:Envelope xmlns:s="{namespace}">{inside}</s:Envelope>'.encode()


def body(inside: str) -> str:
    return f"<s:Body>{inside}</s:Body>"


def sending(content: str) -> str:
    return body(_SEND.replace("@content@", content))


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
_UNDERSTAND = '<s:Header><x:Security xmlns:x="urn:x" s:mustUnderstand="true"/></s:Header>'
_NO_DTD = "the request must be XML in UTF-8 without a document type declaration"
_NOT_WELL_FORMED = "the request is not well-formed XML"
_TOO_MUCH = "the request has too many tags, attributes or references"
_ONE_BODY = "the envelope must have one body, after at most one header"
_ONE_REQUEST = "the body must contain one request of the MADES web service"
_NO_HEADER = "no header is supported; remove the mandatory headers"
_ATTRIBUTES = " ".join(f'a{number}=""' for number in range(100_000))
ENVELOPES: dict[str, tuple[bytes, str]] = {
    "a document type": (soap(body(_ASK), '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x">'), _NO_DTD),
    "entities in entities": (soap(sending("&b;"), ENTITIES), _NO_DTD),
    "a file of the machine": (
        soap(sending("&a;"), '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'),
        _NO_DTD,
    ),
    "an entity that nobody declared": (soap(sending("&a;")), _NOT_WELL_FORMED),
    "another encoding": ('<?xml version="1.0" encoding="UTF-16"?><x/>'.encode("utf-16"), _NO_DTD),
    "a very deep one": (soap(body("<a>" * 100_000 + "</a>" * 100_000)), _TOO_MUCH),
    "a hundred thousand attributes": (soap(body(f"<a {_ATTRIBUTES}/>")), _TOO_MUCH),
    "a header that must be understood": (soap(_UNDERSTAND + body(_ASK)), _NO_HEADER),
    "an older SOAP": (
        soap(body(_ASK), namespace="http://schemas.xmlsoap.org/soap/envelope/"),
        "the envelope must be SOAP 1.2",
    ),
    "two bodies": (soap(body(_ASK) + body("")), _ONE_BODY),
    "a body in the header": (soap(f"<s:Header>{body(_ASK)}</s:Header>"), _ONE_BODY),
    "a body in a wrapping": (soap(f"<x>{body(_ASK)}</x>"), _ONE_BODY),
    "a body before its header": (soap(body(_ASK) + "<s:Header/>"), _ONE_BODY),
    "two requests": (soap(body(_ASK + _ASK)), _ONE_REQUEST),
    "a request in a request": (soap(body(f"<x>{_ASK}</x>")), _ONE_REQUEST),
    "no base64": (soap(sending("!!!")), "content must be base64"),
    "no end": (soap(body(_ASK))[:-5], _NOT_WELL_FORMED),
    "nothing": (b"", _NOT_WELL_FORMED),
}


def make_lab(world: World, services: Services) -> Lab:
    grid, victim = world.dso("North Grid"), world.operator("Alpha")
    asset = make_asset(fresh_gsrn())
    grid.register_points(asset["connection_point_id"])
    victim.register_assets(asset)
    return Lab(world, services, grid, victim, asset["id"])
