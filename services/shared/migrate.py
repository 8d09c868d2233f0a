"""Brings a database to the newest schema: its roles, its schema, and Alembic's versions as the owner role.

Everything happens in one transaction under one lock: a migration that fails leaves nothing behind, and of two at once
the second finds the work done.
"""

import asyncio
import base64
import hashlib
import hmac
import os
import unicodedata
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.shared import ciphers, database, database_errors, driver, embedded, key_checks
from services.shared.settings.installation import Settings
from services.shared.setup_error import SetupError
from services.shared.vocabulary.records import Service

VERSIONS: Final = Path(__file__).resolve().parents[2] / "migrations"
TEMPORARY_TABLES: Final = (Service.CARD_INGEST, Service.CLAWBACK)

# Any number, the same for every installation: only the holders of this lock make roles and run versions.
_LOCK: Final = 4_027_431_114
_ITERATIONS: Final = 4096


class NoAdminAddressError(SetupError):
    """There is a `DP_DATABASE_URL` but no `DP_DATABASE_ADMIN_URL`, and a service's role may not change the schema."""


class MigrationRefusedError(SetupError):
    """PostgreSQL refused a step: the text has its SQLSTATE, and its words where they cannot carry a value."""


async def migrate(settings: Settings, *, revision: str = "head") -> None:
    """Make what is missing of roles and schema, and upgrade to the revision; a second time it changes nothing.

    Raises key_checks.LostKeyError, and changes nothing, where the keys are not those that records were stored with.
    """
    async with as_owner(settings) as connection:
        await connection.run_sync(_upgrade, settings.schema_name, revision)
        if settings.encryption_keys.get_secret_value():
            own = await driver.of(connection)
            await key_checks.require(own, ciphers.from_settings(settings), settings=settings)


async def downgrade(settings: Settings, *, revision: str) -> None:
    """Take versions back down to the revision (`base` is an empty schema); for developers and tests."""
    async with as_owner(settings) as connection:
        await connection.run_sync(_downgrade, settings.schema_name, revision)


def head() -> str:
    """Return the newest version that this software carries."""
    return ScriptDirectory(str(VERSIONS)).get_current_head() or ""


async def version(own: database.Database) -> str | None:
    """Return the version that the database stands at, None where it was never migrated; for readiness."""
    async with own.engine.connect() as connection:
        if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
            return None
        found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


@asynccontextmanager
async def as_owner(settings: Settings) -> AsyncGenerator[AsyncConnection]:
    """Open one locked transaction as the schema's owner, with roles and schema made if missing; a clean end commits.

    Raises MigrationRefusedError where PostgreSQL refuses the connection or a statement.
    """
    bare, tls = driver.with_tls(await _admin_address(settings))
    engine = create_async_engine(
        bare, poolclass=NullPool, hide_parameters=True, connect_args={"timeout": driver.CONNECT_SECONDS, **tls}
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await _make_roles(connection, settings)
            await _make_schema(connection, settings)
            await connection.exec_driver_sql(f"SET LOCAL ROLE {_owner(settings)}")
            await connection.exec_driver_sql(f"SET LOCAL search_path = {settings.schema_name}")
            yield connection
    except (DBAPIError, asyncpg.PostgresError) as error:
        raise MigrationRefusedError(_refusal(error)) from None
    except (OSError, ExceptionGroup, asyncpg.InterfaceError):
        raise MigrationRefusedError(
            "the database's server cannot be reached, or went away: nothing was changed"
        ) from None
    finally:
        await engine.dispose()


def _refusal(error: DBAPIError | asyncpg.PostgresError) -> str:
    """Return a refusal in one line; only the words of class 42 (rights and names) are sure to carry no value."""
    state = database_errors.sqlstate_of(error)
    words = database_errors.message_of(error) if state and state.startswith("42") else ""
    return f"PostgreSQL refused the migration: SQLSTATE {state}" + (f" ({words})" if words else "")


async def _admin_address(settings: Settings) -> URL:
    if settings.database_admin_url is not None:
        return driver.driver_address(settings.database_admin_url.get_secret_value())
    if settings.database_url is not None:
        raise NoAdminAddressError("set DP_DATABASE_ADMIN_URL: the address of a role that may create roles and schemas")
    server = await asyncio.to_thread(embedded.start, settings.data_dir)
    await asyncio.to_thread(embedded.create_database_if_missing, server)
    return make_url(server.url("postgres"))


async def _make_roles(connection: AsyncConnection, settings: Settings) -> None:
    """Make the owner and the three services' roles. They belong to the cluster, so another database may have them."""
    await _make_role(connection, _owner(settings), login="NOLOGIN")
    for service in Service:
        role = database.role_name(settings, service)
        await _make_role(connection, role, login="LOGIN")
        password = database.password(settings, service)
        if password is not None:
            await _set_password(connection, role, verifier=_verifier(password))
    may_become = text(
        "SELECT pg_has_role(current_user, CAST(:role AS name), 'SET')"
        " AND pg_has_role(current_user, CAST(:role AS name), 'USAGE')"
    )
    if not await connection.scalar(may_become, {"role": _owner(settings)}):
        await connection.exec_driver_sql(f"GRANT {_owner(settings)} TO CURRENT_USER")


async def _make_role(connection: AsyncConnection, role: str, *, login: str) -> None:
    if await connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}) is None:
        # Another database of the cluster has a lock of its own and may be making the same role.
        await connection.exec_driver_sql(
            f"DO $$ BEGIN CREATE ROLE {role} {login};"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )


async def _set_password(connection: AsyncConnection, role: str, *, verifier: str) -> None:
    """Set a role's password; the verifier stands in no statement, so that no error or log can repeat it."""
    await connection.execute(text("SELECT set_config('dp.verifier', :verifier, true)"), {"verifier": verifier})
    await connection.exec_driver_sql(
        f"DO $$ BEGIN EXECUTE format('ALTER ROLE {role} PASSWORD %L', current_setting('dp.verifier'));"
        " EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLERRM; END $$"
    )
    await connection.execute(text("SELECT set_config('dp.verifier', '', true)"))


async def _make_schema(connection: AsyncConnection, settings: Settings) -> None:
    """Make the schema, or take over one that was made beforehand, and grant what the services need to enter."""
    schema, owner = settings.schema_name, _owner(settings)
    question = text("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = :schema")
    found = await connection.scalar(question, {"schema": schema})
    if found is None:
        await connection.exec_driver_sql(f"CREATE SCHEMA {schema} AUTHORIZATION {owner}")
    elif found != owner:
        await connection.exec_driver_sql(f"ALTER SCHEMA {schema} OWNER TO {owner}")
    name = await connection.scalar(text("SELECT quote_ident(current_database())"))
    # Others may have their own schemas here, and go on connecting.
    await connection.exec_driver_sql(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    for service in Service:
        role = database.role_name(settings, service)
        rights = "CONNECT, TEMPORARY" if service in TEMPORARY_TABLES else "CONNECT"
        await connection.exec_driver_sql(f"GRANT {rights} ON DATABASE {name} TO {role}")
        await connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {role}")


def _verifier(password: str) -> str:
    """Return what PostgreSQL stores of a password (SCRAM-SHA-256, RFC 5803), so that it is not sent itself."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", unicodedata.normalize("NFKC", password).encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def _owner(settings: Settings) -> str:
    return f"{settings.schema_name}_owner"


def _configuration(connection: Connection, schema: str) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(VERSIONS))
    configuration.attributes |= {"connection": connection, "schema": schema}
    return configuration


def _upgrade(connection: Connection, schema: str, revision: str) -> None:
    command.upgrade(_configuration(connection, schema), revision)


def _downgrade(connection: Connection, schema: str, revision: str) -> None:
    command.downgrade(_configuration(connection, schema), revision)
