"""Whether an application lives, and can do its work: the database, its schema's version, the scheduler's pulse."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from alembic.script import ScriptDirectory
from fastapi import FastAPI
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.shared import clock, database, key_checks, migrate
from services.shared.settings.installation import Settings
from services.shared.tables.records import SchedulerHeartbeat

LIVE: Final = "/health/live"
READY: Final = "/health/ready"
PULSE: Final = timedelta(seconds=60)
OK: Final = "ok"
LONGEST_CHECK_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """What readiness asks for: the schema's version that this code needs, the older ones, and whether jobs run here."""

    head: str
    older: frozenset[str]
    runs_jobs: bool


class Check(NamedTuple):
    """What one check found, in words, and whether it keeps the service from its work."""

    says: str
    is_in_the_way: bool


FINE: Final = Check(OK, is_in_the_way=False)
UNREACHABLE: Final = Check("unreachable", is_in_the_way=True)


def readiness(settings: Settings) -> Readiness:
    """Return what readiness asks for in this process."""
    head, *older = (script.revision for script in ScriptDirectory(str(migrate.VERSIONS)).walk_revisions())
    return Readiness(head=head, older=frozenset(older), runs_jobs=settings.runs_jobs_in_process)


async def live(_request: Request) -> Response:
    """Answer that the process serves."""
    return JSONResponse({"status": OK})


async def ready(request: Request) -> Response:
    """Answer each check by name; 503 where one keeps the service from its work."""
    found = await checks_of(request.app)
    return answer(found.values(), told={"checks": shown(found)})


def answer(checks: Iterable[Check], *, told: Mapping[str, object]) -> Response:
    """Return the answer to whoever asks for readiness: a word for all the checks, then what is told of them."""
    is_ready = not any(check.is_in_the_way for check in checks)
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse({"status": OK if is_ready else "not_ready", **told}, status_code=status)


def shown(checks: Mapping[str, Check]) -> dict[str, str]:
    """Return checks as they are told."""
    return {name: check.says for name, check in checks.items()}


async def checks_of(app: FastAPI) -> dict[str, Check]:
    """Return what each check of an application found; one that cannot be made is no exception but a finding.

    The scheduler's pulse is told by every process, since the one that runs the jobs answers nobody; it is in the way
    of that one alone.
    """
    store: database.Database = app.state.database
    asked: Readiness = app.state.readiness
    reached, migrated, pulse = await asyncio.gather(
        _said(_database(store)), _said(_migrations(store, asked)), _said(_scheduler(store))
    )
    return {
        "database": reached,
        "migrations": migrated,
        "scheduler": pulse if asked.runs_jobs else Check(pulse.says, is_in_the_way=False),
    }


async def _said(check: Coroutine[Any, Any, Check]) -> Check:
    """Return what a check found, in three seconds at most: a server that is silent would keep it for longer.

    A check that is given up goes on in its own task until the driver lets it go.
    """
    task = asyncio.create_task(check)
    await asyncio.wait({task}, timeout=LONGEST_CHECK_SECONDS)
    if not task.done():
        task.cancel()
        return UNREACHABLE
    # Whatever the driver raises when its server is gone: readiness is to tell it, not to fail on it.
    return UNREACHABLE if task.cancelled() or task.exception() is not None else task.result()


async def _database(store: database.Database) -> Check:
    async with store.read() as session:
        lost = await key_checks.lost(await database.raw(session), store.ciphers)
    return FINE if lost is None else Check(f"DP_{lost.upper()} does not open what is stored", is_in_the_way=True)


async def _migrations(store: database.Database, asked: Readiness) -> Check:
    found = await migrate.version(store)
    if found == asked.head:
        return FINE
    if found is None or found in asked.older:
        return Check(f"at {found}, not at {asked.head}", is_in_the_way=True)
    # While a new version is rolled out its schema comes first, and the services of the one before go on.
    return Check(f"at {found}, newer than {asked.head}", is_in_the_way=False)


async def _scheduler(store: database.Database) -> Check:
    async with store.read() as session:
        at = await session.scalar(select(SchedulerHeartbeat.at).where(SchedulerHeartbeat.service == store.service))
    if at is None:
        return Check("never ran", is_in_the_way=True)
    return FINE if clock.now() - at <= PULSE else Check(f"last alive {at.isoformat()}", is_in_the_way=True)
