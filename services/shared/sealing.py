"""The seals on the trail: committed entries are closed into signed blocks, each chained to the one before, and checked.

A block's line is also appended to a file outside of the database, so that a tail cut from the database shows. What no
seal can show is an entry taken away before its block was closed, which is within a minute.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shared import audit, clock, driver, seal_file, seals
from services.shared.ciphers import Ciphers
from services.shared.database import Database
from services.shared.identity.actor import Actor
from services.shared.seal_file import Seal
from services.shared.seals import Block
from services.shared.vocabulary.records import AuditBook

BLOCK_ENTRIES: Final = 10_000
BLOCKS_AT_ONCE: Final = 64

log = structlog.get_logger("dp.sealing")

_QUEUED: Final[Mapping[AuditBook, str]] = {
    AuditBook.ACTS: """
        SELECT entry_id FROM unsealed_entry AS queue JOIN audit_entry AS entry ON entry.id = queue.entry_id
        WHERE queue.book = 'acts' ORDER BY entry_id LIMIT $1
    """,
    AuditBook.READS: """
        SELECT entry_id FROM unsealed_entry AS queue JOIN read_log AS entry ON entry.id = queue.entry_id
        WHERE queue.book = 'reads' ORDER BY entry_id LIMIT $1
    """,
}
_SLIPPED_IN: Final[Mapping[AuditBook, str]] = {
    AuditBook.ACTS: """
        SELECT min(id) FROM audit_entry AS entry
        WHERE NOT EXISTS (SELECT FROM unsealed_entry WHERE book = 'acts' AND entry_id = entry.id)
          AND NOT EXISTS (
              SELECT FROM (SELECT unnest(entry_ids) AS id FROM audit_seal WHERE book = 'acts') AS sealed
              WHERE sealed.id = entry.id
          )
    """,
    AuditBook.READS: """
        SELECT min(id) FROM read_log AS entry
        WHERE NOT EXISTS (SELECT FROM unsealed_entry WHERE book = 'reads' AND entry_id = entry.id)
          AND NOT EXISTS (
              SELECT FROM (SELECT unnest(entry_ids) AS id FROM audit_seal WHERE book = 'reads') AS sealed
              WHERE sealed.id = entry.id
          )
    """,
}
_QUEUED_AND_MISSING: Final[Mapping[AuditBook, str]] = {
    AuditBook.ACTS: """
        SELECT min(entry_id) FROM unsealed_entry AS queue
        WHERE book = 'acts' AND NOT EXISTS (SELECT FROM audit_entry WHERE id = queue.entry_id)
    """,
    AuditBook.READS: """
        SELECT min(entry_id) FROM unsealed_entry AS queue
        WHERE book = 'reads' AND NOT EXISTS (SELECT FROM read_log WHERE id = queue.entry_id)
    """,
}
_INSERT: Final = """
    INSERT INTO audit_seal (book, number, sealed_at, entry_ids, entry_hashes, previous_hash, block_hash, signature)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def seal(database: Database) -> int:
    """Close every queued entry of both books into blocks of at most 10,000; return how many entries were sealed.

    Nothing happens where another sealer is at work. The role must be dp_api's.
    """
    path = database.settings.audit_seal_file
    sealed = 0
    async with seal_file.writing(path):
        for book in AuditBook:
            newest = await _newest(database, book)
            if newest is not None and not await seal_file.catch_up(path, newest.line()):
                log.error("seal_file_has_a_gap", book=book.value, block=newest.number)
            while (block := await _close_block(database, book)) is not None:
                await seal_file.append(path, block.line())
                sealed += len(block.entry_ids)
    return sealed


async def begin_file(database: Database, *, actor: Actor, reason: str) -> Mapping[str, int]:
    """Begin a new outside file, after the old one was lost or the database restored; return from which blocks on.

    The trail says who did it and why; the old file is kept beside the new one. What is older than these blocks only
    the old file and the database's own chain bear witness of.
    """
    path = database.settings.audit_seal_file
    async with seal_file.writing(path):
        found = [block for book in AuditBook if (block := await _newest(database, book)) is not None]
        numbers = {block.book.value: block.number for block in found}
        async with database.write(actor=actor) as session:
            subject = audit.Subject("seal_file", path.name)
            await audit.record(session, action="begin_seal_file", subject=subject, after=numbers, reason=reason)
        await seal_file.begin(path, [block.beginning(database.ciphers) for block in found], at=clock.now())
    return numbers


async def _newest(database: Database, book: AuditBook) -> Block | None:
    async with database.engine.connect() as connection:
        return await _newest_on(await driver.of(connection), book)


async def _newest_on(connection: driver.Connection, book: AuditBook) -> Block | None:
    question = "SELECT * FROM audit_seal WHERE book = $1 ORDER BY number DESC LIMIT 1"
    record = await connection.fetchrow(question, book.value)
    return seals.from_record(record) if record else None


async def _close_block(database: Database, book: AuditBook) -> Block | None:
    """Close one block in a transaction of its own; None when nothing waits or another sealer is at work."""
    async with database.engine.begin() as transaction:
        if not await _is_only_sealer(transaction):
            return None
        connection = await driver.of(transaction)
        queued = [record["entry_id"] for record in await connection.fetch(_QUEUED[book], BLOCK_ENTRIES)]
        if not queued:
            return None
        entries = await connection.fetch(seals.ENTRIES[book], queued)
        newest = await _newest_on(connection, book)
        block = seals.close(book, entries, after=newest, ciphers=database.ciphers)
        await _store(connection, block)
        return block


async def _is_only_sealer(transaction: AsyncConnection) -> bool:
    lock = "SELECT pg_try_advisory_xact_lock(hashtextextended('sealing of ' || current_schema(), 0))"
    return bool((await transaction.exec_driver_sql(lock)).scalar_one())


async def _store(connection: driver.Connection, block: Block) -> None:
    await connection.execute(
        _INSERT,
        block.book.value,
        block.number,
        block.sealed_at,
        block.entry_ids,
        block.entry_hashes,
        block.previous_hash,
        block.block_hash,
        block.signature,
    )
    emptied = "DELETE FROM unsealed_entry WHERE book = $1 AND entry_id = ANY($2::bigint[])"
    await connection.execute(emptied, block.book.value, block.entry_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check of the whole trail found; `first_broken` names an entry (`acts entry 123`), a block or the file.

    `entries` are those checked against a seal, `unsealed` those that still wait for one.
    """

    ok: bool
    entries: int
    unsealed: int
    first_broken: str | None


class _Broken(Exception):
    """Carries the name of the first broken thing out of the check."""


async def verify(database: Database) -> Verification:
    """Recompute every sealed entry and block of both books, and compare with the outside file; dp_api's role reads all.

    Finds a changed, missing or slipped-in entry, a broken chain, a false signature, a tail cut from the database and a
    seal file that is missing or short. Blocks and the file are read a piece at a time, whatever the trail's length.
    """
    checked = waiting = 0
    path = database.settings.audit_seal_file
    try:
        async with _picture(database, path) as (connection, whole_bytes):
            waiting = await connection.fetchval("SELECT count(*) FROM unsealed_entry")
            for book in AuditBook:
                outside = seal_file.seals(path, book, until=whole_bytes)
                async for entries in _checked_entries(connection, book, database=database, outside=outside):
                    checked += entries
                await _refuse_strays(connection, book)
    except (_Broken, seal_file.BrokenSealFileError) as broken:
        return Verification(ok=False, entries=checked, unsealed=waiting, first_broken=str(broken))
    return Verification(ok=True, entries=checked, unsealed=waiting, first_broken=None)


@asynccontextmanager
async def _picture(database: Database, path: Path) -> AsyncGenerator[tuple[driver.Connection, int]]:
    """Hold one unchanging picture of the database and of the file, taken while no sealer is between the two."""
    async with database.engine.connect() as pooled:
        connection = await driver.of(pooled)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            async with seal_file.reading(path):
                driver.unhurried(connection)
                await connection.execute("SET LOCAL statement_timeout = 0")
                await connection.fetchval("SELECT count(*) FROM unsealed_entry")  # The picture is taken here.
                whole_bytes = await asyncio.to_thread(seal_file.whole_bytes, path)
            yield connection, whole_bytes


async def _checked_entries(
    connection: driver.Connection, book: AuditBook, *, database: Database, outside: Iterator[Seal]
) -> AsyncGenerator[int]:
    """Check the book's blocks in order, yielding how many entries each run of blocks held."""
    before: Block | None = None
    seal = next(outside, None)
    question = "SELECT * FROM audit_seal WHERE book = $1 AND number > $2 ORDER BY number LIMIT $3"
    while records := await connection.fetch(question, book.value, before.number if before else 0, BLOCKS_AT_ONCE):
        blocks = [seals.from_record(record) for record in records]
        for block in blocks:
            _check_block(block, before, ciphers=database.ciphers)
            if seal is None or not seal.begins or block.number >= seal.number:
                _check_seal(block, seal, ciphers=database.ciphers)
                seal = next(outside, None)
            before = block
        yield await _check_entries(connection, book, blocks)
    if seal is not None:
        raise _Broken(f"{book.value} block {seal.number}: only in the seal file")


def _check_block(block: Block, before: Block | None, *, ciphers: Ciphers) -> None:
    name = f"{block.book.value} block {block.number}"
    if block.number != (before.number if before else 0) + 1:
        raise _Broken(f"{block.book.value} block {(before.number if before else 0) + 1}: missing")
    if block.previous_hash != (before.block_hash if before else seals.FIRST_PREVIOUS):
        raise _Broken(f"{name}: not chained to the block before")
    if seals.hash_of(block) != block.block_hash:
        raise _Broken(f"{name}: changed")
    if not ciphers.is_signed(block.block_hash, block.signature):
        raise _Broken(f"{name}: false signature")


def _check_seal(block: Block, seal: Seal | None, *, ciphers: Ciphers) -> None:
    name = f"{block.book.value} block {block.number}"
    if seal is None:
        raise _Broken(f"{name}: not in the seal file")
    if seal.block_hash != block.block_hash:
        raise _Broken(f"{name}: otherwise in the seal file")
    if seal.begins and not ciphers.is_signed(seals.BEGINS + seal.block_hash, seal.signature):
        raise _Broken(f"{name}: false beginning of the seal file")


async def _check_entries(connection: driver.Connection, book: AuditBook, blocks: Sequence[Block]) -> int:
    sealed = {entry_id: entry_hash for block in blocks for entry_id, entry_hash in block.entries()}
    for some in _batches(sorted(sealed)):
        found = {record["id"]: record for record in await connection.fetch(seals.ENTRIES[book], some)}
        for entry_id in some:
            if entry_id not in found:
                raise _Broken(f"{book.value} entry {entry_id}: missing")
            if seals.hash_of_entry(found[entry_id]) != sealed[entry_id]:
                raise _Broken(f"{book.value} entry {entry_id}: changed")
    return len(sealed)


async def _refuse_strays(connection: driver.Connection, book: AuditBook) -> None:
    """Refuse an entry that is neither sealed nor queued, and a queued one that is not there."""
    if (slipped_in := await connection.fetchval(_SLIPPED_IN[book])) is not None:
        raise _Broken(f"{book.value} entry {slipped_in}: neither sealed nor queued")
    if (missing := await connection.fetchval(_QUEUED_AND_MISSING[book])) is not None:
        raise _Broken(f"{book.value} entry {missing}: missing")


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + BLOCK_ENTRIES] for start in range(0, len(ids), BLOCK_ENTRIES))
