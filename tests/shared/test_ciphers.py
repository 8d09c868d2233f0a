"""What is encrypted can be read with any of the keys and with no other; what is signed can be checked."""

import base64
import os
from dataclasses import FrozenInstanceError

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import SecretStr

from services.shared import ciphers
from services.shared.ciphers import Ciphers
from services.shared.settings.installation import Settings

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SEED = base64.b64encode(os.urandom(32)).decode()


def having(*keys: str, index_key: str = "i" * 32, seed: str = SEED) -> Ciphers:
    return ciphers.from_settings(
        Settings(
            encryption_keys=SecretStr(",".join(keys)),
            blind_index_key=SecretStr(index_key),
            audit_signing_key=SecretStr(seed),
        )
    )


def test_a_rotated_installation_reads_the_old_and_writes_the_new() -> None:
    old = having(OLD).encrypt("943 476 5919")
    assert having(NEW, OLD).decrypt_text(old) == "943 476 5919"
    with pytest.raises(InvalidToken):
        having(NEW).decrypt(old)
    assert having(NEW).decrypt(having(NEW, OLD).encrypt(b"\x00\xff")) == b"\x00\xff"


def test_the_same_text_never_encrypts_alike_but_always_indexes_alike() -> None:
    own = having(OLD)
    assert own.encrypt("x") != own.encrypt("x")
    assert own.blind_index("x") == own.blind_index("x")
    assert own.blind_index("x") != own.blind_index("y")
    assert own.blind_index("x") != having(OLD, index_key="j" * 32).blind_index("x")
    assert len(own.blind_index("x")) == 32


def test_a_personal_value_needs_its_own_persons_key() -> None:
    own = having(OLD)
    hers, his = own.new_personal_key(), own.new_personal_key()
    token = own.personal(hers).encrypt("Ann Smith")
    assert own.decrypt_personal(hers, token) == "Ann Smith"
    with pytest.raises(ciphers.AnotherKeyError):
        own.decrypt_personal(his, token)
    with pytest.raises(InvalidToken):
        having(NEW).decrypt_personal(hers, token)


def test_a_signature_holds_for_its_content_and_key_alone() -> None:
    own = having(OLD)
    signature = own.sign(b"block")
    assert own.is_signed(b"block", signature)
    assert not own.is_signed(b"other", signature)
    assert not having(OLD, seed=base64.b64encode(os.urandom(32)).decode()).is_signed(b"block", signature)


def test_a_rotated_signing_key_signs_no_more_and_still_verifies() -> None:
    newer = base64.b64encode(os.urandom(32)).decode()
    rotated, before, after = having(OLD, seed=f"{newer}, {SEED}"), having(OLD), having(OLD, seed=newer)
    assert rotated.is_signed(b"block", before.sign(b"block"))
    assert after.is_signed(b"block", rotated.sign(b"block"))
    assert not before.is_signed(b"block", rotated.sign(b"block"))


def test_the_public_keys_alone_check_a_signature() -> None:
    newer = base64.b64encode(os.urandom(32)).decode()
    own = having(OLD, seed=f"{newer},{SEED}")
    first, second = (Ed25519PublicKey.from_public_bytes(base64.b64decode(key)) for key in own.public_keys())
    first.verify(own.sign(b"block"), b"block")
    second.verify(having(OLD).sign(b"block"), b"block")
    with pytest.raises(InvalidSignature):
        second.verify(own.sign(b"block"), b"block")


def test_keys_are_neither_shown_nor_replaced() -> None:
    own = having(OLD)
    assert repr(own) == "Ciphers()"
    with pytest.raises(FrozenInstanceError):
        own._index_key = b""  # type: ignore[misc]
