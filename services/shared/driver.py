"""asyncpg as this software uses it: addresses and pooled connections that are alive."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

import asyncpg
from sqlalchemy import URL, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from services.shared import embedded
from services.shared.settings.installation import Settings

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

IDLE_TRANSACTION_SECONDS: Final = 60
PING_AFTER_IDLE_SECONDS: Final = 5.0
TLS_PARTS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey")

_OPTIONAL_TLS: Final = frozenset({"disable", "allow", "prefer"})
_DEMANDED_TLS: Final = frozenset({"require", "verify-ca", "verify-full"})


async def address(settings: Settings, *, role: str, password: str | None = None) -> URL:
    """Return the database's address for a role, in the driver's terms; the embedded server is brought up if need be."""
    if settings.database_url is None:
        server = await asyncio.to_thread(embedded.start, settings.data_dir)
        return make_url(server.url(role))
    return driver_address(settings.database_url.get_secret_value()).set(username=role, password=password)


def driver_address(url: str) -> URL:
    """Return an address as a council writes it (`postgresql://...?sslmode=verify-full`) for asyncpg's dialect."""
    return make_url(url).set(drivername="postgresql+asyncpg")


def with_tls(url: URL) -> tuple[URL, dict[str, Any]]:
    """Return the address without what it says of TLS, and that as asyncpg's own argument.

    `sslmode`, `sslrootcert` (a file; unset or `system`: the machine's own authorities), `sslcert` and `sslkey` mean
    what they mean to libpq. Raises OSError for a file that is not there, ValueError for an `sslmode` that is unknown or
    takes no certificates.
    """
    asked = {name: str(url.query[name]) for name in TLS_PARTS if name in url.query}
    bare = url.difference_update_query(TLS_PARTS)
    mode = asked.get("sslmode")
    if not asked:
        return bare, {}
    if mode in _OPTIONAL_TLS and len(asked) == 1:
        return bare, {"ssl": mode}
    if mode not in _DEMANDED_TLS:
        raise ValueError(f"the database's address names certificates and no TLS that needs them: sslmode={mode}")
    return bare, {"ssl": _tls(mode, asked=asked)}


def _tls(mode: str, *, asked: Mapping[str, str]) -> ssl.SSLContext:
    authorities = asked.get("sslrootcert", "system")
    context = ssl.create_default_context(cafile=None if authorities == "system" else authorities)
    context.check_hostname = mode == "verify-full"
    # As libpq has it: who names the authorities wants the certificate checked.
    if mode == "require" and "sslrootcert" not in asked:
        context.verify_mode = ssl.CERT_NONE
    if "sslcert" in asked:
        context.load_cert_chain(asked["sslcert"], asked.get("sslkey"))
    return context


def engine(url: URL, *, settings: Settings, application_name: str) -> AsyncEngine:
    """Return the pool of one role's connections: `pool_size` of them, half as many again under load.

    Each sees the council's schema alone, in UTC, and gives up after the set time-outs.
    """
    bare, tls = with_tls(url)
    made = create_async_engine(
        bare,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_size // 2,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={"server_settings": _server_settings(settings, application_name), **tls},
    )
    event.listen(made.sync_engine, "checkin", _note_the_time)
    event.listen(made.sync_engine, "checkout", _refuse_dead_connections)
    return made


async def of(connection: AsyncConnection) -> Connection:
    """Return the driver's own connection under SQLAlchemy's; it begins no transaction."""
    return cast(Connection, (await connection.get_raw_connection()).driver_connection)


def _server_settings(settings: Settings, application_name: str) -> dict[str, str]:
    return {
        "application_name": application_name,
        "search_path": settings.schema_name,
        "statement_timeout": str(settings.statement_timeout_ms),
        "lock_timeout": str(settings.lock_timeout_ms),
        "idle_in_transaction_session_timeout": str(IDLE_TRANSACTION_SECONDS * 1000),
        "timezone": "UTC",
        "jit": "off",
    }


def _note_the_time(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info["idle_since"] = time.monotonic()


def _refuse_dead_connections(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: Any) -> None:
    """Make the pool replace a connection that died while idle (a fail-over); pinging at each use is three trips."""
    driver = cast(Connection, entry.driver_connection)
    if driver.is_closed():
        raise DisconnectionError
    if time.monotonic() - entry.info.get("idle_since", 0.0) > PING_AFTER_IDLE_SECONDS:
        try:
            cast(Any, connection).ping()
        except Exception as error:
            raise DisconnectionError from error
