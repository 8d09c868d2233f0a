"""Where Alembic starts: `dp migrate` hands its connection over, as the owner role; `alembic` itself opens one here."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from services.shared import migrate
from services.shared.settings import loading
from services.shared.tables import schema


def run_versions(connection: Connection) -> None:
    """Run the asked versions on this connection, inside the transaction that it stands in."""
    context.configure(connection=connection, target_metadata=schema.METADATA)
    with context.begin_transaction():
        context.run_migrations()


async def run_from_command_line() -> None:
    """Run the versions for `alembic upgrade`, `alembic revision` and their like, on a connection of our own."""
    own = loading.load()
    context.config.attributes["schema"] = own.schema_name
    async with migrate.as_owner(own) as connection:
        await connection.run_sync(run_versions)


handed_over: Connection | None = context.config.attributes.get("connection")
if context.is_offline_mode():
    raise SystemExit("the versions ask the database what it is: there is no offline mode")
if isinstance(handed_over, Connection):
    run_versions(handed_over)
else:
    asyncio.run(run_from_command_line())
