"""Component certificates (X.509): parsing and verification.

Each component has three keys, each with its own certificate: for authentication, encryption and signing. The
certificate names the component's code in the common name and as URI `urn:mades:component:CODE`. Key usage and extended
key usage state the use, so a certificate cannot serve another use.

Source: IEC 62325-503; RFC 5280; docs/mades.md, "Certificates".
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from tps.errors import RuleBroken
from tps.mades.keys import JoseKey, PublicKey, check_public_key, to_jose
from tps.mades.states import refusal

URI_PREFIX = "urn:mades:component:"


class CertificateUse(StrEnum):
    """The use of a component's key."""

    AUTHENTICATION = "authentication"
    ENCRYPTION = "encryption"
    SIGNING = "signing"


PURPOSES = {
    CertificateUse.AUTHENTICATION: ExtendedKeyUsageOID.CLIENT_AUTH,
    CertificateUse.ENCRYPTION: ExtendedKeyUsageOID.EMAIL_PROTECTION,
    CertificateUse.SIGNING: x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # document signing, RFC 9336
}
_USES = {purpose: use for use, purpose in PURPOSES.items()}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A component's certificate, parsed once.

    Attributes:
        pem: The certificate itself. This is the only field that is compared.
        certificate_id: SHA-256 of the certificate, 64 hex digits; the `kid` on the wire.
        component: Code of the component that the certificate names.
        valid_from: First moment of validity.
        valid_to: Last moment of validity, inclusive as in X.509.
    """

    pem: str = field(repr=False)
    certificate_id: str = field(compare=False)
    component: str = field(compare=False)
    organisation: str = field(compare=False)
    use: CertificateUse = field(compare=False)
    valid_from: datetime = field(compare=False)
    valid_to: datetime = field(compare=False)

    def is_valid_at(self, now: datetime) -> bool:
        """Return True if the certificate is valid at this moment."""
        return self.valid_from <= now <= self.valid_to

    @property
    def public_key(self) -> PublicKey:
        """Return the certified key."""
        return _public_key(self.pem)

    @property
    def jose(self) -> JoseKey:
        """Return the certified key in the form that JOSE needs."""
        return _jose_key(self.pem)


@lru_cache(maxsize=4096)
def _public_key(pem: str) -> PublicKey:
    return check_public_key(x509.load_pem_x509_certificate(pem.encode()).public_key())


@lru_cache(maxsize=4096)
def _jose_key(pem: str) -> JoseKey:
    return to_jose(_public_key(pem))


@lru_cache(maxsize=4096)
def load_certificate(pem: str) -> Certificate:
    """Return the component certificate in a PEM. `verify_certificate` checks the issuer.

    Raises:
        RuleBroken: The PEM contains no component certificate.
    """
    try:
        return read_certificate(x509.load_pem_x509_certificate(pem.encode()))
    except (ValueError, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension, KeyError) as error:
        raise RuleBroken("The PEM does not contain a component certificate.") from error


def verify_certificate(
    certificate: Certificate,
    authority_certificate: str,
    now: datetime,
    *,
    component: str | None = None,
    use: CertificateUse | None = None,
) -> None:
    """Check that the authority issued a certificate, that it is valid now, and that component and use match.

    Args:
        certificate: As parsed by `load_certificate`.
        authority_certificate: PEM of the authority's certificate.
        now: The moment of the check.
        component: The expected component code, or None.
        use: The expected use, or None.

    Raises:
        MessageRefused: `certificate_expired`, `certificate_untrusted`, or `certificate_unknown` for another component
            or use.
    """
    if not certificate.is_valid_at(now):
        raise refusal("certificate_expired")
    authority = x509.load_pem_x509_certificate(authority_certificate.encode())
    policies = {"ca_policy": ExtensionPolicy.webpki_defaults_ca(), "ee_policy": ExtensionPolicy.permit_all()}
    verifier = PolicyBuilder().store(Store([authority])).time(now).extension_policies(**policies)
    try:
        verifier.build_client_verifier().verify(x509.load_pem_x509_certificate(certificate.pem.encode()), [])
    except VerificationError as error:
        raise refusal("certificate_untrusted") from error
    if component not in (None, certificate.component) or use not in (None, certificate.use):
        raise refusal("certificate_unknown")


def read_certificate(certificate: x509.Certificate) -> Certificate:
    """Return the parsed certificate. `load_certificate` turns the exceptions of this function into a refusal."""
    check_public_key(certificate.public_key())
    extensions = certificate.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    (purpose,) = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return Certificate(
        pem=to_pem(certificate),
        certificate_id=certificate.fingerprint(hashes.SHA256()).hex(),
        component=uri.removeprefix(URI_PREFIX),
        organisation=_first(certificate.subject, NameOID.ORGANIZATION_NAME),
        use=_USES[purpose],
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
    )


def _first(name: x509.Name, attribute: x509.ObjectIdentifier) -> str:
    return next((str(entry.value) for entry in name.get_attributes_for_oid(attribute)), "")


def to_pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
