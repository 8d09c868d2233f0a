"""Acts of dp_api on a connection that a test already has, inside its transaction if it is in one."""

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from weakref import WeakKeyDictionary

from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from services.shared import ciphers, driver
from services.shared.ciphers import Ciphers
from services.shared.database import Database, WriteSession
from services.shared.identity.actor import machine
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service

MACHINE = machine("test", Service.DP_API)

_ENGINES: WeakKeyDictionary[driver.Connection, AsyncEngine] = WeakKeyDictionary()


@asynccontextmanager
async def dp_api(connection: driver.Connection) -> AsyncGenerator[WriteSession]:
    """Open a session of dp_api on the connection; what it writes is committed, or released to the transaction.

    People's own keys that it makes are taken away again: the installation under test has other keys than these.
    """
    if (engine := _ENGINES.get(connection)) is None:
        engine = _ENGINES[connection] = _on(connection)
    own = Database(service=Service.DP_API, engine=engine, ciphers=_keys(), settings=_settings())
    known = await connection.fetchval("SELECT coalesce(array_agg(person_id), '{}') FROM personal_key")
    async with own.write(actor=MACHINE) as session:
        yield session
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM personal_key WHERE person_id <> ALL ($1::uuid[])", known)
        await connection.execute("SET LOCAL session_replication_role = origin")


def _on(connection: driver.Connection) -> AsyncEngine:
    async def same() -> driver.Connection:
        return connection

    return create_async_engine("postgresql+asyncpg://", async_creator=same, poolclass=StaticPool)


@cache
def _settings() -> Settings:
    """Return settings with keys of this process: what they encrypt is read by nobody."""
    key = SecretStr(base64.b64encode(bytes(32)).decode())
    return Settings(
        encryption_keys=SecretStr(Fernet.generate_key().decode()), blind_index_key=key, audit_signing_key=key
    )


@cache
def _keys() -> Ciphers:
    return ciphers.from_settings(_settings())
