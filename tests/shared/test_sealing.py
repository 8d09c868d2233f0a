"""The seals: whatever happens to the trail behind the software's back is found and named."""

import asyncio
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Final
from unittest import mock
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from services.shared import audit, seal_file, sealing, seals
from services.shared.audit import Subject
from services.shared.identity.actor import machine
from services.shared.sealing import Verification
from services.shared.tables.records import AuditEntry, ReadEntry
from services.shared.vocabulary.records import AuditBook, Service
from tests.builders import commits
from tests.databases import Databases

ACTOR = machine("command_line", Service.DP_API)


async def enter(databases: Databases, *, acts: int = 0, reads: int = 0) -> None:
    async with databases.card_ingest.write(actor=ACTOR) as session:
        for number in range(acts):
            await audit.record(
                session, action="act", subject=Subject("thing", str(number)), after={"n": number, "é": "€"}
            )
    async with databases.clawback.read(actor=ACTOR) as session:
        for _ in range(reads):
            await audit.record_read(session, action="read_recipient", subject_kind="recipient", subject_ids=[uuid4()])


async def tamper(databases: Databases, table: str, statement: str) -> None:
    """Do what no service and no owner can: what is left is somebody who may switch triggers off."""
    async with databases.superuser() as connection:
        await connection.execute(
            f"ALTER TABLE {table} DISABLE TRIGGER USER; {statement}; ALTER TABLE {table} ENABLE TRIGGER USER"
        )


async def found(databases: Databases) -> str | None:
    verification = await sealing.verify(databases.dp_api)
    assert verification.ok is (verification.first_broken is None)
    return verification.first_broken


def outside(databases: Databases) -> Path:
    return databases.settings.audit_seal_file


@pytest.fixture
async def sealed(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Databases:
    """Five acts and five reads, sealed in blocks of two."""
    monkeypatch.setattr(sealing, "BLOCK_ENTRIES", 2)
    await enter(databases, acts=5, reads=5)
    assert await sealing.seal(databases.dp_api) == 10
    assert await sealing.verify(databases.dp_api) == Verification(ok=True, entries=10, unsealed=0, first_broken=None)
    return databases


async def test_an_empty_trail_is_whole(databases: Databases) -> None:
    assert await sealing.seal(databases.dp_api) == 0
    assert await sealing.verify(databases.dp_api) == Verification(ok=True, entries=0, unsealed=0, first_broken=None)


async def test_queued_entries_are_whole_before_their_seal(databases: Databases) -> None:
    await enter(databases, acts=2, reads=1)
    assert await sealing.verify(databases.dp_api) == Verification(ok=True, entries=0, unsealed=3, first_broken=None)


async def test_each_block_is_a_signed_line_outside(sealed: Databases) -> None:
    lines = [json.loads(line) for line in outside(sealed).read_text().splitlines()]
    assert [(line["book"], line["number"], line["entries"]) for line in lines] == [
        *(("acts", number, entries) for number, entries in ((1, 2), (2, 2), (3, 1))),
        *(("reads", number, entries) for number, entries in ((1, 2), (2, 2), (3, 1))),
    ]
    for line in lines:
        signature = bytes.fromhex(line["signature"])
        assert sealed.dp_api.ciphers.is_signed(bytes.fromhex(line["block_hash"]), signature)


async def test_an_entrys_hash_can_be_made_from_the_documented_form_alone(sealed: Databases) -> None:
    async with sealed.superuser() as connection:
        row = await connection.fetchrow("SELECT * FROM audit_entry ORDER BY id LIMIT 1")
        assert row is not None
        stored = await connection.fetchval(
            "SELECT substr(entry_hashes, 1, 32) FROM audit_seal WHERE book = 'acts' AND number = 1"
        )
    columns = {**row, "at": row["at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "changes": json.loads(row["changes"])}
    text = json.dumps(columns, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).digest() == stored


def test_every_column_of_an_entry_is_hashed() -> None:
    for book, table in ((AuditBook.ACTS, AuditEntry), (AuditBook.READS, ReadEntry)):
        selected = re.findall(r"\w+", seals.ENTRIES[book].partition("FROM")[0])
        assert [column.name for column in table.__table__.columns if column.name not in selected] == []


CHANGES: Final = {
    "actor": "actor = 'somebody'",
    "actor_role": "actor_role = 'auditor'",
    "action": "action = 'other'",
    "at": "at = at + interval '1 microsecond'",
    "service": "service = 'dp_api'",
    "outcome": "outcome = 'refused'",
    "subject_kind": "subject_kind = 'other'",
    "subject_id": "subject_id = 'other'",
    "request_id": "request_id = ''",
    "reason": "reason = ''",
    "legal_source": "legal_source = ''",
    "changes": "changes = '{}'",
    "digest": "digest = ''",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_changed_act_is_named(sealed: Databases, change: str) -> None:
    await tamper(sealed, "audit_entry", f"UPDATE audit_entry SET {change} WHERE id = 4")
    assert await found(sealed) == "acts entry 4: changed"


async def test_the_first_of_several_broken_entries_is_named(sealed: Databases) -> None:
    await tamper(sealed, "audit_entry", "UPDATE audit_entry SET actor = 'somebody' WHERE id IN (3, 5)")
    assert await found(sealed) == "acts entry 3: changed"


async def test_a_changed_read_is_named(sealed: Databases) -> None:
    await tamper(sealed, "read_log", "UPDATE read_log SET subject_ids = ARRAY[gen_random_uuid()] WHERE id = 2")
    assert await found(sealed) == "reads entry 2: changed"


async def test_a_missing_entry_is_named(sealed: Databases) -> None:
    await tamper(sealed, "read_log", "DELETE FROM read_log WHERE id = 3")
    assert await found(sealed) == "reads entry 3: missing"


async def test_an_entry_slipped_in_past_the_queue_is_named(sealed: Databases) -> None:
    columns = "at, service, actor, actor_role, action, request_id, subject_kind, subject_ids"
    await tamper(sealed, "read_log", f"INSERT INTO read_log ({columns}) SELECT {columns} FROM read_log LIMIT 1")
    assert await found(sealed) == "reads entry 6: neither sealed nor queued"


async def test_an_entry_taken_away_while_it_waits_for_its_seal_is_named(sealed: Databases) -> None:
    await enter(sealed, acts=1)
    await tamper(sealed, "audit_entry", "DELETE FROM audit_entry WHERE id = 6")
    assert await found(sealed) == "acts entry 6: missing"
    assert await sealing.seal(sealed.dp_api) == 0
    assert await found(sealed) == "acts entry 6: missing"


async def test_a_changed_block_is_named(sealed: Databases) -> None:
    await tamper(
        sealed,
        "audit_seal",
        "UPDATE audit_seal SET sealed_at = sealed_at + interval '1 s' WHERE number = 2 AND book = 'acts'",
    )
    assert await found(sealed) == "acts block 2: changed"


async def test_a_block_taken_out_of_the_chain_is_named(sealed: Databases) -> None:
    await tamper(sealed, "audit_seal", "DELETE FROM audit_seal WHERE number = 2 AND book = 'acts'")
    assert await found(sealed) == "acts block 2: missing"


async def test_a_chain_made_anew_without_the_signing_key_is_found(sealed: Databases) -> None:
    await tamper(sealed, "audit_entry", "UPDATE audit_entry SET actor = 'somebody' WHERE id = 5")
    async with sealed.superuser() as connection:
        (entry,) = await connection.fetch(seals.ENTRIES[AuditBook.ACTS], [5])
        row = await connection.fetchrow("SELECT * FROM audit_seal WHERE book = 'acts' AND number = 3")
        assert row is not None
        block = seals.from_record(row)
        forged = seals.hash_of_block(
            book=block.book,
            number=3,
            previous_hash=block.previous_hash,
            sealed_at=block.sealed_at,
            entry_ids=[5],
            entry_hashes=seals.hash_of_entry(entry),
        )
        await connection.execute("ALTER TABLE audit_seal DISABLE TRIGGER USER")
        await connection.execute(
            "UPDATE audit_seal SET entry_hashes = $1, block_hash = $2 WHERE book = 'acts' AND number = 3",
            seals.hash_of_entry(entry),
            forged,
        )
    assert await found(sealed) == "acts block 3: false signature"


async def test_a_tail_cut_from_the_database_shows_outside(sealed: Databases) -> None:
    await tamper(sealed, "audit_seal", "DELETE FROM audit_seal WHERE number = 3 AND book = 'acts'")
    await tamper(sealed, "audit_entry", "DELETE FROM audit_entry WHERE id = 5")
    assert await found(sealed) == "acts block 3: only in the seal file"


async def test_a_missing_seal_file_is_found_and_not_made_again(sealed: Databases) -> None:
    outside(sealed).unlink()
    assert await found(sealed) == "acts block 1: not in the seal file"
    await enter(sealed, acts=1)
    await sealing.seal(sealed.dp_api)
    assert await found(sealed) == "line 1 of the seal file: acts block 4 is out of order"


async def begin_anew(databases: Databases) -> None:
    await sealing.begin_file(databases.dp_api, actor=ACTOR, reason="the disk was lost")
    await sealing.seal(databases.dp_api)


async def test_after_a_lost_file_a_new_one_bears_witness_from_then_on(sealed: Databases) -> None:
    outside(sealed).unlink()
    await enter(sealed, reads=1)
    assert await sealing.begin_file(sealed.dp_api, actor=ACTOR, reason="the disk was lost") == {
        AuditBook.ACTS: 3,
        AuditBook.READS: 3,
    }
    with capture_logs() as logs:
        assert await sealing.seal(sealed.dp_api) == 2
    assert logs == []
    assert await sealing.verify(sealed.dp_api) == Verification(ok=True, entries=12, unsealed=0, first_broken=None)
    async with sealed.superuser() as connection:
        entry = await connection.fetchrow("SELECT * FROM audit_entry ORDER BY id DESC LIMIT 1")
    assert entry is not None
    assert (entry["action"], entry["reason"]) == ("begin_seal_file", "the disk was lost")
    await tamper(sealed, "audit_seal", "DELETE FROM audit_seal WHERE number = 4 AND book = 'acts'")
    await tamper(sealed, "audit_entry", "DELETE FROM audit_entry WHERE id = 6")
    assert await found(sealed) == "acts block 4: only in the seal file"


async def test_a_file_that_is_there_is_kept_when_another_is_begun(sealed: Databases) -> None:
    before = outside(sealed).read_text()
    await begin_anew(sealed)
    (kept,) = outside(sealed).parent.glob("*.until-*")
    assert kept.read_text() == before
    assert await found(sealed) is None


async def test_what_is_older_than_a_new_file_is_still_checked_by_the_chain(sealed: Databases) -> None:
    await begin_anew(sealed)
    await tamper(sealed, "audit_entry", "UPDATE audit_entry SET actor = 'somebody' WHERE id = 2")
    assert await found(sealed) == "acts entry 2: changed"


async def test_nobody_without_the_key_begins_a_file(sealed: Databases) -> None:
    lines = [json.loads(line) for line in outside(sealed).read_text().splitlines()]
    newest = [{**line, "begins": True} for line in lines if line["number"] == 3]
    outside(sealed).write_text("".join(json.dumps(line) + "\n" for line in newest))
    assert await found(sealed) == "acts block 3: false beginning of the seal file"


async def test_a_beginning_inside_a_file_is_out_of_order(sealed: Databases) -> None:
    old = outside(sealed).read_text()
    await begin_anew(sealed)
    outside(sealed).write_text(old + outside(sealed).read_text())
    assert await found(sealed) == "line 7 of the seal file: acts block 3 is out of order"


async def test_a_gap_in_the_file_is_an_error_in_the_log(sealed: Databases) -> None:
    outside(sealed).write_text("".join(outside(sealed).read_text().splitlines(keepends=True)[:1]))
    with capture_logs() as logs:
        await sealing.seal(sealed.dp_api)
    assert [(line["log_level"], line["event"], line["book"], line["block"]) for line in logs] == [
        ("error", "seal_file_has_a_gap", "acts", 3),
        ("error", "seal_file_has_a_gap", "reads", 3),
    ]


async def test_a_quiet_books_last_line_is_found_from_the_end(
    sealed: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal_file, "_BLOCK_BYTES", 100)
    await enter(sealed, reads=8)
    assert await sealing.seal(sealed.dp_api) == 8
    assert await sealing.seal(sealed.dp_api) == 0
    assert await found(sealed) is None
    whole = outside(sealed).read_bytes()
    assert b"".join(reversed(list(seal_file._lines_backwards(outside(sealed))))) == whole


async def test_the_end_of_a_long_file_is_found_without_reading_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "seals"
    line = '{"book": "%s", "number": %d, "block_hash": "00", "signature": "00"}\n'
    path.write_text("".join(line % ("reads", number) for number in range(1, 40_000)) + line % ("acts", 7))
    with mock.patch.object(seal_file, "_read", wraps=seal_file._read) as read:
        assert seal_file._last_number(path, AuditBook.ACTS) == 7
        assert seal_file._last_number(path, AuditBook.READS) == 39_999
    assert read.call_count == 2


async def test_a_changed_seal_file_is_found(sealed: Databases) -> None:
    lines = outside(sealed).read_text().splitlines(keepends=True)
    other = {**json.loads(lines[1]), "block_hash": "00" * 32}
    outside(sealed).write_text("".join([lines[0], json.dumps(other) + "\n", *lines[2:]]))
    assert await found(sealed) == "acts block 2: otherwise in the seal file"
    outside(sealed).write_text("".join([*lines[:2], "no seal\n"]))
    assert await found(sealed) == "line 3 of the seal file is no seal"


async def test_a_crash_between_the_commit_and_the_line_is_made_good(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(_path: Path, _line: seal_file.Line) -> None:
        raise OSError("the machine stops here")

    await enter(databases, acts=1)
    await sealing.seal(databases.dp_api)
    await enter(databases, acts=1)
    with monkeypatch.context() as crashing:
        crashing.setattr(seal_file, "append", crash)
        with pytest.raises(OSError, match="stops here"):
            await sealing.seal(databases.dp_api)
    with outside(databases).open("a") as file:
        file.write('{"book": "acts", "num')
    assert await found(databases) == "acts block 2: not in the seal file"
    await sealing.seal(databases.dp_api)
    assert await found(databases) is None
    assert len(outside(databases).read_text().splitlines()) == 2


async def test_sealers_at_the_same_time_seal_each_entry_once(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BLOCK_ENTRIES", 3)
    await enter(databases, acts=20)
    assert sum(await asyncio.gather(*(sealing.seal(databases.dp_api) for _ in range(4)))) == 20
    assert await sealing.verify(databases.dp_api) == Verification(ok=True, entries=20, unsealed=0, first_broken=None)


async def test_sealers_on_two_machines_never_stand_in_each_others_way(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sealing, "BLOCK_ENTRIES", 3)
    elsewhere = databases.settings.model_copy(update={"audit_seal_file": tmp_path / "elsewhere" / "seals.jsonl"})
    other = replace(databases.dp_api, settings=elsewhere)
    await enter(databases, acts=20)
    sealed = 0
    while sealed < 20:
        sealed += sum(await asyncio.gather(sealing.seal(databases.dp_api), sealing.seal(other)))
    async with databases.superuser() as connection:
        assert await connection.fetchval("SELECT sum(cardinality(entry_ids)) FROM audit_seal") == sealed == 20


async def test_a_block_whose_commit_fails_has_no_line_outside_and_keeps_its_entries_waiting(
    databases: Databases,
) -> None:
    await enter(databases, acts=3)
    async with databases.superuser() as connection, commits.failing(connection, "audit_seal"):
        with pytest.raises(DBAPIError):
            await sealing.seal(databases.dp_api)
    assert not outside(databases).exists()
    assert await sealing.verify(databases.dp_api) == Verification(ok=True, entries=0, unsealed=3, first_broken=None)
    assert await sealing.seal(databases.dp_api) == 3
    assert await found(databases) is None


async def test_a_trail_verifies_while_it_is_written_and_sealed(databases: Databases) -> None:
    async def write_and_seal() -> None:
        for _ in range(10):
            await enter(databases, acts=2, reads=2)
            await sealing.seal(databases.dp_api)

    async def verify() -> list[str | None]:
        return [await found(databases) for _ in range(10)]

    _, broken = await asyncio.gather(write_and_seal(), verify())
    assert broken == [None] * 10


async def test_other_services_can_neither_seal_nor_empty_the_queue(databases: Databases) -> None:
    await enter(databases, acts=1)
    async with databases.superuser() as connection:
        for service in ("card_ingest", "clawback"):
            await connection.execute(f"SET ROLE direct_payments_{service}")
            for statement in ("DELETE FROM unsealed_entry", "INSERT INTO unsealed_entry VALUES ('acts', 99)"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
            await connection.execute("RESET ROLE")
