"""The two sessions: what commits, what is rolled back, what is refused, and what an error may tell."""

import asyncio
import logging
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, select, text, update

from services.shared import audit, database, driver, errors
from services.shared.audit import Subject
from services.shared.database import Database, IntegrityTrouble, Overtaken, UnauditedWrite
from services.shared.guarded_sessions import ReadOnlyError
from services.shared.identity.actor import machine
from services.shared.settings import unsafe
from services.shared.settings.unsafe import UnsafeSettingsError
from services.shared.tables.people import MoneyManager
from services.shared.tables.staff import Team
from services.shared.vocabulary.records import Service
from tests.databases import Databases

ACTOR = machine("command_line", Service.DP_API)
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


async def add_team(own: Database, code: str, *, name: str = "Hinckley") -> None:
    async with own.write(actor=ACTOR) as session:
        session.add(Team(code=code, name=name))
        await audit.record(session, action="set_team", subject=Subject("team", code))


async def copy_team(own: Database, *, is_audited: bool = True, failure: Exception | None = None) -> None:
    async with own.write(actor=ACTOR) as session:
        connection = await database.raw(session)
        await connection.copy_records_to_table("team", records=[("hinckley", "Hinckley")], columns=["code", "name"])
        if is_audited:
            await audit.record(session, action="set_team", subject=Subject("team", "hinckley"), digest=b"rows")
        if failure:
            raise failure


async def teams(own: Database) -> list[str]:
    async with own.read() as session:
        return list(await session.scalars(select(Team.code).order_by(Team.code)))


async def test_an_audited_write_commits_at_the_end_of_its_unit(databases: Databases) -> None:
    await add_team(databases.dp_api, "hinckley")
    assert await teams(databases.card_ingest) == ["hinckley"]


async def test_an_orm_write_without_audit_does_not_commit(databases: Databases) -> None:
    with pytest.raises(UnauditedWrite):
        async with databases.dp_api.write(actor=ACTOR) as session:
            session.add(Team(code="hinckley", name="Hinckley"))
    assert await teams(databases.dp_api) == []


async def test_a_core_write_without_audit_does_not_commit(databases: Databases) -> None:
    with pytest.raises(UnauditedWrite):
        async with databases.dp_api.write(actor=ACTOR) as session:
            await session.execute(insert(Team), {"code": "hinckley", "name": "Hinckley"})
    assert await teams(databases.dp_api) == []


async def test_a_raw_copy_without_audit_does_not_commit(databases: Databases) -> None:
    with pytest.raises(UnauditedWrite):
        await copy_team(databases.dp_api, is_audited=False)
    assert await teams(databases.dp_api) == []


async def test_a_copy_is_rolled_back_with_its_unit(databases: Databases) -> None:
    with pytest.raises(ZeroDivisionError):
        await copy_team(databases.dp_api, failure=ZeroDivisionError())
    assert await teams(databases.dp_api) == []


async def test_an_audited_copy_commits(databases: Databases) -> None:
    await copy_team(databases.dp_api)
    assert await teams(databases.dp_api) == ["hinckley"]


async def test_an_audit_mark_rolled_back_to_a_savepoint_is_none(databases: Databases) -> None:
    async def write_after_a_rolled_back_entry() -> None:
        async with databases.dp_api.write(actor=ACTOR) as session:
            savepoint = await session.begin_nested()
            await audit.record(session, action="set_team", subject=Subject("team", "hinckley"))
            await savepoint.rollback()
            session.add(Team(code="hinckley", name="Hinckley"))

    with pytest.raises(UnauditedWrite):
        await write_after_a_rolled_back_entry()
    assert await teams(databases.dp_api) == []


async def test_a_write_session_that_changed_nothing_needs_no_audit(databases: Databases) -> None:
    async with databases.dp_api.write(actor=ACTOR) as session:
        assert await session.scalar(select(Team.code)) is None
    async with databases.dp_api.write(actor=ACTOR):
        pass


async def test_a_read_session_refuses_new_changed_and_deleted_objects(databases: Databases) -> None:
    await add_team(databases.dp_api, "hinckley")
    with pytest.raises(ReadOnlyError):
        async with databases.dp_api.read() as session:
            session.add(Team(code="melton", name="Melton"))
    with pytest.raises(ReadOnlyError):
        async with databases.dp_api.read() as session:
            (await session.get_one(Team, "hinckley")).name = "Other"
    with pytest.raises(ReadOnlyError):
        async with databases.dp_api.read() as session:
            await session.delete(await session.get_one(Team, "hinckley"))
    assert await teams(databases.dp_api) == ["hinckley"]


@pytest.mark.parametrize(
    "change", [insert(Team).values(code="a", name="A"), update(Team).values(name=""), delete(Team)]
)
async def test_a_read_session_refuses_statements_that_change_rows(databases: Databases, change: object) -> None:
    with pytest.raises(ReadOnlyError):
        async with databases.dp_api.read() as session:
            await session.execute(change)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO team (code, name) VALUES ('a', 'A')",
        "  update team SET name = ''",
        "-- a question?\nDELETE FROM team",
        "WITH gone AS (DELETE FROM team RETURNING code) SELECT code FROM gone",
        "LOCK TABLE team",
        "CALL anything()",
    ],
)
async def test_a_read_session_refuses_text_that_is_no_question(databases: Databases, change: str) -> None:
    with pytest.raises(ReadOnlyError):
        async with databases.dp_api.read() as session:
            await session.execute(text(change))


async def test_a_read_session_takes_a_question_as_text(databases: Databases) -> None:
    async with databases.dp_api.read() as session:
        for question in ("SELECT 1", "(select 1)", "WITH one AS (SELECT 1) TABLE one", "\n  VALUES (1)"):
            await session.execute(text(question))


async def test_one_question_in_one_trip_stands_in_no_transaction(databases: Databases) -> None:
    async with databases.dp_api.read() as session:
        assert [row["one"] for row in await database.once(session, "SELECT $1::int AS one", 1)] == [1]
        assert not (await driver.of(await session.connection())).is_in_transaction()


async def test_a_unique_key_leaves_as_a_conflict_that_names_the_constraint_alone(
    databases: Databases, caplog: pytest.LogCaptureFixture
) -> None:
    await add_team(databases.dp_api, "hinckley")
    with caplog.at_level(logging.DEBUG), pytest.raises(IntegrityTrouble) as trouble:
        await add_team(databases.dp_api, "hinckley", name="Somebody's name")
    assert trouble.value.constraint == trouble.value.code == "pk_team"
    assert trouble.value.__suppress_context__
    assert "hinckley" not in str(trouble.value)
    assert "Somebody" not in caplog.text


async def test_any_other_database_error_leaves_without_values(databases: Databases) -> None:
    with pytest.raises(database.DatabaseTroubleError) as trouble:
        async with databases.dp_api.read() as session:
            await session.execute(text("SELECT CAST(CAST(:name AS text) AS integer)"), {"name": "Ann Smith"})
    assert trouble.value.sqlstate == "22P02"
    assert "Ann" not in str(trouble.value)


async def test_a_service_writes_no_table_of_another(databases: Databases) -> None:
    with pytest.raises(database.DatabaseTroubleError, match="42501"):
        await add_team(databases.clawback, "hinckley")


async def test_an_amended_version_is_stale(databases: Databases) -> None:
    async def rename(name: str, *, meanwhile: str | None) -> None:
        async with databases.dp_api.write(actor=ACTOR) as session:
            manager = await session.get_one(MoneyManager, key)
            if meanwhile:
                await rename(meanwhile, meanwhile=None)
            manager.name = name
            await audit.record(session, action="amend", subject=Subject("money_manager", str(key)))

    key = uuid4()
    async with databases.dp_api.write(actor=ACTOR) as session:
        session.add(MoneyManager(id=key, name="A", weekly_fee_pence=1_000, version=1, created_at=AT, updated_at=AT))
        await audit.record(session, action="register_money_manager", subject=Subject("money_manager", str(key)))
    with pytest.raises(errors.Stale):
        await rename("B", meanwhile="C")


async def test_a_deadlock_is_repeated_until_it_passes(databases: Databases) -> None:
    for code in ("a", "b"):
        await add_team(databases.dp_api, code)
    attempts = 0
    both_hold_one = asyncio.Barrier(2)

    async def touch(first: str, second: str, *, name: str) -> None:
        nonlocal attempts
        attempts += 1
        async with databases.dp_api.write(actor=ACTOR) as session:
            await session.execute(update(Team).where(Team.code == first).values(name=name))
            if attempts <= 2:
                await both_hold_one.wait()
            await session.execute(update(Team).where(Team.code == second).values(name=name))
            await audit.record(session, action="set_team", subject=Subject("team", name))

    await asyncio.gather(
        database.on_transient(lambda: touch("a", "b", name="one")),
        database.on_transient(lambda: touch("b", "a", name="two")),
    )
    assert attempts == 3
    async with databases.dp_api.read() as session:
        assert len(set(await session.scalars(select(Team.name)))) == 1


async def test_what_is_not_transient_is_done_once() -> None:
    attempts = 0

    async def fail() -> None:
        nonlocal attempts
        attempts += 1
        raise Overtaken("55P03")

    with pytest.raises(Overtaken):
        await database.on_transient(fail)
    assert attempts == 1


async def test_each_connection_is_set_for_the_work(databases: Databases) -> None:
    times = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    names = ("search_path", *times, "TimeZone", "jit")
    async with databases.clawback.read() as session:
        found = {name: await session.scalar(text(f"SHOW {name}")) for name in names}
        assert await session.scalar(text("SELECT current_user")) == "direct_payments_clawback"
        assert await session.scalar(text("SHOW application_name")) == "direct_payments_clawback"
    assert list(found.values()) == ["direct_payments", "30s", "5s", "1min", "UTC", "off"]


async def test_a_connection_that_died_while_idle_is_replaced(databases: Databases) -> None:
    async with databases.dp_api.read() as session:
        process = await session.scalar(text("SELECT pg_backend_pid()"))
    async with databases.superuser() as connection:
        await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", process)
    async with databases.dp_api.read() as session:
        assert await session.scalar(text("SELECT pg_backend_pid()")) != process


async def test_production_refuses_a_server_that_may_lose_what_it_committed(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = databases.settings.model_copy(update={"environment": "production"})
    monkeypatch.setattr(unsafe, "unsafe_settings", lambda _settings: [])
    await (await database.connect(production, service=Service.DP_API)).close()
    async with databases.superuser() as connection:
        await connection.execute("ALTER ROLE direct_payments_dp_api SET synchronous_commit = off")
    try:
        with pytest.raises(UnsafeSettingsError, match="synchronous_commit is off"):
            await database.connect(production, service=Service.DP_API)
    finally:
        async with databases.superuser() as connection:
            await connection.execute("ALTER ROLE direct_payments_dp_api RESET synchronous_commit")
