"""Private keys of components: made, loaded, handed to the envelope, and wrapped by the group's key at rest."""

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
    """A new P-256 private key."""
    return ec.generate_private_key(ec.SECP256R1())


def check_public_key(key: object) -> PublicKey:
    """A key that a component may have: P-256, or RSA of 2048 to 4096 bits.

    Raises:
        RuleBroken: Another kind or size; the applicant must make a new key.
    """
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    if isinstance(key, rsa.RSAPublicKey) and MINIMUM_RSA_BITS <= key.key_size <= MAXIMUM_RSA_BITS:
        return key
    raise RuleBroken("A component's key is P-256, or RSA of 2048 to 4096 bits.")


def dump_private_key(key: PrivateKey) -> bytes:
    """A private key as unencrypted PKCS #8 PEM: wrap it before it is stored."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_private_key(pem: bytes) -> PrivateKey:
    """The private key in a PEM.

    Raises:
        RuleBroken: No private key, or not of a kind that a component may have.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RuleBroken("This is no unencrypted private key in PEM.") from error
    check_public_key(key.public_key())
    return cast(PrivateKey, key)


def dump_public_key(key: PublicKey) -> bytes:
    """A public key as PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_public_key(pem: bytes) -> PublicKey:
    """The public key in an applicant's PEM.

    Raises:
        RuleBroken: No public key, or not of a kind that a component may have.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RuleBroken("This is no public key in PEM.") from error
    return check_public_key(key)


def to_jose(key: PrivateKey | PublicKey) -> JoseKey:
    """The same key in the form that JOSE works with."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return ECKey.import_key(key)
    return RSAKey.import_key(key)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What a component signs with: its private key and the certificate that proves it; keep it, it is dear to build."""

    component: str
    certificate_id: str
    private_key: PrivateKey = field(repr=False)
    jose: JoseKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "jose", to_jose(self.private_key))


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """What a component opens contents with: the private key that belongs to one of its encryption certificates."""

    component: str
    certificate_id: str
    private_key: PrivateKey = field(repr=False)
    jose: JoseKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "jose", to_jose(self.private_key))


def wrap(private_key_pem: bytes, group_key: bytes, bound_to: str = "") -> bytes:
    """Encrypt a private key for storing, as JWE under the group's key.

    Args:
        private_key_pem: PEM of the key.
        group_key: The group's 32 secret bytes.
        bound_to: Whose key it is and for what (`bound_to(component, use)`): it can be unwrapped as nothing else.
    """
    header = {**_WRAPPING, "kid": bound_to}
    return jwe.encrypt_compact(header, private_key_pem, _group_key(group_key), ["dir", "A256GCM"]).encode()


def unwrap(wrapped: bytes, group_key: bytes, bound_to: str = "") -> bytes:
    """The PEM of a wrapped private key.

    Raises:
        Unavailable: Another group's key, another binding, or damaged: whoever runs the group must act.
    """
    try:
        opened = jwe.decrypt_compact(wrapped, _group_key(group_key), ["dir", "A256GCM"])
    except (JoseError, ValueError) as error:
        raise Unavailable("A private key does not open with this group's key.") from error
    if opened.protected != {**_WRAPPING, "kid": bound_to} or opened.plaintext is None:
        raise Unavailable("A private key was wrapped for another component or use.")
    return opened.plaintext


def bound_to(component: str, use: str) -> str:
    """The binding of a wrapped key: whose it is, and for what."""
    return f"{component}/{use}"


@lru_cache(maxsize=8)
def _group_key(group_key: bytes) -> OctKey:
    if len(group_key) != GROUP_KEY_BYTES:
        raise ValueError("a group's key has 32 bytes")
    return OctKey.import_key(group_key)
