"""The clawback service: its door and the nightly run."""

from datetime import date
from typing import Final

from fastapi import FastAPI

from services.clawback.cases import endpoints as cases
from services.clawback.runs import endpoints as runs
from services.clawback.runs import operations
from services.shared import clock, dates, jobs
from services.shared.database import Database, WriteSession
from services.shared.settings.installation import Settings
from services.shared.vocabulary.clawback import RunTrigger
from services.shared.vocabulary.records import Service
from services.shared.web import app

ROUTERS: Final = (cases.router, runs.router)


def create(*, settings: Settings, database: Database | None = None) -> FastAPI:
    """Create the application; with a `database` it uses that one, else it connects while it runs."""
    return app.create_app(
        service=Service.CLAWBACK,
        title="Direct payments: clawback",
        description="Finds balances greater than four weeks' gross payment and keeps the cases that people decide.",
        routers=ROUTERS,
        jobs=JOBS,
        settings=settings,
        database=database,
    )


async def _run_of_the_day(session: WriteSession, period: str) -> jobs.Outcome:
    """Make the scheduled run of a Europe/London day inside the claim of that day."""
    now = clock.now()
    result = await operations.run_clawback(
        session,
        as_of=date.fromisoformat(period),
        today=dates.london_date(now),
        trigger=RunTrigger.SCHEDULED,
        now=now,
    )
    return {
        "run_id": result.run_id,
        "accounts": result.accounts,
        "stale_accounts": result.stale_accounts,
        "flagged": result.flagged,
        "new_cases": result.new_cases,
        "excess_pence": result.excess_pence,
    }


# Three o'clock: the day's feeds are in, and the clocks have changed if they do.
NIGHTLY_RUN: Final = jobs.Job(
    name="clawback_nightly_run",
    service=Service.CLAWBACK,
    trigger=jobs.daily(hour=3),
    period=jobs.london_day,
    act=_run_of_the_day,
)
JOBS: Final = (NIGHTLY_RUN,)
