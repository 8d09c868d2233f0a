"""Standard Webhooks 1.0.0: a signature over `{id}.{timestamp}.{raw body}`, by a shared secret (`v1`, HMAC-SHA256) or by
the sender's own key (`v1a`, Ed25519); several signatures and several live keys, so that keys can be rotated.

The `standardwebhooks` library decodes the body to text first, reads the clock itself and takes one key; a feed is
checked over its raw bytes, at a given time, against every live key.

Source: Standard Webhooks specification 1.0.0 (headers, signature scheme, verification of timestamps).
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.card_ingest.signatures.proof import LiveKey, UnverifiedDelivery
from services.shared.vocabulary.feeds import FeedKeyKind

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
TOLERANCE: Final = timedelta(seconds=300)
PREFIX: Final = "whsec_"
PUBLIC_PREFIX: Final = "whpk_"

_SYMMETRIC: Final = "v1,"
_ASYMMETRIC: Final = "v1a,"
_SECRET_BYTES: Final = 32
_LONGEST_HEADER: Final = 4096
_MOST_SIGNATURES: Final = 16
"""Of one version: each is checked against each live key, and an Ed25519 one takes the whole body through a digest."""
_ID: Final = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,200}")
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


def verify(body: bytes, headers: Mapping[str, str], keys: Sequence[LiveKey], now: datetime) -> str:
    """Return the delivery's own id, or raise UnverifiedDelivery.

    `body` is the raw body; the timestamp may be 300 s off either way.
    """
    sender_id, timestamp, signature = (headers.get(name) for name in (ID, TIMESTAMP, SIGNATURE))
    if sender_id is None or timestamp is None or signature is None:
        raise UnverifiedDelivery("signature_missing", f"send {ID}, {TIMESTAMP} and {SIGNATURE}")
    if not _ID.fullmatch(sender_id) or not _SECONDS.fullmatch(timestamp):
        raise UnverifiedDelivery("signature_malformed", f"{ID} or {TIMESTAMP} is not of its form")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise UnverifiedDelivery("timestamp_stale", f"{TIMESTAMP} is more than 300 s away from the time here")
    signed = b".".join((sender_id.encode(), timestamp.encode(), body))
    if not any([_is_signed(signed, signature, key) for key in keys]):  # noqa: C419 (no short cut)
        raise UnverifiedDelivery("signature_wrong", "no signature was made with a live key of this provider")
    return sender_id


def sign(body: bytes, *, id: str, timestamp: int, key: bytes) -> str:
    """Return the signature header that a provider would send with these bytes."""
    signed = b".".join((id.encode(), str(timestamp).encode(), body))
    return _SYMMETRIC + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def new_secret() -> str:
    """Return a new secret as it is shown to the provider: 32 random bytes in base64 behind `whsec_`."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret as it is shown. Raises ValueError where it is not base64."""
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def _is_signed(signed: bytes, header: str, key: LiveKey) -> bool:
    if key.kind is FeedKeyKind.STANDARD_WEBHOOKS:
        expected = hmac.digest(key.material, signed, hashlib.sha256)
        offered = _offered(header, _SYMMETRIC)
        return any([hmac.compare_digest(expected, each) for each in offered])  # noqa: C419 (every one is compared)
    if key.kind is FeedKeyKind.ED25519:
        return any(_verifies(key.material, each, signed) for each in _offered(header, _ASYMMETRIC))
    return False


def _verifies(public_key: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _offered(header: str, version: str) -> Sequence[bytes]:
    """Return the first signatures of one version in a header that lists some, passing over whatever is malformed."""
    found: list[bytes] = []
    parts = [part for part in header[:_LONGEST_HEADER].split(" ") if part.startswith(version)]
    for part in parts[:_MOST_SIGNATURES]:
        try:
            found.append(base64.b64decode(part.removeprefix(version), validate=True))
        except (binascii.Error, ValueError):
            continue
    return found
