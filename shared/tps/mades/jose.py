"""Sign and encrypt with JOSE compact serialisation. Only this module knows joserfc, its limits and the algorithms.

Headers are checked strictly before joserfc parses them: exactly the fields that we write, all of the right type. No
other JOSE feature (`crit`, `b64`, `jku`, `zip`, other algorithms) is reachable.

Source: RFC 7515; RFC 7516; RFC 7518.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from tps.errors import MessageRefused
from tps.mades.keys import JoseKey
from tps.mades.states import refusal
from tps.mades.strict_json import check_fields, read_object

MAXIMUM_CONTENT_BYTES = 50_000_000
MAXIMUM_METADATA_CHARACTERS = 700_000
MAXIMUM_HEADER_CHARACTERS = 512
# zlib adds at most 5 bytes per 16 kB and 11 bytes. Base64 turns three bytes into four characters.
MAXIMUM_ENCRYPTED_CHARACTERS = (MAXIMUM_CONTENT_BYTES + MAXIMUM_CONTENT_BYTES // 1000 + 4096) * 4 // 3

_SIGNATURE_ALGORITHMS = ("ES256", "PS256", "RS256")
_CONTENT_ALGORITHM = "A256GCM"
_KEY_ALGORITHMS = ("ECDH-ES+A256KW", "RSA-OAEP-256")
_ENCRYPTED_TYPE = "mades-content+jwe"
_SIGNATURE_FIELDS = frozenset({"alg", "typ", "kid"})
_ENCRYPTION_FIELDS = frozenset({"alg", "enc", "typ", "kid"})
_EPHEMERAL_KEY = frozenset({"epk"})
_NONE: frozenset[str] = frozenset()
_EPHEMERAL_KEY_FIELDS = frozenset({"kty", "crv", "x", "y"})


class _SignatureRegistry(jws.JWSRegistry):
    max_payload_length = MAXIMUM_METADATA_CHARACTERS


class _EncryptionRegistry(jwe.JWERegistry):
    max_ciphertext_length = MAXIMUM_ENCRYPTED_CHARACTERS


_SIGNATURES = _SignatureRegistry(algorithms=_SIGNATURE_ALGORITHMS)
_ENCRYPTIONS = _EncryptionRegistry(algorithms=(*_KEY_ALGORITHMS, _CONTENT_ALGORITHM))


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWS before its signature is verified.

    Attributes:
        type: The header's `typ`.
        certificate_id: The header's `kid`.
        payload: The unverified payload.
    """

    token: str
    type: str
    certificate_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A JWE with a strictly checked header. `certificate_id` names the key that decrypts it."""

    token: str
    certificate_id: str


def sign(payload: bytes, key: JoseKey, certificate_id: str, type: str) -> str:
    """Return a JWS of the payload: ES256, or PS256 with an RSA key."""
    algorithm = "ES256" if isinstance(key, ECKey) else "PS256"
    header = {"alg": algorithm, "typ": type, "kid": certificate_id}
    return jws.serialize_compact(header, payload, key, registry=_SIGNATURES)


def parse_signed(token: str) -> Signed:
    """Return the unverified content of a JWS.

    Raises:
        MessageRefused: `malformed`, or `bad_signature` for an algorithm that is not accepted.
    """
    segments = token.split(".")
    if len(token) > MAXIMUM_METADATA_CHARACTERS or len(segments) != 3:
        raise refusal("malformed", f"the metadata must be a JWS of at most {MAXIMUM_METADATA_CHARACTERS} characters")
    header, payload = _read_header(segments[0], _SIGNATURE_FIELDS), _decode(segments[1])
    if header["alg"] not in _SIGNATURE_ALGORITHMS:
        raise refusal("bad_signature", f"The signature must use one of {', '.join(_SIGNATURE_ALGORITHMS)}.")
    return Signed(token, header["typ"], header["kid"], payload)


def verify(signed: Signed, key: JoseKey) -> None:
    """Verify a signature with the signer's public key.

    Raises:
        MessageRefused: `bad_signature`.
    """
    try:
        jws.deserialize_compact(signed.token, key, registry=_SIGNATURES)
    except (JoseError, ValueError) as error:
        raise refusal("bad_signature") from error


def encrypt(plain: bytes, key: JoseKey, certificate_id: str) -> str:
    """Return a JWE for the holder of one key. ECDH-ES (P-256) or RSA-OAEP wraps a new content key."""
    algorithm = _key_algorithm(key)
    header = {"alg": algorithm, "enc": _CONTENT_ALGORITHM, "typ": _ENCRYPTED_TYPE, "kid": certificate_id}
    return jwe.encrypt_compact(header, plain, key, registry=_ENCRYPTIONS)


def parse_encrypted(token: str) -> Encrypted:
    """Return a JWE with the id of the key that it claims to be for.

    Raises:
        MessageRefused: `not_decryptable`: the header does not have the required fields.
    """
    return Encrypted(token, _read_encryption_header(token)["kid"])


def decrypt(encrypted: Encrypted, key: JoseKey) -> bytes:
    """Return the plain text of a JWE.

    Raises:
        MessageRefused: `not_decryptable`: the JWE is for another key, or it was modified.
    """
    try:
        plain = jwe.decrypt_compact(encrypted.token, key, registry=_ENCRYPTIONS).plaintext
    except (JoseError, ValueError) as error:
        raise refusal("not_decryptable") from error
    return plain or b""


def _key_algorithm(key: JoseKey) -> str:
    return _KEY_ALGORITHMS[0] if isinstance(key, ECKey) else _KEY_ALGORITHMS[1]


def _read_encryption_header(token: str) -> dict[str, Any]:
    segment = token.partition(".")[0]
    try:
        header = _read_header(segment, _ENCRYPTION_FIELDS)
    except MessageRefused as error:
        raise refusal("not_decryptable") from error
    is_agreed = header["alg"] == _KEY_ALGORITHMS[0]
    if (header["enc"], header["typ"], "epk" in header) != (_CONTENT_ALGORITHM, _ENCRYPTED_TYPE, is_agreed):
        raise refusal("not_decryptable")
    if is_agreed and not _is_ephemeral_key(header["epk"]):
        raise refusal("not_decryptable")
    return header


def _is_ephemeral_key(value: Any) -> bool:
    is_object = isinstance(value, dict) and value.keys() == _EPHEMERAL_KEY_FIELDS
    return is_object and (value["kty"], value["crv"]) == ("EC", "P-256") and all(map(_is_text, value.values()))


def _read_header(segment: str, needed: frozenset[str]) -> dict[str, Any]:
    if len(segment) > MAXIMUM_HEADER_CHARACTERS:
        raise refusal("malformed", f"the header must have at most {MAXIMUM_HEADER_CHARACTERS} characters")
    header = read_object(_decode(segment), "the header")
    check_fields(header, "the header", needed=needed, allowed=_EPHEMERAL_KEY if needed is _ENCRYPTION_FIELDS else _NONE)
    if not all(_is_text(value) for name, value in header.items() if name != "epk"):
        raise refusal("malformed", "the header's fields must be strings")
    return header


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _decode(segment: str) -> bytes:
    try:
        return base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise refusal("malformed", "each part of the token must be base64url") from error
