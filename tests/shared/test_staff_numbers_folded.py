"""The upgrade that brings every stored staff number to one spelling, or stops and says which ones stand in its way."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.shared import driver, migrate
from services.shared.migrate import MigrationRefusedError
from services.shared.settings.installation import Settings
from tests import databases as test_databases

BEFORE = "0011"


@pytest.fixture
async def before(settings: Settings) -> AsyncIterator[driver.Connection]:
    """The superuser's connection to a database that stands before the upgrade."""
    await migrate.downgrade(settings, revision=BEFORE)
    async with test_databases.superuser(settings) as connection:
        yield connection


async def add_member(connection: driver.Connection, number: str) -> None:
    await connection.execute("INSERT INTO staff_member VALUES ($1, 'Ada Example', true, 1, now())", number)


async def add_decision(connection: driver.Connection, *, proposed_by: str, decided_by: str) -> None:
    await connection.execute("SET session_replication_role = replica")  # No row has to wait for it.
    await connection.execute(
        "INSERT INTO quarantine_resolution (id, quarantined_row_id, resolution, reason, proposed_by, proposed_at,"
        " status, decided_by, decided_at) VALUES"
        " (gen_random_uuid(), gen_random_uuid(), 'no_money', 'x', $1, now(), 'confirmed', $2, now())",
        proposed_by,
        decided_by,
    )


async def test_what_only_needs_folding_is_folded_everywhere_it_may_be_changed(
    before: driver.Connection, settings: Settings
) -> None:
    await add_member(before, "fa4001")
    await before.execute("INSERT INTO team VALUES ('west', 'West')")
    await before.execute("INSERT INTO staff_login VALUES ('urn:x', 'oid-1', 'fa4001')")
    await before.execute("INSERT INTO staff_team VALUES ('fa4001', 'west')")
    await add_decision(before, proposed_by="fa4001", decided_by="FA4002")
    await before.execute(
        "INSERT INTO audit_entry (at, service, actor, actor_role, action, outcome, subject_kind, subject_id, changes)"
        " VALUES (now(), 'dp_api', 'fa4001', 'auditor', 'x', 'done', 'x', 'x', '{}')"
    )
    await migrate.migrate(settings)
    assert await before.fetchval("SELECT staff_number FROM staff_member") == "FA4001"
    assert (
        await before.fetchval("SELECT staff_number FROM staff_login JOIN staff_team USING (staff_number)") == "FA4001"
    )
    found = await before.fetchrow("SELECT proposed_by, decided_by FROM quarantine_resolution")
    assert tuple(found or ()) == ("FA4001", "FA4002")
    assert await before.fetchval("SELECT actor FROM audit_entry WHERE action = 'x'") == "fa4001"
    for table in ("staff_login", "staff_team"):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await before.execute(f"SET session_replication_role = origin; UPDATE {table} SET staff_number = 'NOBODY'")


async def test_numbers_that_fold_together_stop_the_upgrade_with_a_list(
    before: driver.Connection, settings: Settings
) -> None:
    for number in ("fa4001", "FA4001", "j.doe"):
        await add_member(before, number)
    await add_decision(before, proposed_by="cw1", decided_by="CW1")
    with pytest.raises(MigrationRefusedError) as refused:
        await migrate.migrate(settings)
    words = str(refused.value)
    assert "FA4001 is written as 'FA4001' in staff_member.staff_number; as 'fa4001' in staff_member" in words
    assert (
        "CW1 is written as 'cw1' in quarantine_resolution.proposed_by; as 'CW1' in quarantine_resolution.decid" in words
    )
    assert "'j.doe' in staff_member.staff_number is not" in words
    assert await before.fetchval("SELECT version_num FROM alembic_version") == BEFORE
    assert await before.fetchval("SELECT count(*) FROM staff_member WHERE staff_number = 'fa4001'") == 1


@pytest.mark.parametrize("spelling", ["fa4001", "FA4001 ", "machine:x", "\uff261"])
async def test_no_other_spelling_can_be_stored(settings: Settings, spelling: str) -> None:
    async with test_databases.superuser(settings) as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="staff_number_is_folded"):
            await add_member(connection, spelling)
        for proposed_by, decided_by in ((spelling, "FA4002"), ("FA4002", spelling)):
            with pytest.raises(asyncpg.CheckViolationError, match="_person"):
                await add_decision(connection, proposed_by=proposed_by, decided_by=decided_by)
