"""One transaction of one connection that the services and the test share, and that is rolled back in the end.

Sessions of the services join it: what they commit is released to the transaction, what they roll back is undone to
where they began. Each works in its own service's database role, so that a statement without its grant fails here as it
does outside; the test itself works as the superuser. Checks that wait for a commit are made when a session commits.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import cast

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, async_session, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import NullPool

from services.shared import ciphers, database, driver
from services.shared.database import Database, ReadSession, WriteSession
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The transaction as each service sees it, and the driver's connection under it, which may do anything."""

    superuser: driver.Connection
    dp_api: Database
    card_ingest: Database
    clawback: Database


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Shared]:
    """Open the transaction on this database and roll it back at the end."""
    assert settings.database_admin_url is not None
    url = driver.driver_address(settings.database_admin_url.get_secret_value())
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        connect_args={
            "server_settings": {"search_path": settings.schema_name, "timezone": "UTC", "jit": "off"},
        },
    )
    async with engine.connect() as connection, connection.begin() as transaction:
        # Inside a savepoint, a session bound to the connection makes savepoints of its own instead of ending ours.
        async with connection.begin_nested() as savepoint:
            with _roles(connection, settings=settings):
                yield _shared(connection, settings=settings, superuser=await driver.of(connection))
            await savepoint.rollback()
        await transaction.rollback()
    await engine.dispose()


def _shared(connection: AsyncConnection, *, settings: Settings, superuser: driver.Connection) -> Shared:
    keys = ciphers.from_settings(settings)

    def seen_by(service: Service) -> Database:
        return Database(service=service, engine=cast(AsyncEngine, connection), ciphers=keys, settings=settings)

    return Shared(
        superuser=superuser,
        dp_api=seen_by(Service.DP_API),
        card_ingest=seen_by(Service.CARD_INGEST),
        clawback=seen_by(Service.CLAWBACK),
    )


@contextmanager
def _roles(shared: AsyncConnection, *, settings: Settings) -> Iterator[None]:
    """Let every session on the connection work in its service's role; a rollback to its savepoint ends that too."""

    def begin(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
        opened = async_session(session)
        if connection is shared.sync_connection and isinstance(opened, ReadSession | WriteSession):
            connection.exec_driver_sql(f"SET LOCAL ROLE {database.role_name(settings, opened.service)}")

    def commit(session: Session) -> None:
        if session.in_transaction() and session.connection() is shared.sync_connection:
            session.connection().exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            session.connection().exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")
            session.connection().exec_driver_sql("RESET ROLE")

    event.listen(Session, "after_begin", begin)
    event.listen(Session, "before_commit", commit)
    try:
        yield
    finally:
        event.remove(Session, "after_begin", begin)
        event.remove(Session, "before_commit", commit)
