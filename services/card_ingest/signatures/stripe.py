"""Signatures as Stripe sends them: `Stripe-Signature: t=...,v1=...`, HMAC-SHA256 in hexadecimal over `{t}.{raw body}`.

The whole text of the secret is the key, `whsec_` included. The scheme has no id of the delivery: an event that is sent
again may come with other bytes around the same transaction, which its own id makes the same one.

Source: Stripe, "Check the webhook signatures" (signing secret, timestamp, several `v1` while a secret is rolled).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from services.card_ingest.signatures.proof import LiveKey, UnverifiedDelivery
from services.shared.vocabulary.feeds import FeedKeyKind

SIGNATURE: Final = "stripe-signature"
TOLERANCE: Final = timedelta(seconds=300)
PREFIX: Final = "whsec_"

_SECRET_BYTES: Final = 32
_LONGEST_HEADER: Final = 4096
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


def verify(body: bytes, headers: Mapping[str, str], keys: Sequence[LiveKey], now: datetime) -> None:
    """Raise UnverifiedDelivery unless a live secret signed these bytes within 300 s either way."""
    header = headers.get(SIGNATURE)
    if header is None:
        raise UnverifiedDelivery("signature_missing", "send Stripe-Signature")
    parts = [part.strip().partition("=") for part in header[:_LONGEST_HEADER].split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not _SECONDS.fullmatch(times[0]):
        raise UnverifiedDelivery("signature_malformed", "Stripe-Signature is not of its form")
    if abs(now.timestamp() - int(times[0])) > TOLERANCE.total_seconds():
        raise UnverifiedDelivery("timestamp_stale", "the signature's time is more than 300 s away from the time here")
    offered = [bytes.fromhex(value) for name, _, value in parts if name == "v1" and _HEXADECIMAL.fullmatch(value)]
    signed = b".".join((times[0].encode(), body))
    secrets_held = [key.material for key in keys if key.kind is FeedKeyKind.STRIPE]
    if not any([_is_among(hmac.digest(key, signed, hashlib.sha256), offered) for key in secrets_held]):  # noqa: C419
        raise UnverifiedDelivery("signature_wrong", "no signature was made with a live key of this provider")


def sign(body: bytes, *, timestamp: int, secret: str) -> str:
    """Return the signature header that a provider would send with these bytes."""
    signed = b".".join((str(timestamp).encode(), body))
    return f"t={timestamp},v1={hmac.digest(secret.encode(), signed, hashlib.sha256).hex()}"


def new_secret() -> str:
    """Return a new secret: 32 random bytes in hexadecimal behind `whsec_`."""
    return PREFIX + secrets.token_hex(_SECRET_BYTES)


def _is_among(expected: bytes, offered: Sequence[bytes]) -> bool:
    return any([hmac.compare_digest(expected, each) for each in offered])  # noqa: C419 (every one is compared)
