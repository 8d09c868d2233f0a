"""Standard Webhooks 1.0.0: HMAC-SHA256 over `{id}.{timestamp}.{raw body}`, several signatures and several live keys.

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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

TOLERANCE: Final = timedelta(seconds=300)
PREFIX: Final = "whsec_"

_SCHEME: Final = "v1,"
_SECRET_BYTES: Final = 32
_LONGEST_HEADER: Final = 4096
_ID: Final = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,200}")
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


class UnverifiedDelivery(ValueError):
    """The delivery does not prove where it comes from; `code` says how, and the text repeats nothing of it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class SignedHeaders:
    """The three headers of a signed delivery, as they came."""

    id: str | None
    timestamp: str | None
    signature: str | None


def verify(body: bytes, headers: SignedHeaders, *, keys: Iterable[bytes], now: datetime) -> str:
    """Return the delivery's own id, or raise UnverifiedDelivery.

    `body` is the raw body, `keys` are the secret bytes of every live key; the timestamp may be 300 s off either way.
    """
    if headers.id is None or headers.timestamp is None or headers.signature is None:
        raise UnverifiedDelivery("signature_missing", "send webhook-id, webhook-timestamp and webhook-signature")
    if not _ID.fullmatch(headers.id) or not _SECONDS.fullmatch(headers.timestamp):
        raise UnverifiedDelivery("signature_malformed", "webhook-id or webhook-timestamp is not of its form")
    if abs(now.timestamp() - int(headers.timestamp)) > TOLERANCE.total_seconds():
        raise UnverifiedDelivery("timestamp_stale", "webhook-timestamp is more than 300 s away from the time here")
    offered = _offered(headers.signature)
    signed = b".".join((headers.id.encode(), headers.timestamp.encode(), body))
    if not any([_is_among(hmac.digest(key, signed, hashlib.sha256), offered) for key in keys]):  # noqa: C419 (no short cut)
        raise UnverifiedDelivery("signature_wrong", "no signature was made with a live key of this provider")
    return headers.id


def sign(body: bytes, *, id: str, timestamp: int, key: bytes) -> str:
    """Return the signature header that a provider would send with these bytes."""
    signed = b".".join((id.encode(), str(timestamp).encode(), body))
    return _SCHEME + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def new_secret() -> str:
    """Return a new secret as it is shown to the provider: 32 random bytes in base64 behind `whsec_`."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret as it is shown."""
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def _offered(header: str) -> Sequence[bytes]:
    """Return the v1 signatures of a header that lists some, passing over other schemes and whatever is malformed."""
    found: list[bytes] = []
    for part in header[:_LONGEST_HEADER].split(" "):
        if part.startswith(_SCHEME):
            try:
                found.append(base64.b64decode(part.removeprefix(_SCHEME), validate=True))
            except (binascii.Error, ValueError):
                continue
    return found


def _is_among(expected: bytes, offered: Sequence[bytes]) -> bool:
    return any([hmac.compare_digest(expected, each) for each in offered])  # noqa: C419 (every one is compared)
