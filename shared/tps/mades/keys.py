"""Keys of components: generation, loading, JOSE form, and wrapping for storage with the group's key."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey

from tps.errors import RuleBroken, Unavailable

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
JoseKey = ECKey | RSAKey

MINIMUM_RSA_BITS = 2048
MAXIMUM_RSA_BITS = 4096
GROUP_KEY_BYTES = 32
_WRAPPING = {"alg": "dir", "enc": "A256GCM", "typ": "mades-key+jwe"}


def generate_key() -> ec.EllipticCurvePrivateKey:
    """Return a new P-256 private key."""
    return ec.generate_private_key(ec.SECP256R1())


def check_public_key(key: object) -> PublicKey:
    """Return the key if a component may have it: P-256, or RSA of 2048 to 4096 bits.

    Raises:
        RuleBroken: The key has another kind or size. The applicant must make a new key.
    """
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    if isinstance(key, rsa.RSAPublicKey) and MINIMUM_RSA_BITS <= key.key_size <= MAXIMUM_RSA_BITS:
        return key
    raise RuleBroken("The key must be P-256, or RSA of 2048 to 4096 bits.")


def dump_private_key(key: PrivateKey) -> bytes:
    """Return a private key as unencrypted PKCS #8 PEM. Wrap it before it is stored."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_private_key(pem: bytes) -> PrivateKey:
    """Return the private key in a PEM.

    Raises:
        RuleBroken: The PEM contains no private key, or a kind that a component must not have.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RuleBroken("The PEM does not contain an unencrypted private key.") from error
    check_public_key(key.public_key())
    return cast(PrivateKey, key)


def dump_public_key(key: PublicKey) -> bytes:
    """Return a public key as PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_public_key(pem: bytes) -> PublicKey:
    """Return the public key in an applicant's PEM.

    Raises:
        RuleBroken: The PEM contains no public key, or a kind that a component must not have.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RuleBroken("The PEM does not contain a public key.") from error
    return check_public_key(key)


def to_jose(key: PrivateKey | PublicKey) -> JoseKey:
    """Return the same key in the form that JOSE needs."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return ECKey.import_key(key)
    return RSAKey.import_key(key)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A component's private signing key with the id of its certificate. It is expensive to build, so cache it."""

    component: str
    certificate_id: str
    private_key: PrivateKey = field(repr=False)
    jose: JoseKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "jose", to_jose(self.private_key))


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """A component's private key for one of its encryption certificates."""

    component: str
    certificate_id: str
    private_key: PrivateKey = field(repr=False)
    jose: JoseKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "jose", to_jose(self.private_key))


def wrap(private_key_pem: bytes, group_key: bytes, bound_to: str = "") -> bytes:
    """Return a private key encrypted for storage, as JWE with the group's key.

    Args:
        private_key_pem: PEM of the key.
        group_key: The group's 32 secret bytes.
        bound_to: Owner and use of the key (`bound_to(component, use)`). Unwrapping needs the same value.
    """
    header = {**_WRAPPING, "kid": bound_to}
    return jwe.encrypt_compact(header, private_key_pem, _group_key(group_key), ["dir", "A256GCM"]).encode()


def unwrap(wrapped: bytes, group_key: bytes, bound_to: str = "") -> bytes:
    """Return the PEM of a wrapped private key.

    Raises:
        Unavailable: Another group's key, another binding, or damaged data. The operator of the group must act.
    """
    try:
        opened = jwe.decrypt_compact(wrapped, _group_key(group_key), ["dir", "A256GCM"])
    except (JoseError, ValueError) as error:
        raise Unavailable("A private key cannot be decrypted with this group's key.") from error
    if opened.protected != {**_WRAPPING, "kid": bound_to} or opened.plaintext is None:
        raise Unavailable("A private key was wrapped for another component or use.")
    return opened.plaintext


def bound_to(component: str, use: str) -> str:
    """Return the binding of a wrapped key: its owner and use."""
    return f"{component}/{use}"


@lru_cache(maxsize=8)
def _group_key(group_key: bytes) -> OctKey:
    if len(group_key) != GROUP_KEY_BYTES:
        raise ValueError("a group's key must have 32 bytes")
    return OctKey.import_key(group_key)
