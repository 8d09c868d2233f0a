"""The server that benchmarks run against: an embedded one in a folder of its own, with a schema for each area.

People, agreements and accounts are made by set statements as the superuser; what is measured begins after them.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks import filling
from services.shared import database, driver, embedded, migrate
from services.shared.database import Database
from services.shared.settings import development_secrets
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One schema with its accounts, as each service sees it and as the superuser does."""

    settings: Settings
    dp_api: Database
    card_ingest: Database
    clawback: Database
    superuser: driver.Connection
    accounts: int


@asynccontextmanager
async def server() -> AsyncGenerator[embedded.Server]:
    """Start a server of the benchmark's own; its folder is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="dp-bench-"))
    started = await asyncio.to_thread(embedded.start, folder)
    try:
        yield started
    finally:
        await asyncio.to_thread(embedded.stop, started)
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def stage(running: embedded.Server, *, name: str, accounts: int) -> AsyncGenerator[Stage]:
    """Make a schema of this name with this many accounts; it is dropped afterwards."""
    settings = development_secrets.with_development_secrets(
        Settings(data_dir=running.data_dir, schema_name=name, statement_timeout_ms=600_000, run_jobs=False)
    )
    await migrate.migrate(settings)
    superuser = await asyncpg.connect(
        user="postgres",
        database="direct_payments",
        host=str(running.socket_dir),
        port=running.port,
        server_settings={"search_path": name},
    )
    opened = {service.value: await database.connect(settings, service=service) for service in Service}
    try:
        await filling.people(superuser, accounts=accounts)
        yield Stage(settings=settings, superuser=superuser, accounts=accounts, **opened)
    finally:
        for each in opened.values():
            await each.close()
        await superuser.execute(f"DROP SCHEMA {name} CASCADE")
        await superuser.close()
