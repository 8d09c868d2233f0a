"""Whether the keys that are set are those with which records were stored: asked at every start and by readiness.

A key leaves a proof in the database at its first start. An installation of before proofs is asked for something stored.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from cryptography.fernet import InvalidToken

from services.shared import ciphers as keys
from services.shared import clock, driver
from services.shared.ciphers import Ciphers, KeyProof
from services.shared.database import Database
from services.shared.settings.installation import Settings
from services.shared.settings.unsafe import UnsafeSettingsError

_IS_THERE: Final = "SELECT to_regclass($1) IS NOT NULL"
_PROOFS: Final = "SELECT setting, key_id, made FROM key_check ORDER BY first_used_at"
_KEEP: Final = (
    "INSERT INTO key_check (setting, key_id, made, first_used_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
)
_OF_A_PERSON: Final = "SELECT nhs_number_encrypted FROM recipient WHERE nhs_number_encrypted IS NOT NULL"
_ENCRYPTED: Final = (
    f"{_OF_A_PERSON} ORDER BY created_at LIMIT 1",
    f"{_OF_A_PERSON} ORDER BY created_at DESC LIMIT 1",
    "SELECT key_encrypted FROM personal_key LIMIT 1",
    "SELECT body_encrypted FROM idempotency_record ORDER BY created_at LIMIT 1",
    "SELECT content_encrypted FROM quarantined_row WHERE content_encrypted IS NOT NULL LIMIT 1",
)
_INDEXED: Final = (
    "SELECT nhs_number_encrypted, nhs_number_index FROM recipient WHERE nhs_number_encrypted IS NOT NULL LIMIT 1"
)
_SEALED: Final = "SELECT block_hash, signature FROM audit_seal ORDER BY book, number DESC LIMIT 1"


class LostKeyError(UnsafeSettingsError):
    """A key that records were stored with is not among those that are set; the text names the setting, never a key."""

    def __init__(self, setting: str, *, settings: Settings) -> None:
        file = settings.data_dir / "secrets" / setting
        super().__init__(
            f"DP_{setting.upper()} is not, or not all of, what the records in this database were stored with: put back"
            f" the key of that time, behind any newer one (it is looked for in the environment, in DP_SECRETS_DIR, and"
            f" for an embedded database in {file})"
        )
        self.setting = setting


async def require(connection: driver.Connection, ciphers: Ciphers, *, settings: Settings) -> None:
    """Raise LostKeyError where a key that something was stored with is not there; a database without a schema has none.

    Each key that ever left a proof must still be there, older ones too.
    """
    if (setting := await lost(connection, ciphers)) is not None:
        raise LostKeyError(setting, settings=settings)


async def at_start(own: Database) -> None:
    """Raise LostKeyError where the keys are not those that records were stored with; else leave a proof of each.

    While no database answers there is nothing to compare with: readiness goes on asking.
    """
    with suppress(*driver.TROUBLES):
        async with own.engine.connect() as pooled:
            connection = await driver.of(pooled)
            await require(connection, own.ciphers, settings=own.settings)
            if await connection.fetchval(_IS_THERE, "key_check"):
                await _keep_proofs(connection, own.ciphers)


async def _keep_proofs(connection: driver.Connection, ciphers: Ciphers) -> None:
    known = {(row["setting"], row["key_id"]) for row in await connection.fetch(_PROOFS)}
    for proof in ciphers.proofs():
        if (proof.setting, proof.key_id) not in known:
            await connection.execute(_KEEP, *proof, clock.now())


async def lost(connection: driver.Connection, ciphers: Ciphers) -> str | None:
    """Return the setting whose key is not the one that something was stored with, None where all are there."""
    proofs: list[KeyProof] = []
    if await connection.fetchval(_IS_THERE, "key_check"):
        proofs = [KeyProof(*row) for row in await connection.fetch(_PROOFS)]
    for proof in proofs:
        if not ciphers.prove(proof):
            return proof.setting
    proved = {proof.setting for proof in proofs}
    if len(proved) < len(ciphers.proofs()) and await connection.fetchval(_IS_THERE, "audit_seal"):
        async for setting in _unopened(connection, ciphers):
            if setting not in proved:
                return setting
    return None


async def _unopened(connection: driver.Connection, ciphers: Ciphers) -> AsyncIterator[str]:
    """Yield the settings whose keys do not open, or have not made, one stored value of each kind."""
    for question in _ENCRYPTED:
        stored = await connection.fetchval(question)
        if stored is not None and not _opens(ciphers, stored):
            yield keys.ENCRYPTION_KEYS
    found = await connection.fetchrow(_INDEXED)
    if found is not None and _opens(ciphers, found[0]) and not _is_indexed(ciphers, number=found[0], index=found[1]):
        yield keys.BLIND_INDEX_KEY
    sealed = await connection.fetchrow(_SEALED)
    if sealed is not None and not ciphers.is_signed(sealed["block_hash"], sealed["signature"]):
        yield keys.AUDIT_SIGNING_KEY


def _is_indexed(ciphers: Ciphers, *, number: bytes, index: bytes) -> bool:
    return ciphers.blind_index(ciphers.decrypt_text(number)) == index


def _opens(ciphers: Ciphers, stored: bytes) -> bool:
    try:
        ciphers.decrypt(stored)
    except InvalidToken:
        return False
    return True
