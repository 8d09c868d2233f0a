"""Every table has one writing service, held by the database, and nothing takes back what is append-only."""

import asyncpg
import pytest
from sqlalchemy import Table

from services.shared.tables import schema
from services.shared.tables.base import grants
from services.shared.vocabulary.records import Service
from tests.databases import Databases

TABLES = sorted(schema.METADATA.tables.values(), key=lambda table: table.name)
APPEND_ONLY = [table for table in TABLES if table.info["append_only"]]
CHANGES = ("UPDATE {table} SET {column} = {column}", "DELETE FROM {table}", "TRUNCATE {table} CASCADE")
# A batch's number stands in each of its rows, so that it is drawn before the batch itself is written.
DRAWN = {("feed_batch_number_seq", "direct_payments_card_ingest", "USAGE")}
HELD = """
    SELECT tables.relname AS name, coalesce(roles.rolname, 'PUBLIC') AS role, held.privilege_type AS privilege
    FROM pg_class AS tables CROSS JOIN aclexplode(tables.relacl) AS held
    LEFT JOIN pg_roles AS roles ON roles.oid = held.grantee
    WHERE tables.relnamespace = 'direct_payments'::regnamespace AND tables.relkind IN ('r', 'S', 'v', 'm', 'p')
"""


def name_of(table: Table) -> str:
    return table.name


async def test_each_service_holds_exactly_what_its_tables_say(databases: Databases) -> None:
    async with databases.superuser() as connection:
        rows = await connection.fetch(HELD)
    held = {(row["name"], row["role"], row["privilege"]) for row in rows if row["role"] != "direct_payments_owner"}
    described = {
        (table.name, f"direct_payments_{service}", privilege)
        for table in TABLES
        for service in Service
        for privilege in grants(table.info, service)
    }
    version = {("alembic_version", f"direct_payments_{service}", "SELECT") for service in Service}
    assert held == described | version | DRAWN


async def test_no_single_column_is_granted_apart(databases: Databases) -> None:
    async with databases.superuser() as connection:
        rows = await connection.fetch(
            "SELECT attrelid::regclass FROM pg_attribute AS columns JOIN pg_class AS tables ON tables.oid = attrelid"
            " WHERE relnamespace = 'direct_payments'::regnamespace AND attacl IS NOT NULL"
        )
    assert rows == []


async def test_nothing_is_open_to_everybody(databases: Databases) -> None:
    async with databases.superuser() as connection:
        functions = await connection.fetch(
            "SELECT proname FROM pg_proc CROSS JOIN aclexplode(coalesce(proacl, acldefault('f', proowner))) AS held"
            " WHERE pronamespace = 'direct_payments'::regnamespace AND held.grantee = 0"
        )
        schemas = await connection.fetch(
            "SELECT held.privilege_type FROM pg_namespace CROSS JOIN aclexplode(nspacl) AS held"
            " WHERE nspname = 'direct_payments' AND held.grantee = 0"
        )
    assert (functions, schemas) == ([], [])


async def test_the_owner_owns_everything_and_no_service_can_become_it(databases: Databases) -> None:
    async with databases.superuser() as connection:
        owners = await connection.fetch(
            "SELECT DISTINCT tableowner::text AS owner FROM pg_tables WHERE schemaname = 'direct_payments'"
        )
        roles = await connection.fetch(
            "SELECT rolname::text AS name, rolcanlogin,"
            " rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls AS is_mighty,"
            " pg_has_role(rolname, 'direct_payments_owner', 'MEMBER') AS is_owner"
            " FROM pg_roles WHERE rolname LIKE 'direct\\_payments\\_%' ORDER BY rolname"
        )
    assert [row["owner"] for row in owners] == ["direct_payments_owner"]
    assert [tuple(row) for row in roles] == [
        ("direct_payments_card_ingest", True, False, False),
        ("direct_payments_clawback", True, False, False),
        ("direct_payments_dp_api", True, False, False),
        ("direct_payments_owner", False, False, True),
    ]


@pytest.mark.parametrize("table", APPEND_ONLY, ids=name_of)
async def test_an_append_only_table_takes_nothing_back(databases: Databases, table: Table) -> None:
    column = next(column.name for column in table.columns if column.identity is None)
    async with databases.superuser() as connection:
        for change in CHANGES:
            statement = change.format(table=table.name, column=column)
            for service in Service:
                await connection.execute(f"SET ROLE direct_payments_{service}")
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
            for almighty in ("SET ROLE direct_payments_owner", "RESET ROLE"):
                await connection.execute(almighty)
                with pytest.raises(asyncpg.RestrictViolationError, match="append_only"):
                    await connection.execute(statement)


async def test_a_table_that_is_not_append_only_has_no_such_trigger(databases: Databases) -> None:
    async with databases.superuser() as connection:
        rows = await connection.fetch(
            "SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgname = 'append_only'"
        )
    assert sorted(row["name"] for row in rows) == [table.name for table in APPEND_ONLY]
