"""The card feed's service: its doors, and what it does by itself."""

from datetime import date
from typing import Final

import structlog
from fastapi import FastAPI

from services.card_ingest import disposing, layouts, pipeline, queries, spend
from services.card_ingest.alerts import endpoints as alert_endpoints
from services.card_ingest.alerts import examining
from services.card_ingest.categories import endpoints as category_endpoints
from services.card_ingest.decisions import endpoints as decision_endpoints
from services.card_ingest.endpoints import deliveries as delivery_endpoints
from services.card_ingest.endpoints import providers as provider_endpoints
from services.card_ingest.endpoints import pushes as push_endpoints
from services.card_ingest.folder import operations as folder
from services.card_ingest.folder.places import Looks
from services.card_ingest.polling import endpoints as polling_endpoints
from services.card_ingest.polling import operations as polling
from services.card_ingest.reconciliation import endpoints as reconciliation_endpoints
from services.card_ingest.reconciliation import operations as reconciliation
from services.card_ingest.reconciliation import proof
from services.shared import clock, jobs
from services.shared.database import Database, WriteSession
from services.shared.identity.actor import machine
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import app

ROUTERS: Final = (
    push_endpoints.router,
    delivery_endpoints.router,
    provider_endpoints.router,
    polling_endpoints.router,
    reconciliation_endpoints.router,
    alert_endpoints.router,
    decision_endpoints.router,
    category_endpoints.categories,
    category_endpoints.rules,
    category_endpoints.categorisations,
)
SCHEDULER: Final = machine(jobs.MACHINE, Service.CARD_INGEST)
_LOOKS: Final[Looks] = {}

log: Final = structlog.get_logger("dp.card_ingest")


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
        provider_of=_provider_of,
    )


async def _provider_of(database: Database, fingerprint: bytes) -> str | None:
    async with database.read() as session:
        return await queries.provider_of_certificate(session, fingerprint)


async def _resume_deliveries(database: Database) -> jobs.Outcome:
    return {"deliveries": await pipeline.resume(database, actor=SCHEDULER, now=clock.now())}


async def _release_waiting(database: Database) -> jobs.Outcome:
    return {"rows": await pipeline.release_waiting(database, actor=SCHEDULER, now=clock.now())}


async def _fold_spend(database: Database) -> jobs.Outcome:
    return {"deltas": await spend.fold_spend(database, actor=SCHEDULER)}


async def _take_in_folder(database: Database) -> jobs.Outcome:
    return await folder.take_in(database, looks=_LOOKS, actor=SCHEDULER, now=clock.now(), progress=_tell_progress)


def _tell_progress(done: int, total: int) -> None:
    log.info("feed_file_progress", rows=done, of=total)


async def _poll_feeds(database: Database) -> jobs.Outcome:
    return {"pages": await polling.poll_feeds(database, actor=SCHEDULER, now=clock.now())}


async def _raise_alerts(database: Database) -> jobs.Outcome:
    return {"alerts": await examining.raise_alerts(database, actor=SCHEDULER, now=clock.now())}


async def _raise_daily_alerts(session: WriteSession, period: str) -> jobs.Outcome:
    today, now = date.fromisoformat(period), clock.now()
    return {"alerts": await examining.raise_daily_alerts(session, today=today, now=now)}


async def _prove_balances(session: WriteSession, period: str) -> jobs.Outcome:
    return await proof.prove(session)


async def _dispose_of_deliveries(database: Database) -> jobs.Outcome:
    return {"deliveries": await disposing.dispose(database, actor=SCHEDULER)}


async def _keep_layouts(database: Database) -> jobs.Outcome:
    folder = pipeline.own_profiles(database)
    return {"feeds": await layouts.keep_used(database, own_folder=folder, actor=SCHEDULER)}


async def _watch_feeds(database: Database) -> jobs.Outcome:
    return await reconciliation.watch_feeds(database, actor=SCHEDULER, now=clock.now())


async def _reconcile_feeds(database: Database) -> jobs.Outcome:
    return await reconciliation.reconcile_feeds(database, actor=SCHEDULER, now=clock.now())


async def _reconcile_everything(session: WriteSession, period: str) -> jobs.Outcome:
    return await reconciliation.reconcile_everything(session, now=clock.now())


def _every(name: str, act: jobs.FreeAct, *, seconds: int) -> jobs.Job:
    trigger = jobs.every(seconds=seconds)
    return jobs.Job(name=name, service=Service.CARD_INGEST, trigger=trigger, period=None, act=act)


def _nightly(name: str, act: jobs.ClaimedAct, *, hour: int, minute: int) -> jobs.Job:
    trigger = jobs.daily(hour=hour, minute=minute)
    return jobs.Job(name=name, service=Service.CARD_INGEST, trigger=trigger, period=jobs.london_day, act=act)


RESUME_DELIVERIES: Final = _every("resume_deliveries", _resume_deliveries, seconds=5)
RELEASE_WAITING: Final = _every("release_waiting", _release_waiting, seconds=5)
FOLD_SPEND: Final = _every("fold_spend", _fold_spend, seconds=10)
TAKE_IN_FOLDER: Final = _every("take_in_folder", _take_in_folder, seconds=10)
POLL_FEEDS: Final = _every("poll_feeds", _poll_feeds, seconds=5)
RAISE_ALERTS: Final = _every("raise_alerts", _raise_alerts, seconds=5)
# What came before layouts were kept: an upgrade may soon be followed by a new version.
KEEP_LAYOUTS: Final = _every("keep_layouts", _keep_layouts, seconds=300)
WATCH_FEEDS: Final = _every("watch_feeds", _watch_feeds, seconds=60)
RECONCILE_FEEDS: Final = _every("reconcile_feeds", _reconcile_feeds, seconds=900)
# Half past three: after the surplus run, before anybody works; then what rests on the proof of the books.
PROVE_BALANCES: Final = _nightly("prove_balances", _prove_balances, hour=3, minute=30)
RAISE_DAILY_ALERTS: Final = _nightly("raise_daily_alerts", _raise_daily_alerts, hour=4, minute=0)
RECONCILE_EVERYTHING: Final = _nightly("reconcile_everything", _reconcile_everything, hour=4, minute=15)
# It opens its own units of work, since a night may have many thousands to enter.
DISPOSE_OF_DELIVERIES: Final = jobs.Job(
    name="dispose_of_deliveries",
    service=Service.CARD_INGEST,
    trigger=jobs.daily(hour=4, minute=30),
    period=None,
    act=_dispose_of_deliveries,
)
JOBS: Final = (
    RESUME_DELIVERIES,
    RELEASE_WAITING,
    FOLD_SPEND,
    PROVE_BALANCES,
    TAKE_IN_FOLDER,
    POLL_FEEDS,
    RAISE_ALERTS,
    RAISE_DAILY_ALERTS,
    DISPOSE_OF_DELIVERIES,
    KEEP_LAYOUTS,
    WATCH_FEEDS,
    RECONCILE_FEEDS,
    RECONCILE_EVERYTHING,
)
