"""What may be a provider's key: read as it is given, refused where it is weak, written down as it is stored.

A text of the stored form is encrypted by whoever stores it; `live` reads it back.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from services.card_ingest.signatures import standard_webhooks, stripe
from services.card_ingest.signatures.proof import LiveKey
from services.shared.errors import Invalid
from services.shared.vocabulary.feeds import FeedKeyKind

SECRETS: Final = frozenset({FeedKeyKind.STANDARD_WEBHOOKS, FeedKeyKind.STRIPE})
SHORTEST_RSA_BITS: Final = 2048
LONGEST_RSA_BITS: Final = 8192
SHORTEST_CURVE_BITS: Final = 256

_ED25519_BYTES: Final = 32
_SIGNED_BY_NOBODY: Final = bytes([1]) + bytes(63)
_TRIED_MESSAGES: Final = 128
_SHORTEST_SECRET_BYTES: Final = 24
_LONGEST_SECRET_BYTES: Final = 64
_STRIPE_SECRET: Final = re.compile(r"[\x21-\x7e]{32,200}")
_PEM: Final = "-----BEGIN "
_POINTER: Final = "/public_part"


@dataclass(frozen=True, slots=True)
class StorableKey:
    """A key as it is stored: its text, and the SHA-256 of a client certificate."""

    text: str
    fingerprint: bytes | None = None


class UnusableKey(Invalid):
    """What was given cannot be read as a key of this kind."""

    code = "unusable_key"


class WeakKey(Invalid):
    """The key can be read, and is too weak to rest public money on, or its certificate is out of date."""

    code = "weak_key"


def new_secret(kind: FeedKeyKind) -> str:
    """Return a new secret of a kind that both sides hold, as it is shown to the provider."""
    return stripe.new_secret() if kind is FeedKeyKind.STRIPE else standard_webhooks.new_secret()


def secret(kind: FeedKeyKind, given: str) -> StorableKey:
    """Return a secret that the provider made itself. Raises UnusableKey, WeakKey."""
    if kind is FeedKeyKind.STRIPE:
        if not _STRIPE_SECRET.fullmatch(given):
            raise WeakKey("a secret of this kind has 32 to 200 visible characters", pointer="/secret")
        return StorableKey(given)
    try:
        length = len(standard_webhooks.key_of(given))
    except ValueError:
        raise UnusableKey("the secret is not base64 behind whsec_", pointer="/secret") from None
    if not _SHORTEST_SECRET_BYTES <= length <= _LONGEST_SECRET_BYTES:
        raise WeakKey("a secret of this kind has 24 to 64 bytes", pointer="/secret")
    return StorableKey(given)


def public_part(kind: FeedKeyKind, given: str, *, now: datetime) -> StorableKey:
    """Return a public key (PEM or base64) or a client certificate (PEM). Raises UnusableKey, WeakKey."""
    try:
        if kind is FeedKeyKind.CLIENT_CERTIFICATE:
            return _certificate(x509.load_pem_x509_certificate(given.encode()), now=now)
        return _ed25519(given) if kind is FeedKeyKind.ED25519 else _rsa(given)
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error, x509.InvalidVersion):
        raise UnusableKey(f"this is no {kind.value.replace('_', ' ')} that can be read", pointer=_POINTER) from None


def live(kind: FeedKeyKind, text: str) -> LiveKey:
    """Return a stored key ready for use."""
    if kind is FeedKeyKind.STANDARD_WEBHOOKS:
        return LiveKey(kind, standard_webhooks.key_of(text))
    return LiveKey(kind, base64.b64decode(text) if kind is FeedKeyKind.ED25519 else text.encode())


def _ed25519(given: str) -> StorableKey:
    if given.startswith(_PEM):
        loaded = serialization.load_pem_public_key(given.encode())
        if not isinstance(loaded, Ed25519PublicKey):
            raise ValueError("another kind of key")
        raw = loaded.public_bytes_raw()
    else:
        raw = base64.b64decode(given.removeprefix(standard_webhooks.PUBLIC_PREFIX), validate=True)
    if len(raw) != _ED25519_BYTES:
        raise ValueError("a key of another length")
    key = Ed25519PublicKey.from_public_bytes(raw)
    if any(_is_signed_by_nobody(key, bytes([number])) for number in range(_TRIED_MESSAGES)):
        raise WeakKey("signatures of this key can be made without its secret part", pointer=_POINTER)
    return StorableKey(base64.b64encode(raw).decode())


def _is_signed_by_nobody(key: Ed25519PublicKey, message: bytes) -> bool:
    """Tell whether a signature that took no secret holds: a point of small order lets one in eight messages through.

    Source: RFC 8032, section 5.1.7 (the equation holds for the neutral point and nought where the key's part vanishes).
    """
    try:
        key.verify(_SIGNED_BY_NOBODY, message)
    except InvalidSignature:
        return False
    return True


def _rsa(given: str) -> StorableKey:
    is_pem = given.startswith(_PEM)
    loaded = (
        serialization.load_pem_public_key(given.encode())
        if is_pem
        else serialization.load_der_public_key(base64.b64decode("".join(given.split()), validate=True))
    )
    if not isinstance(loaded, RSAPublicKey):
        raise ValueError("another kind of key")
    _refuse_weak(loaded)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return StorableKey(loaded.public_bytes(serialization.Encoding.PEM, form).decode())


def _certificate(certificate: x509.Certificate, *, now: datetime) -> StorableKey:
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise WeakKey("the certificate is not valid now", pointer=_POINTER)
    _refuse_weak(certificate.public_key())
    text = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return StorableKey(text, certificate.fingerprint(hashes.SHA256()))


def _refuse_weak(key: object) -> None:
    if isinstance(key, RSAPublicKey) and not SHORTEST_RSA_BITS <= key.key_size <= LONGEST_RSA_BITS:
        raise WeakKey(f"an RSA key has {SHORTEST_RSA_BITS} to {LONGEST_RSA_BITS} bits", pointer=_POINTER)
    if isinstance(key, EllipticCurvePublicKey) and key.key_size < SHORTEST_CURVE_BITS:
        raise WeakKey(f"the key's curve has fewer than {SHORTEST_CURVE_BITS} bits", pointer=_POINTER)
    if not isinstance(key, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey):
        raise WeakKey("the key is of a kind that is not taken", pointer=_POINTER)
