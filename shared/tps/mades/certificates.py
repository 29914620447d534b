"""The platform's certificate authority: creates, certifies and wraps the keys of components.

`tps.mades.certificate` parses and verifies certificates. This module re-exports its functions.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tps.mades import codes
from tps.mades.certificate import (
    PURPOSES,
    URI_PREFIX,
    Certificate,
    CertificateUse,
    load_certificate,
    read_certificate,
    to_pem,
    verify_certificate,
)
from tps.mades.keys import (
    DecryptionKey,
    PrivateKey,
    PublicKey,
    SigningKey,
    bound_to,
    check_public_key,
    dump_private_key,
    dump_public_key,
    generate_key,
    load_private_key,
    load_public_key,
    unwrap,
    wrap,
)

__all__ = [
    "Authority",
    "Certificate",
    "CertificateUse",
    "Component",
    "ComponentKeys",
    "bound_to",
    "create_authority",
    "create_component",
    "dump_private_key",
    "dump_public_key",
    "generate_key",
    "issue",
    "load_certificate",
    "load_private_key",
    "load_public_key",
    "unwrap",
    "verify_certificate",
    "wrap",
]

AUTHORITY_VALID_FOR = timedelta(days=3650)
COMPONENT_VALID_FOR = timedelta(days=730)
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Authority:
    """The platform's certificate authority. The certificate is public. Only the directory has the private key."""

    certificate_pem: str
    private_key: PrivateKey = field(repr=False)

    @property
    def x509(self) -> x509.Certificate:
        """Return the authority's own certificate."""
        return x509.load_pem_x509_certificate(self.certificate_pem.encode())


@dataclass(frozen=True, slots=True)
class ComponentKeys:
    """A component's three private keys."""

    authentication: PrivateKey = field(repr=False)
    encryption: PrivateKey = field(repr=False)
    signing: PrivateKey = field(repr=False)

    def of(self, use: CertificateUse) -> PrivateKey:
        """Return the key for one use."""
        return cast(PrivateKey, getattr(self, use.value))


@dataclass(frozen=True, slots=True)
class Component:
    """A component's keys with the certificates just issued for them."""

    code: str
    keys: ComponentKeys
    certificates: tuple[Certificate, ...]

    def certificate(self, use: CertificateUse) -> Certificate:
        """Return the certificate for one use."""
        return next(certificate for certificate in self.certificates if certificate.use is use)

    @property
    def signing_key(self) -> SigningKey:
        """Return the key that signs the component's messages."""
        return SigningKey(self.code, self.certificate(CertificateUse.SIGNING).certificate_id, self.keys.signing)

    @property
    def decryption_key(self) -> DecryptionKey:
        """Return the key that decrypts contents for the component."""
        certificate = self.certificate(CertificateUse.ENCRYPTION)
        return DecryptionKey(self.code, certificate.certificate_id, self.keys.encryption)


def create_authority(name: str, now: datetime, valid_for: timedelta = AUTHORITY_VALID_FOR) -> Authority:
    """Return a new certificate authority with its own key."""
    key = generate_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, subject, key.public_key(), now=now, valid_for=valid_for)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    return Authority(to_pem(builder.sign(key, hashes.SHA256())), key)


def create_component(
    authority: Authority,
    component_code: str,
    organisation: str,
    *,
    now: datetime,
    valid_for: timedelta = COMPONENT_VALID_FOR,
) -> Component:
    """Return a component with three new P-256 keys and their certificates."""
    keys = ComponentKeys(generate_key(), generate_key(), generate_key())

    def certify(use: CertificateUse) -> Certificate:
        public_key = keys.of(use).public_key()
        return issue(authority, component_code, organisation, use, public_key=public_key, now=now, valid_for=valid_for)

    return Component(component_code, keys, tuple(certify(use) for use in CertificateUse))


def issue(
    authority: Authority,
    component_code: str,
    organisation: str,
    use: CertificateUse,
    *,
    public_key: PublicKey,
    now: datetime,
    valid_for: timedelta = COMPONENT_VALID_FOR,
) -> Certificate:
    """Return a certificate that binds a public key to a component and a use.

    The certificate is valid from five minutes before `now`, because clocks differ.

    Raises:
        RuleBroken: A component must not have this kind of key.
        MessageRefused: `malformed`: the component code is invalid.
    """
    code, key = codes.component_code(component_code), check_public_key(public_key)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, code),
        ]
    )
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(URI_PREFIX + code)])
    builder = (
        _builder(subject, authority.x509.subject, key, now=now, valid_for=valid_for)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage_of(use, key), critical=True)
        .add_extension(x509.ExtendedKeyUsage([PURPOSES[use]]), critical=False)
        .add_extension(name, critical=False)
        .add_extension(_authority_key_identifier(authority), critical=False)
    )
    return read_certificate(builder.sign(authority.private_key, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, *, now: datetime, valid_for: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - CLOCK_TOLERANCE)
        .not_valid_after(now.astimezone(UTC) + valid_for)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_encipherment: bool = False,
    key_agreement: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=key_agreement,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _usage_of(use: CertificateUse, key: PublicKey) -> x509.KeyUsage:
    if use is CertificateUse.ENCRYPTION:
        is_elliptic = isinstance(key, ec.EllipticCurvePublicKey)
        return _key_usage(key_agreement=is_elliptic, key_encipherment=not is_elliptic)
    return _key_usage(digital_signature=True, content_commitment=use is CertificateUse.SIGNING)


def _authority_key_identifier(authority: Authority) -> x509.AuthorityKeyIdentifier:
    identifier = authority.x509.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
