"""Encryption of what is stored, blind indexes for look-up, single persons' keys, and the signature of the trail.

It knows keys and bytes; which column or value is encrypted is the caller's business.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.shared.settings import secret_forms
from services.shared.settings.installation import Settings

ENCRYPTION_KEYS: Final = "encryption_keys"
BLIND_INDEX_KEY: Final = "blind_index_key"
AUDIT_SIGNING_KEY: Final = "audit_signing_key"

_KNOWN: Final = "direct payments"
_SHOWN_OF_ID: Final = 16


class KeyProof(NamedTuple):
    """What tells later whether the same key is there: the setting it is in, which one it is, and what it made."""

    setting: str
    key_id: str
    made: bytes


class AnotherKeyError(ValueError):
    """A personal value was encrypted under another key than this one: the person's earlier key has been destroyed."""


@dataclass(frozen=True, slots=True)
class PersonalCipher:
    """One person's own key, unwrapped for the length of one act."""

    _key: Fernet = field(repr=False)

    def encrypt(self, text: str) -> str:
        """Encrypt a value that only this key opens."""
        return self._key.encrypt(text.encode()).decode()


@dataclass(frozen=True, slots=True)
class Ciphers:
    """The keys of one installation, ready for use; decryption under a wrong key raises `fernet.InvalidToken`."""

    _keys: MultiFernet = field(repr=False)
    _index_key: bytes = field(repr=False)
    _signing_keys: tuple[Ed25519PrivateKey, ...] = field(repr=False)
    _each_key: tuple[tuple[str, Fernet], ...] = field(repr=False)

    def encrypt(self, text: str | bytes) -> bytes:
        """Encrypt with the newest key (AES-128-CBC and HMAC-SHA256); the same text never encrypts to the same bytes."""
        return self._keys.encrypt(_bytes(text))

    def decrypt(self, encrypted: bytes) -> bytes:
        """Decrypt what any of the keys encrypted."""
        return self._keys.decrypt(encrypted)

    def decrypt_text(self, encrypted: bytes) -> str:
        """Decrypt what was encrypted as text."""
        return self.decrypt(encrypted).decode()

    def blind_index(self, text: str) -> bytes:
        """Return 32 bytes that are equal for equal texts and tell nothing without the key (HMAC-SHA256)."""
        return hmac.digest(self._index_key, text.encode(), hashlib.sha256)

    def new_personal_key(self) -> bytes:
        """Make one person's own key and return it encrypted, as it is stored."""
        return self.encrypt(Fernet.generate_key())

    def personal(self, wrapped_key: bytes) -> "PersonalCipher":
        """Return what encrypts under one person's own key; with that key destroyed nobody can read it."""
        return PersonalCipher(Fernet(self.decrypt(wrapped_key)))

    def decrypt_personal(self, wrapped_key: bytes, token: str) -> str:
        """Decrypt a value that was encrypted under this person's own key; raises AnotherKeyError where it was not."""
        key = Fernet(self.decrypt(wrapped_key))
        try:
            return key.decrypt(token).decode()
        except InvalidToken as error:
            raise AnotherKeyError from error

    def sign(self, content: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes) of the content, by the newest key."""
        return self._signing_keys[0].sign(content)

    def is_signed(self, content: bytes, signature: bytes) -> bool:
        """Tell whether any of this installation's keys signed exactly this content."""
        return any(_verifies(key.public_key(), content, signature) for key in self._signing_keys)

    def proofs(self) -> tuple[KeyProof, ...]:
        """Return a proof of each key, by which it can be told later; no key can be had from one."""
        digest = self.blind_index(_KNOWN)
        publics = [key.public_key().public_bytes_raw() for key in self._signing_keys]
        return (
            *(KeyProof(ENCRYPTION_KEYS, key_id, key.encrypt(_KNOWN.encode())) for key_id, key in self._each_key),
            KeyProof(BLIND_INDEX_KEY, digest.hex()[:_SHOWN_OF_ID], digest),
            *(KeyProof(AUDIT_SIGNING_KEY, public.hex()[:_SHOWN_OF_ID], public) for public in publics),
        )

    def prove(self, proof: KeyProof) -> bool:
        """Tell whether the key that a proof was made with is among these."""
        if proof.setting == ENCRYPTION_KEYS:
            try:
                return self.decrypt_text(proof.made) == _KNOWN
            except InvalidToken:
                return False
        if proof.setting == BLIND_INDEX_KEY:
            return hmac.compare_digest(proof.made, self.blind_index(_KNOWN))
        return any(key.public_key().public_bytes_raw() == proof.made for key in self._signing_keys)

    def public_keys(self) -> tuple[str, ...]:
        """Return the public half of each signing key (32 bytes in base64), by which anybody can check a signature."""
        return tuple(base64.b64encode(key.public_key().public_bytes_raw()).decode() for key in self._signing_keys)


def from_settings(settings: Settings) -> Ciphers:
    """Make the ciphers of this installation. Raises ValueError where a key is not of its form."""
    texts = [key.strip() for key in settings.encryption_keys.get_secret_value().split(",")]
    keys = [Fernet(text) for text in texts]
    seeds = secret_forms.signing_seeds(settings.audit_signing_key.get_secret_value())
    return Ciphers(
        _keys=MultiFernet(keys),
        _index_key=settings.blind_index_key.get_secret_value().encode(),
        _signing_keys=tuple(Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds),
        _each_key=tuple((_key_id(text), key) for text, key in zip(texts, keys, strict=True)),
    )


def _key_id(key: str) -> str:
    return hmac.digest(key.encode(), b"key id", hashlib.sha256).hex()[:_SHOWN_OF_ID]


def _verifies(key: Ed25519PublicKey, content: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
