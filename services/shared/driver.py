"""asyncpg as this software uses it: addresses and pooled connections that are alive."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, TypeAlias, cast

import asyncpg
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as NoConnectionInTime
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from services.shared import database_errors, embedded
from services.shared.settings.installation import Settings

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

IDLE_TRANSACTION_SECONDS: Final = 60
PING_AFTER_IDLE_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 5.0
POOL_SECONDS: Final = 10.0
GRACE_SECONDS: Final = 2.0
"""How much longer than the server's own `statement_timeout` an answer is waited for: a server may be silent itself."""
UNHURRIED_SECONDS: Final = 3_600.0
"""The longest wait for an answer to work over everything there is."""
TLS_PARTS: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey")

_DURABILITY: Final = ("fsync", "full_page_writes", "synchronous_commit")
_OPTIONAL_TLS: Final = frozenset({"disable", "allow", "prefer"})
_DEMANDED_TLS: Final = frozenset({"require", "verify-ca", "verify-full"})


class ServerAway(ConnectionError):
    """No connection to the server can be made just now: refused, no route, no such name or socket, silent."""


_AWAY: Final = frozenset({"25006", "25P03", "25P04", "57014", "57P01", "57P02", "57P03", "57P05"})
_AWAY_CLASSES: Final = frozenset({"08", "53", "58"})  # connection, resources (disk, memory, connections), the system
_WITHOUT_STATE: Final = (ConnectionError, TimeoutError, NoConnectionInTime, asyncpg.InternalClientError)

TROUBLES: Final = (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, *_WITHOUT_STATE)
"""Every kind of error that a call of the database can end with."""


def is_away(error: BaseException) -> bool:
    """Tell whether the database could not do it just now, so that the same may succeed later.

    A full disk or memory, too many connections, a standby that only reads, a server that is stopping, gone or silent.
    """
    if (state := database_errors.sqlstate_of(error)) is not None:
        return state in _AWAY or state[:2] in _AWAY_CLASSES
    original = database_errors.original_of(error)
    # asyncpg's errors about an argument are InterfaceErrors too, and ValueErrors.
    is_closed = isinstance(original, asyncpg.InterfaceError) and not isinstance(original, ValueError)
    return is_closed or isinstance(original, _WITHOUT_STATE)


def unhurried(connection: Connection) -> None:
    """Wait up to an hour for each answer on this connection until it goes back to the pool: for work over everything.

    The server's own `statement_timeout` is the statement's to set.
    """
    _limit(connection, seconds=UNHURRIED_SECONDS)


def _limit(connection: Connection, *, seconds: float) -> None:
    held = cast(Any, connection)
    held._config = held._config._replace(command_timeout=seconds)


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

    Each sees the council's schema alone, in UTC, and gives up after the set time-outs: the server's own, and ours for
    a server that is silent. Raises ServerAway where none can be made.
    """
    bare, tls = with_tls(url)
    made = create_async_engine(
        bare,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_size // 2,
        pool_use_lifo=True,
        pool_timeout=POOL_SECONDS,
        hide_parameters=True,
        connect_args={
            "server_settings": _server_settings(settings, application_name),
            "timeout": CONNECT_SECONDS,
            "command_timeout": _answer_seconds(settings),
            **tls,
        },
    )
    event.listen(made.sync_engine, "do_connect", _connected)
    event.listen(made.sync_engine, "checkin", _note_the_time)
    event.listen(made.sync_engine, "checkin", partial(_hurry_again, seconds=_answer_seconds(settings)))
    event.listen(made.sync_engine, "checkout", _refuse_dead_connections)
    return made


async def durability_off(pool: AsyncEngine) -> list[str]:
    """Return those of the server's settings by which a commit outlives a crash that are off."""
    question = text("SELECT name FROM pg_settings WHERE setting = 'off' AND name = ANY(:names) ORDER BY name")
    async with pool.connect() as connection:
        return list((await connection.execute(question, {"names": list(_DURABILITY)})).scalars())


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


def _answer_seconds(settings: Settings) -> float:
    return settings.statement_timeout_ms / 1000 + GRACE_SECONDS


def _connected(
    dialect: Dialect, _entry: ConnectionPoolEntry, arguments: tuple[Any, ...], named: dict[str, Any]
) -> DBAPIConnection:
    """Connect; whatever the network says of a server that cannot be reached becomes one kind of error."""
    try:
        return dialect.connect(*arguments, **named)
    except ssl.SSLCertVerificationError:
        raise  # Waiting mends no certificate.
    except (OSError, ExceptionGroup, asyncpg.InterfaceError, asyncpg.InternalClientError):
        raise ServerAway("the database's server cannot be reached") from None


def _hurry_again(connection: DBAPIConnection | None, entry: ConnectionPoolEntry, *, seconds: float) -> None:
    if connection is not None:
        _limit(cast(Connection, entry.driver_connection), seconds=seconds)


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
