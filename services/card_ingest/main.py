"""The card feed's service: its doors, and what it does by itself."""

from typing import Final

from fastapi import FastAPI

from services.card_ingest import endpoints, pipeline, reconciliation, spend
from services.shared import clock, identity, jobs
from services.shared.database import Database, WriteSession
from services.shared.settings import Settings
from services.shared.vocabulary import Service
from services.shared.web import app

ROUTERS: Final = (endpoints.router,)
SCHEDULER: Final = identity.machine(jobs.MACHINE, Service.CARD_INGEST)


def create(*, settings: Settings, database: Database | None = None) -> FastAPI:
    """Create the application; with a `database` it uses that one, else it connects while it runs."""
    return app.create_app(
        service=Service.CARD_INGEST,
        title="Direct payments: card feeds",
        description="Takes card and bank feeds in, posts every row once, and accounts for each row and penny.",
        routers=ROUTERS,
        jobs=JOBS,
        settings=settings,
        database=database,
    )


async def _resume_deliveries(database: Database) -> jobs.Outcome:
    return {"deliveries": await pipeline.resume(database, actor=SCHEDULER, now=clock.now())}


async def _release_waiting(database: Database) -> jobs.Outcome:
    return {"rows": await pipeline.release_waiting(database, actor=SCHEDULER, now=clock.now())}


async def _fold_spend(database: Database) -> jobs.Outcome:
    return {"deltas": await spend.fold_spend(database, actor=SCHEDULER)}


async def _prove_balances(session: WriteSession, period: str) -> jobs.Outcome:
    return await reconciliation.prove(session)


RESUME_DELIVERIES: Final = jobs.Job(
    name="resume_deliveries",
    service=Service.CARD_INGEST,
    trigger=jobs.every(seconds=5),
    period=None,
    act=_resume_deliveries,
)
RELEASE_WAITING: Final = jobs.Job(
    name="release_waiting",
    service=Service.CARD_INGEST,
    trigger=jobs.every(seconds=5),
    period=None,
    act=_release_waiting,
)
FOLD_SPEND: Final = jobs.Job(
    name="fold_spend", service=Service.CARD_INGEST, trigger=jobs.every(seconds=10), period=None, act=_fold_spend
)
# Half past three: after the surplus run, before anybody works.
PROVE_BALANCES: Final = jobs.Job(
    name="prove_balances",
    service=Service.CARD_INGEST,
    trigger=jobs.daily(hour=3, minute=30),
    period=jobs.london_day,
    act=_prove_balances,
)
JOBS: Final = (RESUME_DELIVERIES, RELEASE_WAITING, FOLD_SPEND, PROVE_BALANCES)
