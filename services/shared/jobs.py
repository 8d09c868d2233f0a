"""What runs by itself: the jobs that each service declares, at most once for a (job, period) however many schedulers.

The claim of a period is a row in the transaction of the job's effects, so that a crash undoes both. A job without a
period runs freely, and twice does no harm.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias, cast

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import insert, select, text
from sqlalchemy.dialects import postgresql

from services.shared import audit, clock, database_errors, dates, sealing
from services.shared import database as databases
from services.shared.database import Database, WriteSession
from services.shared.identity.actor import machine
from services.shared.tables.records import JobRun, SchedulerHeartbeat
from services.shared.vocabulary.records import Service

HEARTBEAT_SECONDS: Final = 15
CATCH_UP_SECONDS: Final = 300
LATEST_START_SECONDS: Final = 3_600
LAST_WORDS_SECONDS: Final = 10.0
LOOK_BACK: Final = timedelta(days=35)
EARLIEST_HOUR: Final = 3
LATEST_HOUR: Final = 22
MACHINE: Final = "scheduler"

log = structlog.get_logger("dp.jobs")

Outcome: TypeAlias = Mapping[str, object]
FreeAct: TypeAlias = Callable[[Database], Awaitable[Outcome]]
ClaimedAct: TypeAlias = Callable[[WriteSession, str], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One thing that a service does by itself, at the times of its trigger (`daily`, `every`, or another factory).

    With a `period`, `act(session, period)` works inside the transaction of the claim, and its outcome (figures, never a
    person) is stored with it. Without one, `act(database)` opens its own units of work and must be idempotent.
    """

    name: str
    service: Service
    trigger: Callable[[], Any]
    period: Callable[[datetime], str] | None
    act: FreeAct | ClaimedAct


def daily(*, hour: int, minute: int = 0) -> Callable[[], CronTrigger]:
    """Return the trigger of a Europe/London time each day.

    Raises ValueError before three o'clock, when the clocks change and a time comes twice in October; and from 23:00,
    since a run may start an hour late and would then take the period of the next day.
    """
    if not EARLIEST_HOUR <= hour <= LATEST_HOUR:
        raise ValueError("a daily job starts at three o'clock or later, and before eleven at night")
    return lambda: CronTrigger(hour=hour, minute=minute, timezone=dates.LONDON)


def every(*, seconds: int) -> Callable[[], IntervalTrigger]:
    """Return the trigger of an interval in seconds."""
    return lambda: IntervalTrigger(seconds=seconds, timezone=dates.LONDON)


def london_day(now: datetime) -> str:
    """Return the period of a job that runs once a day: the Europe/London date."""
    return dates.london_date(now).isoformat()


async def run(job: Job, database: Database, *, now: datetime) -> bool:
    """Run a job at this moment; false where its period has been done or is being done by another scheduler."""
    if job.period is None:
        await cast(FreeAct, job.act)(database)
        return True
    period = job.period(now)
    return await databases.on_transient(lambda: _run_claimed(job, database, period=period))


async def is_missed(job: Job, database: Database, *, now: datetime) -> bool:
    """Tell whether the time of the current period has passed and nobody has done the job in it."""
    if job.period is None or not _was_due(job, now=now):
        return False
    async with database.read() as session:
        return not await _is_done(session, job, period=job.period(now))


class Scheduler:
    """Runs one service's jobs in this process; the truth about what has been done is in `job_run`, not in memory."""

    def __init__(self, jobs: Iterable[Job], database: Database) -> None:
        self._jobs = tuple(jobs)
        self._database = database
        self._running: set[asyncio.Task[Any]] = set()
        self._scheduler = AsyncIOScheduler(
            timezone=dates.LONDON,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": LATEST_START_SECONDS},
        )

    async def start(self) -> None:
        """Start: a heartbeat at once, then whatever was missed, then each job at its times.

        What was missed, or has failed since, is looked for again every five minutes.
        """
        for job in self._jobs:
            self._scheduler.add_job(self._run, job.trigger(), args=[job], id=job.name)
            if job.period is not None:
                every_look = IntervalTrigger(seconds=CATCH_UP_SECONDS, timezone=dates.LONDON)
                self._scheduler.add_job(self._catch_up, args=[job], id=f"{job.name} after start")
                self._scheduler.add_job(self._catch_up, every_look, args=[job], id=f"{job.name} if missed")
        every_beat = IntervalTrigger(seconds=HEARTBEAT_SECONDS, timezone=dates.LONDON)
        self._scheduler.add_job(self._beat, every_beat, id="heartbeat")
        await self._beat()
        self._scheduler.start()

    async def stop(self) -> None:
        """Stop: running jobs get ten seconds to finish, then are cancelled and so rolled back."""
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(self._running, timeout=LAST_WORDS_SECONDS)
        self._scheduler.shutdown(wait=False)
        await asyncio.sleep(0)  # APScheduler stops with the loop's next turn.

    async def _run(self, job: Job) -> None:
        await self._guarded(job.name, lambda: run(job, self._database, now=clock.now()))

    async def _catch_up(self, job: Job) -> None:
        async def act() -> None:
            if await is_missed(job, self._database, now=clock.now()):
                await run(job, self._database, now=clock.now())

        await self._guarded(job.name, act)

    async def _beat(self) -> None:
        await self._guarded("heartbeat", lambda: beat(self._database, now=clock.now()))

    async def _guarded(self, name: str, act: Callable[[], Awaitable[object]]) -> None:
        """Do it, and log a failure once: its kind and place, since its text may carry what nobody should read."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._running.add(task)
        try:
            await act()
        except Exception as error:
            log.error("job_failed", job=name, service=self._database.service.value, **_described(error))
        finally:
            self._running.discard(task)


async def beat(database: Database, *, now: datetime) -> None:
    """Note that the service's scheduler is alive."""
    alive = postgresql.insert(SchedulerHeartbeat).values(service=database.service, at=now)
    async with database.engine.begin() as connection:
        await connection.execute(alive.on_conflict_do_update(index_elements=["service"], set_={"at": now}))


async def _run_claimed(job: Job, database: Database, *, period: str) -> bool:
    async with database.write(actor=machine(MACHINE, job.service)) as session:
        if not await _is_ours(session, job, period=period) or await _is_done(session, job, period=period):
            return False
        outcome = await cast(ClaimedAct, job.act)(session, period)
        stored = audit.changed({}, outcome)
        claim = {"job": job.name, "period": period, "finished_at": clock.now()}
        await session.execute(insert(JobRun), {**claim, "outcome": {name: stored[name]["after"] for name in stored}})
        await audit.record(
            session, action=job.name, subject=audit.Subject("job", f"{job.name} {period}"), after=outcome
        )
        return True


async def _is_ours(session: WriteSession, job: Job, *, period: str) -> bool:
    """Take the period for this transaction, so that another scheduler goes on without waiting for us."""
    lock = text(
        "SELECT pg_try_advisory_xact_lock(hashtextextended("
        "concat_ws(' ', current_schema(), CAST(:job AS text), CAST(:period AS text)), 0))"
    )
    return bool(await session.scalar(lock, {"job": job.name, "period": period}))


async def _is_done(session: databases.AnySession, job: Job, *, period: str) -> bool:
    done = select(JobRun.job).where(JobRun.job == job.name, JobRun.period == period)
    return await session.scalar(done) is not None


def _was_due(job: Job, *, now: datetime) -> bool:
    """Tell whether the trigger has fired in the period of this moment already, as far as 35 days back."""
    period = cast(Callable[[datetime], str], job.period)
    trigger = job.trigger()
    fired: datetime | None = trigger.get_next_fire_time(None, now - LOOK_BACK)
    while fired is not None and fired <= now:
        if period(fired) == period(now):
            return True
        fired = trigger.get_next_fire_time(fired, fired)
    return False


def _described(error: BaseException) -> dict[str, object]:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place else None
    return {"error": type(error).__name__, "sqlstate": database_errors.sqlstate_of(error), "where": where}


async def _seal_trail(database: Database) -> Outcome:
    return {"sealed": await sealing.seal(database)}


SEAL_TRAIL: Final = Job(
    name="seal_trail", service=Service.DP_API, trigger=every(seconds=30), period=None, act=_seal_trail
)
"""The one job of the floor itself, which dp_api declares among its own: no entry stays unsealed for a minute."""
