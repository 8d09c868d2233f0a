"""Commits that fail in the database itself: every statement goes through, and the last word is no."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from services.shared import driver

DISK_FULL = "53100"
TAKEN_MEANWHILE = "23505"
UNFORESEEN = "XX000"


@asynccontextmanager
async def failing(connection: driver.Connection, table: str, *, sqlstate: str = DISK_FULL) -> AsyncGenerator[None]:
    """Have every commit fail that put a row into this table, for as long as this lasts."""
    await connection.execute(
        f"""CREATE FUNCTION no_commit() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'no commit' USING ERRCODE = '{sqlstate}'; END $$;
            CREATE CONSTRAINT TRIGGER no_commit AFTER INSERT ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no_commit()"""
    )
    try:
        yield
    finally:
        await connection.execute("DROP FUNCTION no_commit() CASCADE")
