"""What every scheme is given and how it refuses: a provider's live keys, and a delivery that proves nothing."""

from dataclasses import dataclass, field

from services.shared.vocabulary.feeds import FeedKeyKind


class UnverifiedDelivery(ValueError):
    """The delivery does not prove where it comes from; `code` says how, and the text repeats nothing of it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A key that is not retired: the bytes of a shared secret, 32 bytes of Ed25519, or an RSA public key as PEM."""

    kind: FeedKeyKind
    material: bytes = field(repr=False)
