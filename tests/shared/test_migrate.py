"""Making a database ready: roles, passwords, rights on the database, and several migrations at once."""

import asyncio
import base64
import hashlib
import hmac
import traceback
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from services.shared import database, driver, embedded, migrate, schema_names
from services.shared.migrate import MigrationRefusedError, NoAdminAddressError
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from tests import databases as test_databases
from tests.databases import Databases


@pytest.fixture
def empty(server: embedded.Server, tmp_path: Path) -> Settings:
    """Settings of a new database with nothing in it, for a council that the cluster does not know yet."""
    name = f"test_{uuid4().hex}"
    embedded.create_database_if_missing(server, database=name)
    return test_databases.settings_for(server, name=name, data_dir=tmp_path, schema=f"council_{name[-8:]}")


def database_name(settings: Settings) -> str:
    assert settings.database_url is not None
    return str(driver.driver_address(settings.database_url.get_secret_value()).database)


def proves(verifier: str, password: str) -> bool:
    _, counted, keys = verifier.split("$")
    iterations, salt = counted.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return keys.split(":")[0] == base64.b64encode(stored).decode()


async def test_several_migrations_at_once_make_one_schema(empty: Settings) -> None:
    await asyncio.gather(*(migrate.migrate(empty) for _ in range(3)))
    own = await database.connect(empty, service=Service.CARD_INGEST)
    assert await migrate.version(own) == migrate.head()
    await own.close()


async def test_a_migration_that_fails_leaves_nothing(empty: Settings) -> None:
    with pytest.raises(Exception, match="no_such_version"):
        await migrate.migrate(empty, revision="no_such_version")
    async with test_databases.superuser(empty) as connection:
        assert await connection.fetchval("SELECT to_regnamespace($1)", empty.schema_name) is None
        assert (
            await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname LIKE $1", f"{empty.schema_name}%")
            == 0
        )


async def test_a_database_that_lost_its_tables_has_no_version(databases: Databases) -> None:
    async with databases.superuser() as connection:
        await connection.execute("DROP TABLE direct_payments.alembic_version")
    assert await migrate.version(databases.dp_api) is None


async def test_each_service_gets_its_own_password(empty: Settings) -> None:
    words = {service: f"word of {service.value} ü" for service in Service}
    given = {f"database_password_{service.value}": SecretStr(word) for service, word in words.items()}
    await migrate.migrate(empty.model_copy(update=given))
    async with test_databases.superuser(empty) as connection:
        for service, word in words.items():
            role = f"{empty.schema_name}_{service.value}"
            verifier = await connection.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = $1", role)
            assert proves(verifier, word)


async def test_no_service_changes_the_schema(databases: Databases) -> None:
    for service in Service:
        async with databases.of(service).engine.connect() as connection:
            with pytest.raises(Exception, match="permission denied for schema"):
                await connection.exec_driver_sql("CREATE TABLE mine (id int)")
            await connection.rollback()
            with pytest.raises(Exception, match="must be owner of table"):
                await connection.exec_driver_sql("ALTER TABLE audit_entry DISABLE TRIGGER ALL")


async def test_a_councils_database_needs_an_admin_address(settings: Settings) -> None:
    with pytest.raises(NoAdminAddressError, match="DP_DATABASE_ADMIN_URL"):
        await migrate.migrate(settings.model_copy(update={"database_admin_url": None}))


async def test_an_admin_who_is_no_superuser_can_migrate(empty: Settings, server: embedded.Server) -> None:
    name, admin = database_name(empty), f"admin_{uuid4().hex[:8]}"
    async with test_databases.superuser(empty) as connection:
        await connection.execute(f"CREATE ROLE {admin} LOGIN CREATEROLE")
        await connection.execute(f"ALTER DATABASE {name} OWNER TO {admin}")
    as_admin = empty.model_copy(update={"database_admin_url": SecretStr(server.url(admin, name))})
    await migrate.migrate(as_admin)
    await migrate.migrate(as_admin)
    own = await database.connect(empty, service=Service.CLAWBACK)
    assert await migrate.version(own) == migrate.head()
    await own.close()


async def test_only_those_who_stage_rows_may_make_temporary_tables(empty: Settings) -> None:
    await migrate.migrate(empty)
    async with test_databases.superuser(empty) as connection:
        for service in (Service.CARD_INGEST, Service.CLAWBACK):
            await connection.execute(f"SET ROLE {empty.schema_name}_{service.value}")
            await connection.execute(f"CREATE TEMPORARY TABLE {service.value}_stage (id int)")
            await connection.execute("RESET ROLE")
        await connection.execute(f"SET ROLE {empty.schema_name}_dp_api")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TEMPORARY TABLE mine (id int)")


async def test_a_schema_made_beforehand_is_taken_over(empty: Settings, server: embedded.Server) -> None:
    name, admin = database_name(empty), f"admin_{uuid4().hex[:8]}"
    async with test_databases.superuser(empty) as connection:
        await connection.execute(f"CREATE ROLE {admin} LOGIN CREATEROLE")
        await connection.execute(f"ALTER DATABASE {name} OWNER TO {admin}")
        await connection.execute(f"CREATE SCHEMA {empty.schema_name} AUTHORIZATION {admin}")
    await migrate.migrate(empty.model_copy(update={"database_admin_url": SecretStr(server.url(admin, name))}))
    for service in Service:
        own = await database.connect(empty, service=service)
        assert await migrate.version(own) == migrate.head()
        await own.close()
    async with test_databases.superuser(empty) as connection:
        question = "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = $1"
        assert await connection.fetchval(question, empty.schema_name) == f"{empty.schema_name}_owner"


async def test_a_grant_that_went_missing_is_made_good(empty: Settings) -> None:
    await migrate.migrate(empty)
    async with test_databases.superuser(empty) as connection:
        await connection.execute(f"REVOKE ALL ON SCHEMA {empty.schema_name} FROM {empty.schema_name}_dp_api")
    await migrate.migrate(empty)
    own = await database.connect(empty, service=Service.DP_API)
    assert await migrate.version(own) == migrate.head()
    await own.close()


async def test_others_go_on_connecting_to_the_database(empty: Settings, server: embedded.Server) -> None:
    other = f"other_{uuid4().hex[:8]}"
    async with test_databases.superuser(empty) as connection:
        await connection.execute(f"CREATE ROLE {other} LOGIN")
    await migrate.migrate(empty)
    as_other = empty.model_copy(update={"database_admin_url": SecretStr(server.url(other, database_name(empty)))})
    async with test_databases.superuser(as_other) as connection:
        assert await connection.fetchval("SELECT current_user") == other


async def test_a_refused_password_shows_neither_itself_nor_its_verifier(
    empty: Settings, server: embedded.Server
) -> None:
    name, admin = database_name(empty), f"admin_{uuid4().hex[:8]}"
    await migrate.migrate(empty)
    async with test_databases.superuser(empty) as connection:
        await connection.execute(f"CREATE ROLE {admin} LOGIN")
        await connection.execute(f"GRANT {empty.schema_name}_owner TO {admin}")
    given = {
        "database_admin_url": SecretStr(server.url(admin, name)),
        "database_password_dp_api": SecretStr("a long enough password"),
    }
    with pytest.raises(MigrationRefusedError) as refused:
        await migrate.migrate(empty.model_copy(update=given))
    assert str(refused.value) == "PostgreSQL refused the migration: SQLSTATE 42501 (permission denied to alter role)"
    chain = "".join(traceback.format_exception(refused.value))
    assert "SCRAM" not in chain
    assert "a long enough password" not in chain


async def test_a_refused_connection_is_one_line(empty: Settings, server: embedded.Server) -> None:
    nobody = empty.model_copy(update={"database_admin_url": SecretStr(server.url("nobody_we_know", "postgres"))})
    with pytest.raises(MigrationRefusedError, match=r"^PostgreSQL refused the migration: SQLSTATE 28000$"):
        await migrate.migrate(nobody)


async def test_every_word_that_postgresql_reserves_is_refused_as_a_schema(settings: Settings) -> None:
    async with test_databases.superuser(settings) as connection:
        rows = await connection.fetch("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")
    assert {row["word"] for row in rows} <= schema_names.RESERVED
