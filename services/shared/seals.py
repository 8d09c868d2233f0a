"""What a seal is made of: the canonical form of an entry, the block that closes a row of them, and their hashes.

An entry's canonical form is the JSON object of all its columns: keys sorted, no spaces, UTF-8; times are UTC with
microseconds (`2026-11-22T14:05:09.000001Z`), bytes are hex. Its hash is SHA-256 of that. A block's hash is SHA-256 of
the JSON object, in the same form, of `book`, `number`, `previous_hash`, `sealed_at`, `entry_ids` and `entry_hashes`
(hex, one after the other); Ed25519 signs that hash. The first block's previous hash is 32 zero bytes. So anybody can
check a trail with the public key alone. A file that begins later says so in a line whose signature is of `begins` and
the block's hash.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from services.shared import clock, seal_file
from services.shared.ciphers import Ciphers
from services.shared.vocabulary.records import AuditBook

FIRST_PREVIOUS: Final = bytes(32)
HASH_BYTES: Final = 32
BEGINS: Final = b"begins"

_AT: Final = """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at"""
ENTRIES: Final[Mapping[AuditBook, str]] = {
    AuditBook.ACTS: f"""
        SELECT id, {_AT}, service, actor, actor_role, action, outcome, subject_kind, subject_id, request_id, reason,
               legal_source, changes::text AS changes, encode(digest, 'hex') AS digest
        FROM audit_entry WHERE id = ANY($1::bigint[]) ORDER BY id
    """,  # noqa: S608 (only our own constant is put in)
    AuditBook.READS: f"""
        SELECT id, {_AT}, service, actor, actor_role, action, request_id, subject_kind,
               subject_ids::text[] AS subject_ids
        FROM read_log WHERE id = ANY($1::bigint[]) ORDER BY id
    """,  # noqa: S608 (only our own constant is put in)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One sealed block, as it is stored; `entry_hashes` are 32 bytes each, in the order of `entry_ids`."""

    book: AuditBook
    number: int
    sealed_at: datetime
    entry_ids: Sequence[int]
    entry_hashes: bytes
    previous_hash: bytes
    block_hash: bytes
    signature: bytes

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Yield each entry's id and its hash; ends early where the hashes are too few, which the block's hash shows."""
        parts = (
            self.entry_hashes[start : start + HASH_BYTES] for start in range(0, len(self.entry_hashes), HASH_BYTES)
        )
        return zip(self.entry_ids, parts, strict=False)

    def line(self) -> seal_file.Line:
        """Return the block's line in the outside file."""
        return seal_file.Line(
            book=self.book,
            number=self.number,
            block_hash=self.block_hash,
            signature=self.signature,
            sealed_at=self.sealed_at,
            entries=len(self.entry_ids),
        )

    def beginning(self, ciphers: Ciphers) -> seal_file.Line:
        """Return the block's line as the first of a new file, which bears witness from this block on."""
        return replace(self.line(), signature=ciphers.sign(BEGINS + self.block_hash), begins=True)


def close(book: AuditBook, entries: Sequence[asyncpg.Record], *, after: Block | None, ciphers: Ciphers) -> Block:
    """Close entries into the block after the one before (None: the first), hashed and signed now."""
    number = after.number + 1 if after else 1
    previous_hash = after.block_hash if after else FIRST_PREVIOUS
    sealed_at = clock.now()
    entry_ids = [entry["id"] for entry in entries]
    entry_hashes = b"".join(hash_of_entry(entry) for entry in entries)
    closed = hash_of_block(
        book=book,
        number=number,
        previous_hash=previous_hash,
        sealed_at=sealed_at,
        entry_ids=entry_ids,
        entry_hashes=entry_hashes,
    )
    return Block(
        book=book,
        number=number,
        sealed_at=sealed_at,
        entry_ids=entry_ids,
        entry_hashes=entry_hashes,
        previous_hash=previous_hash,
        block_hash=closed,
        signature=ciphers.sign(closed),
    )


def hash_of_entry(record: asyncpg.Record) -> bytes:
    """Return the hash of an entry as the queries in `ENTRIES` read it."""
    columns = dict(record)
    if "changes" in columns:
        columns["changes"] = json.loads(columns["changes"])
    return hashlib.sha256(canonical(columns)).digest()


def hash_of_block(
    *,
    book: AuditBook,
    number: int,
    previous_hash: bytes,
    sealed_at: datetime,
    entry_ids: Sequence[int],
    entry_hashes: bytes,
) -> bytes:
    """Return the hash of a block over everything in it and the block before."""
    content = {
        "book": book.value,
        "number": number,
        "previous_hash": previous_hash.hex(),
        "sealed_at": sealed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "entry_ids": list(entry_ids),
        "entry_hashes": entry_hashes.hex(),
    }
    return hashlib.sha256(canonical(content)).digest()


def hash_of(block: Block) -> bytes:
    """Return the hash that the block ought to bear."""
    return hash_of_block(
        book=block.book,
        number=block.number,
        previous_hash=block.previous_hash,
        sealed_at=block.sealed_at,
        entry_ids=block.entry_ids,
        entry_hashes=block.entry_hashes,
    )


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the one JSON text of an object: keys sorted, no spaces, UTF-8."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def from_record(record: asyncpg.Record) -> Block:
    """Return a block as it stands in `audit_seal`."""
    return Block(**{**dict(record), "book": AuditBook(record["book"])})
