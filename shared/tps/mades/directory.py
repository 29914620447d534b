"""Entries of the Component Directory: a component's identity, certificates and message paths.

Source: docs/mades.md, "The Component Directory".
"""

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
        organisation: Name of the organisation that runs the component.
        kind: `endpoint`, `broker` or `componentDirectory`, as in the directory's XML.
        group: The group whose inbox the component reads: `agr`, `dso`, `tps`, `ecp`, or `agr-CODE`, `dso-CODE`.
        party: Code (GLN or EIC) of the party that the component acts for.
        certificates: All certificates that may still be needed, including older ones. They are verified before storage.
        paths: The paths of the component as receiver.
        revoked_certificates: Ids of the certificates that must not be trusted, for any signature.
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
        """Return True if this certificate of the component was revoked."""
        return certificate_id in self.revoked_certificates

    def find_certificate(self, use: CertificateUse, now: datetime) -> Certificate | None:
        """Return the newest certificate for a use that is valid now and not revoked, or None."""
        known = [
            certificate for certificate in self.certificates if certificate.use is use and certificate.is_valid_at(now)
        ]
        valid = [certificate for certificate in known if not self.is_revoked(certificate.certificate_id)]
        return max(valid, key=lambda certificate: (certificate.valid_from, certificate.certificate_id), default=None)

    def certificate(self, use: CertificateUse, now: datetime) -> Certificate:
        """Return the newest certificate for a use that is valid now and not revoked.

        Raises:
            MessageRefused: No such certificate exists. `certificate_expired`: the component must renew its
                certificates. `certificate_revoked`: every known certificate for this use was revoked.
        """
        certificate = self.find_certificate(use, now)
        if certificate is None:
            raise refusal("certificate_revoked" if self._is_left_by_revocation(use) else "certificate_expired")
        return certificate

    def _is_left_by_revocation(self, use: CertificateUse) -> bool:
        """Return True if at least one certificate was revoked and every known certificate for this use is revoked."""
        left = [
            certificate
            for certificate in self.certificates
            if certificate.use is use and not self.is_revoked(certificate.certificate_id)
        ]
        return bool(self.revoked_certificates) and not left

    def certificate_by_id(self, use: CertificateUse, certificate_id: str) -> Certificate | None:
        """Return the component's certificate with this id and use, valid or not, or None."""
        known = (certificate for certificate in self.certificates if certificate.certificate_id == certificate_id)
        return next(
            (certificate for certificate in known if certificate.use is use and certificate.component == self.code),
            None,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the entry as values for JSON."""
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
        """Return the entry that `to_json` wrote.

        Raises:
            Malformed: The value is not such an entry.
            RuleBroken: A certificate is invalid.
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
            raise Malformed("The value is not an entry of the Component Directory.") from error


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
