"""Jobs: once for each period, whatever crashes, whoever else is running them."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from services.shared import audit, clock, database, jobs, sealing
from services.shared.database import Database, WriteSession
from services.shared.identity.actor import machine
from services.shared.jobs import Job, Scheduler
from services.shared.tables.records import AuditEntry, JobRun, SchedulerHeartbeat
from services.shared.tables.staff import Team
from services.shared.vocabulary.records import Service
from tests.databases import Databases

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def open_a_team(session: WriteSession, period: str) -> dict[str, object]:
    session.add(Team(code=f"team_{await session.scalar(select(func.count()).select_from(Team))}", name=period))
    return {"teams": 1}


async def fail(session: WriteSession, period: str) -> dict[str, object]:
    await open_a_team(session, period)
    raise LookupError("Ann Smith is nowhere to be found")


DAILY = Job(
    name="open_team", service=Service.DP_API, trigger=jobs.daily(hour=4), period=jobs.london_day, act=open_a_team
)
FAILING = Job(name="fail", service=Service.DP_API, trigger=jobs.daily(hour=4), period=jobs.london_day, act=fail)


async def teams(own: Database) -> int:
    async with own.read() as session:
        return await session.scalar(select(func.count()).select_from(Team)) or 0


async def test_a_claimed_job_runs_once_a_period(databases: Databases) -> None:
    assert await jobs.run(DAILY, databases.dp_api, now=NOON)
    assert not await jobs.run(DAILY, databases.dp_api, now=NOON + timedelta(hours=11))
    assert await jobs.run(DAILY, databases.dp_api, now=NOON + timedelta(days=1))
    assert await teams(databases.dp_api) == 2


async def test_its_claim_its_effects_and_its_entry_are_one(databases: Databases) -> None:
    await jobs.run(DAILY, databases.dp_api, now=NOON)
    async with databases.dp_api.read() as session:
        claim = (await session.scalars(select(JobRun))).one()
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (claim.job, claim.period, claim.outcome) == ("open_team", "2026-11-22", {"teams": 1})
    assert (entry.actor, entry.action, entry.subject_id) == ("machine:scheduler", "open_team", "open_team 2026-11-22")
    assert entry.changes == {"teams": {"before": None, "after": 1}}


async def test_a_job_that_fails_leaves_its_period_to_be_done(databases: Databases) -> None:
    with pytest.raises(LookupError):
        await jobs.run(FAILING, databases.dp_api, now=NOON)
    assert await teams(databases.dp_api) == 0
    assert await jobs.is_missed(FAILING, databases.dp_api, now=NOON)


async def test_of_eight_schedulers_one_does_the_job(databases: Databases) -> None:
    others = [await database.connect(databases.settings, service=Service.DP_API) for _ in range(2)]
    done = await asyncio.gather(*(jobs.run(DAILY, own, now=NOON) for own in [*others, databases.dp_api] * 3))
    assert sorted(done)[-2:] == [False, True]
    assert await teams(databases.dp_api) == 1
    for own in others:
        await own.close()


@pytest.mark.parametrize(
    ("now", "is_missed"),
    [
        (datetime(2026, 11, 22, 3, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 22, 4, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 23, 59, tzinfo=UTC), True),
        (datetime(2026, 7, 1, 2, 59, tzinfo=UTC), False),
        (datetime(2026, 7, 1, 3, 0, tzinfo=UTC), True),
        (datetime(2026, 7, 1, 23, 30, tzinfo=UTC), False),
    ],
)
async def test_a_job_is_missed_once_its_london_time_has_passed(
    databases: Databases, now: datetime, is_missed: bool
) -> None:
    assert await jobs.is_missed(DAILY, databases.dp_api, now=now) is is_missed
    await jobs.run(DAILY, databases.dp_api, now=now)
    assert not await jobs.is_missed(DAILY, databases.dp_api, now=now)


def test_no_daily_job_stands_where_the_clocks_change() -> None:
    jobs.daily(hour=3)
    with pytest.raises(ValueError, match="three o'clock"):
        jobs.daily(hour=2, minute=59)


def test_no_daily_job_stands_where_a_late_start_would_fall_in_the_next_day() -> None:
    jobs.daily(hour=22, minute=59)
    with pytest.raises(ValueError, match="before eleven"):
        jobs.daily(hour=23)


async def test_a_job_that_failed_is_tried_again_without_a_new_start(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail_once(session: WriteSession, period: str) -> dict[str, object]:
        failures.append(period)
        return await (fail if len(failures) == 1 else open_a_team)(session, period)

    failures: list[str] = []
    monkeypatch.setattr(clock, "now", lambda: NOON)
    monkeypatch.setattr(jobs, "CATCH_UP_SECONDS", 1)
    scheduler = Scheduler([replace(DAILY, act=fail_once)], databases.dp_api)
    await scheduler.start()
    for _ in range(1_200):
        if await teams(databases.dp_api):
            break
        await asyncio.sleep(0.05)
    await scheduler.stop()
    assert (await teams(databases.dp_api), failures) == (1, ["2026-11-22"] * 2)


async def test_a_scheduler_beats_runs_what_was_missed_and_stops(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    scheduler = Scheduler([DAILY], databases.dp_api)
    await scheduler.start()
    async with databases.clawback.read() as session:
        assert await session.scalar(select(SchedulerHeartbeat.at)) == NOON
    for _ in range(200):
        if await teams(databases.dp_api):
            break
        await asyncio.sleep(0.05)
    await scheduler.stop()
    assert await teams(databases.dp_api) == 1


async def test_a_running_job_is_let_finish_when_the_scheduler_stops(databases: Databases) -> None:
    begun, finished = asyncio.Event(), asyncio.Event()

    async def take_a_while(_own: Database) -> dict[str, object]:
        begun.set()
        await asyncio.sleep(0.3)
        finished.set()
        return {}

    slow = Job(name="slow", service=Service.DP_API, trigger=jobs.every(seconds=1), period=None, act=take_a_while)
    scheduler = Scheduler([slow], databases.dp_api)
    await scheduler.start()
    await asyncio.wait_for(begun.wait(), timeout=10)
    await scheduler.stop()
    assert finished.is_set()


async def test_a_failure_is_logged_once_and_tells_nothing_personal(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    scheduler = Scheduler([FAILING], databases.dp_api)
    with capture_logs() as logs:
        await scheduler.start()
        for _ in range(200):
            if logs:
                break
            await asyncio.sleep(0.05)
        await scheduler.stop()
    (line,) = logs
    assert (line["event"], line["job"], line["error"], line["service"]) == (
        "job_failed",
        "fail",
        "LookupError",
        "dp_api",
    )
    assert "fail:" in line["where"]
    assert "Ann" not in str(line)


async def test_the_trail_is_sealed_by_a_job(databases: Databases) -> None:
    async with databases.clawback.write(actor=machine("test")) as session:
        await audit.record(session, action="act", subject=audit.Subject("thing", "1"))
    assert await jobs.run(jobs.SEAL_TRAIL, databases.dp_api, now=NOON)
    assert (await sealing.verify(databases.dp_api)).entries == 1
