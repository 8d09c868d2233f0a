"""A running installation: the embedded server for as long as anybody uses it, the applications served, the jobs run.

It knows the applications and how they are put together, and nothing of what they do.
"""

import asyncio
import fcntl
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from types import FrameType
from typing import Final, TypeVar

import asyncpg
import uvicorn
from sqlalchemy.exc import DBAPIError

from services import connections, reviving, together
from services.shared import database, embedded, garbage, jobs, key_checks, migrate, sealing
from services.shared.database import Database
from services.shared.settings.installation import Settings
from services.shared.setup_error import SetupError
from services.shared.vocabulary.records import Service

GRACE_SECONDS: Final = 3
DATABASE: Final = "direct_payments"

T = TypeVar("T")


@contextmanager
def embedded_server(settings: Settings) -> Iterator[None]:
    """Have the embedded server run for as long as anybody uses it: whoever is the last to leave stops it.

    One that crashes is brought back. Where the settings name a server of the council's own, there is nothing to start.
    """
    if settings.database_url is not None:
        yield
        return
    settings.data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    with (settings.data_dir / "users.lock").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        server = embedded.start(settings.data_dir)
        try:
            embedded.create_database_if_missing(server, database=DATABASE)
            with reviving.kept_running(settings.data_dir):
                yield
        finally:
            with suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                embedded.stop(server)


async def migrated(settings: Settings) -> None:
    """Bring the embedded database to the newest schema; a council's own is migrated by `dp migrate` alone.

    Raises LostKeyError where the keys are not those that records were stored with.
    """
    if settings.database_url is None and not await _is_newest(settings):
        await migrate.migrate(settings)
    own = await database.connect(settings, service=Service.DP_API)
    try:
        await key_checks.at_start(own)
    finally:
        await own.close()


async def _is_newest(settings: Settings) -> bool:
    """Tell whether the schema stands at the newest version already, as far as a service's own role can see it."""
    own = await database.connect(settings, service=Service.DP_API)
    try:
        return await migrate.version(own) == migrate.head()
    except (DBAPIError, asyncpg.PostgresError):
        return False  # There is no such role yet, or it may not enter.
    finally:
        await own.close()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Mapping[Service, Database]]:
    """Open the database as each of the services; a schema that is missing or old is brought up first, if embedded."""
    await migrated(settings)
    async with AsyncExitStack() as stack:
        found = {}
        for service in Service:
            found[service] = await database.connect(settings, service=service)
            stack.push_async_callback(found[service].close)
        yield found


@asynccontextmanager
async def acting(settings: Settings) -> AsyncIterator[Mapping[Service, Database]]:
    """Open the databases to act in beside no server, and leave no entry of the act unsealed, whatever became of it.

    In production sealing is the jobs process's alone, since the file outside of the database is where that one runs.
    """
    async with opened(settings) as own:
        try:
            yield own
        finally:
            if not settings.is_production:
                await sealing.seal(own[Service.DP_API])


async def sealed_after(settings: Settings, act: Callable[[], Awaitable[T]]) -> T:
    """Do an act that opens its own databases, and leave no entry of it unsealed."""
    async with acting(settings):
        return await act()


def serve(settings: Settings, *, service: Service | None, host: str, port: int, on_start: Callable[[], None]) -> None:
    """Serve until somebody says stop (Ctrl-C, SIGTERM); open requests get three seconds to end."""
    config = uvicorn.Config(
        together.application(settings, service=service),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        http=connections.BoundedConnection,
        ws="none",
        proxy_headers=settings.tls_terminating_proxy,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, on_start=on_start)
    with _stopped_gently():
        server.run()
    if not server.has_served:
        raise NotServedError(f"nothing can be served on {host}:{port}: see the log above")


class NotServedError(SetupError):
    """The server ended before it served anything."""


class _Server(uvicorn.Server):
    """A server that says when it takes requests."""

    def __init__(self, config: uvicorn.Config, *, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start
        self.has_served = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self.has_served = True
            garbage.settle()
            await asyncio.to_thread(self._on_start)


def run_jobs(settings: Settings) -> None:
    """Run every service's jobs in this process until somebody says stop."""
    with _stopped_gently():
        asyncio.run(_jobs(settings))


async def _jobs(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with opened(settings) as databases, AsyncExitStack() as stack:
        for service, own in databases.items():
            scheduler = jobs.Scheduler(together.JOBS[service], own)
            await scheduler.start()
            stack.push_async_callback(scheduler.stop)
        await stop.wait()


@contextmanager
def _stopped_gently() -> Iterator[None]:
    """Take the signal that stopped a server for what it is: an orderly end."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        with suppress(KeyboardInterrupt, SystemExit):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
