"""The one table from a feed's scheme to the strategy that verifies it, and the kind of secret that we make for it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from services.card_ingest.signatures import rsa_nonce, standard_webhooks, stripe
from services.card_ingest.signatures.proof import LiveKey
from services.shared.vocabulary.feeds import FeedKeyKind, SignatureScheme

Strategy: TypeAlias = Callable[[bytes, Mapping[str, str], Sequence[LiveKey], datetime], str | None]
"""Body as sent, headers by lower-case name, live keys, the moment: the sender's own id, or UnverifiedDelivery."""

_STRATEGIES: Final[Mapping[SignatureScheme, Strategy]] = MappingProxyType(
    {
        SignatureScheme.STANDARD_WEBHOOKS: standard_webhooks.verify,
        SignatureScheme.STRIPE: stripe.verify,
        SignatureScheme.RSA_NONCE: rsa_nonce.verify,
    }
)

SECRET_OF: Final[Mapping[SignatureScheme, FeedKeyKind]] = MappingProxyType(
    {
        SignatureScheme.STANDARD_WEBHOOKS: FeedKeyKind.STANDARD_WEBHOOKS,
        SignatureScheme.STRIPE: FeedKeyKind.STRIPE,
    }
)
"""The schemes that rest on a secret which both sides hold; RSA rests on the provider's own public key."""


def verify(
    scheme: SignatureScheme, body: bytes, headers: Mapping[str, str], *, keys: Sequence[LiveKey], now: datetime
) -> str | None:
    """Return the sender's own id of a delivery, None where its scheme has none, or raise UnverifiedDelivery.

    `body` is the raw body as it was sent (compressed, if it was), `headers` are looked up by lower-case name.
    """
    return _STRATEGIES[scheme](body, headers, keys, now)
