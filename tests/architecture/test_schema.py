"""The schema as migrated is the one that is committed and the one that the tables describe, on either PostgreSQL."""

import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, NullPool
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import CreateSchema

from services.shared import database, driver, embedded, migrate
from services.shared.settings.installation import Settings
from services.shared.tables import schema
from services.shared.vocabulary.records import Service
from tests import databases as test_databases
from tests.architecture import schema_dump
from tests.databases import Databases

NOT_IN_THE_TABLES = ("CREATE TRIGGER", "GRANT", "REVOKE", "ALTER DEFAULT PRIVILEGES")


@pytest.fixture(scope="module")
def server_16(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    started = embedded.start(tmp_path_factory.mktemp("server_16"), major=16)
    yield started
    embedded.stop(started)


def name_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return str(driver.driver_address(settings.database_url.get_secret_value()).database)


def test_the_migrated_schema_is_the_committed_one(server: embedded.Server, template: str) -> None:
    found = schema_dump.dumped(server, database=template)
    assert found == schema_dump.COMMITTED.read_text(), (
        "read the difference, then python -m tests.architecture.schema_dump"
    )


async def test_the_tables_describe_the_migrated_schema_to_the_last_check(
    server: embedded.Server, template: str, settings: Settings
) -> None:
    async with test_databases.superuser(settings) as connection:
        await connection.execute(f"DROP SCHEMA {settings.schema_name} CASCADE")
    engine = create_async_engine(server.url("postgres", name_of(settings)), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(CreateSchema(settings.schema_name))
        await connection.exec_driver_sql(f"SET LOCAL search_path = {settings.schema_name}")
        await connection.run_sync(schema.METADATA.create_all)
    described = schema_dump.dumped(server, database=name_of(settings))
    assert tables_only(schema_dump.dumped(server, database=template)) == tables_only(described)


def tables_only(dump: str) -> list[str]:
    without_functions = re.sub(r"CREATE FUNCTION.*?\$\$.*?\$\$;\n", "", dump, flags=re.DOTALL)
    return [
        statement
        for statement in schema_dump.statements(without_functions)
        if not statement.startswith(NOT_IN_THE_TABLES)
        and "OWNER TO" not in statement
        and "alembic_version" not in statement
    ]


async def test_alembic_finds_no_drift(databases: Databases) -> None:
    def drift(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, schema.METADATA)

    async with databases.dp_api.engine.connect() as connection:
        found = await connection.run_sync(drift)
    assert found == []


async def test_up_down_up_leads_back_to_the_same_schema(server: embedded.Server, settings: Settings) -> None:
    before = schema_dump.dumped(server, database=name_of(settings))
    await migrate.downgrade(settings, revision="base")
    async with test_databases.superuser(settings) as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", settings.schema_name)
        functions = await connection.fetchval(
            "SELECT count(*) FROM pg_proc WHERE pronamespace = $1::text::regnamespace", settings.schema_name
        )
    assert [row["tablename"] for row in tables] == ["alembic_version"]
    assert functions == 0
    await migrate.migrate(settings)
    assert schema_dump.dumped(server, database=name_of(settings)) == before


async def test_a_second_migration_changes_nothing(server: embedded.Server, settings: Settings) -> None:
    before = schema_dump.dumped(server, database=name_of(settings))
    await migrate.migrate(settings)
    assert schema_dump.dumped(server, database=name_of(settings)) == before


async def test_the_versions_run_on_postgresql_16_too(server_16: embedded.Server) -> None:
    settings = schema_dump.settings_of(server_16)
    await migrate.migrate(settings)
    await migrate.downgrade(settings, revision="base")
    await migrate.migrate(settings)
    own = await database.connect(settings, service=Service.DP_API)
    assert await migrate.version(own) == migrate.head()
    await own.close()


async def test_two_councils_stand_side_by_side_in_one_database(
    server: embedded.Server, settings: Settings, tmp_path: Path
) -> None:
    other = test_databases.settings_for(server, name=name_of(settings), data_dir=tmp_path, schema="another_council")
    await migrate.migrate(other)
    async with test_databases.superuser(settings) as connection:
        await connection.execute("SET ROLE another_council_dp_api")
        await connection.execute("INSERT INTO another_council.team VALUES ('melton', 'Melton')")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM direct_payments.team")
        await connection.execute("SET ROLE direct_payments_dp_api")
        assert await connection.fetchval("SELECT count(*) FROM direct_payments.team") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM another_council.team")
