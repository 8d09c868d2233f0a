"""RSA signatures detached from the body: `DigitalSignature` is the base64 of RSASSA-PKCS1-v1_5 with SHA-256 over the
raw body, and whoever receives it answers with the body's own `Nonce`.

The scheme signs no time. A body that is sent again changes nothing, since the same bytes are the same delivery for
ever; `X-Request-Id` is not signed either, and only names the delivery.

Source: ClearBank API documentation (webhooks: `DigitalSignature`, `Nonce`, `X-Request-Id`); RFC 8017, section 8.2.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Meta

from services.card_ingest.signatures.proof import LiveKey, UnverifiedDelivery
from services.shared.errors import Invalid
from services.shared.vocabulary.feeds import FeedKeyKind

SIGNATURE: Final = "digitalsignature"
REQUEST_ID: Final = "x-request-id"

Nonce: TypeAlias = int | str

_LONGEST_SIGNATURE: Final = 1400
"""Characters: base64 of 1,024 bytes, the signature of the longest key that is taken."""
_ID: Final = re.compile(r"[\x21-\x7e]{1,200}")


class _Payload(msgspec.Struct, frozen=True):
    nonce: Annotated[int, Meta(ge=-(2**62), le=2**62)] | Annotated[str, Meta(min_length=1, max_length=200)] = (
        msgspec.field(name="Nonce")
    )


_DECODER: Final = msgspec.json.Decoder(_Payload)


def verify(body: bytes, headers: Mapping[str, str], keys: Sequence[LiveKey], now: datetime) -> str | None:
    """Return the sender's `X-Request-Id`, if it sent one, or raise UnverifiedDelivery. The scheme looks at no time."""
    header, sender_id = headers.get(SIGNATURE), headers.get(REQUEST_ID)
    if header is None:
        raise UnverifiedDelivery("signature_missing", "send DigitalSignature")
    signature = _decoded(header)
    if signature is None or (sender_id is not None and not _ID.fullmatch(sender_id)):
        raise UnverifiedDelivery("signature_malformed", "DigitalSignature or X-Request-Id is not of its form")
    if not any(_verifies(key.material, signature, body) for key in keys if key.kind is FeedKeyKind.RSA):
        raise UnverifiedDelivery("signature_wrong", "no signature was made with a live key of this provider")
    return sender_id


def nonce(body: bytes) -> Nonce:
    """Return the nonce that the answer must repeat. Raises Invalid: nothing is stored of a body without one."""
    try:
        return _DECODER.decode(body).nonce
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        detail = "the body is no JSON object with a Nonce (a whole number or a short text); nothing was stored"
        raise Invalid(detail, code="nonce_missing") from None


def _decoded(header: str) -> bytes | None:
    try:
        return base64.b64decode(header, validate=True) if len(header) <= _LONGEST_SIGNATURE else None
    except (binascii.Error, ValueError):
        return None


def _verifies(public_key: bytes, signature: bytes, body: bytes) -> bool:
    try:
        _loaded(public_key).verify(signature, body, PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=64)
def _loaded(public_key: bytes) -> RSAPublicKey:
    """Return the key of a PEM that `keys` has let in."""
    loaded = serialization.load_pem_public_key(public_key)
    assert isinstance(loaded, RSAPublicKey)  # noqa: S101 (no other is stored as an RSA key)
    return loaded
