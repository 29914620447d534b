"""What a component directory knows of a component: who it is, its certificates, its message paths."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tps.errors import Malformed
from tps.mades import codes
from tps.mades.certificates import Certificate, CertificateUse, load_certificate
from tps.mades.paths import MessagePath
from tps.mades.states import refusal


@dataclass(frozen=True, slots=True)
class ComponentEntry:
    """One component of the directory.

    Attributes:
        code: Component code.
        organisation: Name of who runs it.
        kind: `endpoint`, `broker` or `componentDirectory`, as in the directory's XML.
        group: The group whose inbox it reads: `agr`, `dso`, `tps`, `ecp`, or `agr-CODE`, `dso-CODE`.
        party: Code (GLN or EIC) of the party it acts for.
        certificates: All that may still be needed, old ones too; verified before they came here.
        paths: Its own, as receiver.
        revoked_certificates: Ids of those that are not to be believed any more, whatever is signed by them.
    """

    code: str
    organisation: str
    kind: str
    group: str
    party: str
    certificates: tuple[Certificate, ...] = ()
    paths: tuple[MessagePath, ...] = ()
    revoked_certificates: frozenset[str] = frozenset()

    def is_revoked(self, certificate_id: str) -> bool:
        """Whether this certificate of the component was revoked."""
        return certificate_id in self.revoked_certificates

    def find_certificate(self, use: CertificateUse, now: datetime) -> Certificate | None:
        """The newest certificate for a use that is valid now and not revoked, or None."""
        known = [each for each in self.certificates if each.use is use and each.is_valid_at(now)]
        valid = [each for each in known if not self.is_revoked(each.certificate_id)]
        return max(valid, key=lambda each: (each.valid_from, each.certificate_id), default=None)

    def certificate(self, use: CertificateUse, now: datetime) -> Certificate:
        """The newest certificate for a use that is valid now and not revoked.

        Raises:
            MessageRefused: There is none: `certificate_expired`: the component must be renewed; `certificate_revoked`:
                none is left that only ran out.
        """
        found = self.find_certificate(use, now)
        if found is None:
            raise refusal("certificate_revoked" if self._is_left_by_revocation(use) else "certificate_expired")
        return found

    def _is_left_by_revocation(self, use: CertificateUse) -> bool:
        """Whether every certificate for this use that is still known was revoked, and some were."""
        left = [each for each in self.certificates if each.use is use and not self.is_revoked(each.certificate_id)]
        return bool(self.revoked_certificates) and not left

    def certificate_by_id(self, use: CertificateUse, certificate_id: str) -> Certificate | None:
        """The certificate with this id if it is the component's for this use, valid or not; else None."""
        known = (each for each in self.certificates if each.certificate_id == certificate_id)
        return next((each for each in known if each.use is use and each.component == self.code), None)

    def to_json(self) -> dict[str, Any]:
        """The entry as values that JSON can hold."""
        return {
            "code": self.code,
            "organisation": self.organisation,
            "kind": self.kind,
            "group": self.group,
            "party": self.party,
            "certificates": [certificate.pem for certificate in self.certificates],
            "paths": [_path_to_json(path) for path in self.paths],
            "revoked_certificates": sorted(self.revoked_certificates),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ComponentEntry":
        """The entry that `to_json` wrote.

        Raises:
            Malformed: It did not.
            RuleBroken: A certificate is none.
        """
        try:
            return cls(
                code=value["code"],
                organisation=value["organisation"],
                kind=value["kind"],
                group=value["group"],
                party=value["party"],
                certificates=tuple(load_certificate(pem) for pem in value["certificates"]),
                paths=tuple(_path_from_json(path) for path in value["paths"]),
                revoked_certificates=frozenset(value.get("revoked_certificates", ())),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed("This is no entry of a component directory.") from error


def _path_to_json(path: MessagePath) -> dict[str, Any]:
    return {
        "receiver": path.receiver,
        "allowed_senders": None if path.allowed_senders is None else sorted(path.allowed_senders),
        "message_type": path.message_type,
        "valid_from": codes.utc_text(path.valid_from),
        "valid_to": None if path.valid_to is None else codes.utc_text(path.valid_to),
        "broker": path.broker,
    }


def _path_from_json(value: Mapping[str, Any]) -> MessagePath:
    senders, valid_to = value["allowed_senders"], value["valid_to"]
    return MessagePath(
        receiver=value["receiver"],
        allowed_senders=None if senders is None else frozenset(senders),
        message_type=value["message_type"],
        valid_from=codes.utc_time(value["valid_from"]),
        valid_to=None if valid_to is None else codes.utc_time(valid_to),
        broker=value["broker"],
    )
