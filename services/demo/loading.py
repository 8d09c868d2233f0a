"""Bring the county into a database: people, agreements and accounts, then a year of feeds, then what jobs do each day.

A load that was cut off is gone on with by loading again: parts that are in are left out, deliveries know themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import func, select

from services import together
from services.card_ingest import providers, queries, schemas
from services.demo import accounts, examples, feeds, marks, registering, staff, stages, workers
from services.demo.examples import Examples
from services.demo.feeds import Feed
from services.demo.marks import Figures
from services.demo.stages import Done, Place, Stage
from services.shared import clock, jobs, sealing
from services.shared import database as databases
from services.shared.database import AnySession, Database
from services.shared.errors import Conflict
from services.shared.identity.actor import Actor, machine
from services.shared.settings.installation import Settings
from services.shared.tables.agreements import Account, Agreement, GrossToday
from services.shared.tables.base import Table
from services.shared.tables.feeds import FeedDelivery, QuarantinedRow
from services.shared.tables.people import PersonalAssistant, Recipient
from services.shared.tables.transactions import CardTransaction
from services.shared.vocabulary.records import Service

SEED: Final = 2018
RECIPIENTS: Final = 2_700
MONTHS: Final = 12
_FINISHING: Final = "daily jobs"
_RE_SENT_ROWS: Final = 200
_WEEKS_A_YEAR: Final = 365.25 / 7

Report = Callable[[str, int, int], None]
"""Told again and again how far a load is: the stage, how much is done, how much there is."""


class NotInProductionError(Conflict):
    """A synthetic county has no business among real people's records."""

    code = "demo_in_production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What is in the database once the county is; `year_gross_pence` is today's weekly gross taken for a year."""

    recipients: int
    agreements: int
    accounts: int
    personal_assistants: int
    deliveries: int
    transactions: int
    quarantined: int
    year_gross_pence: int
    today: date
    examples: Examples


async def load(
    settings: Settings,
    *,
    recipients: int = RECIPIENTS,
    months: int = MONTHS,
    seed: int = SEED,
    today: date,
    report: Report,
) -> Loaded:
    """Load the county into a migrated database, or go on with a load that was cut off (on the day it was begun for).

    Raises NotInProductionError, and OtherCountyError where the database holds other people.
    """
    if settings.is_production:
        raise NotInProductionError("the demo county is not loaded into a production database")
    wanted = Figures(seed=seed, recipients=recipients, months=months, today=today)
    figures = await _begin(settings, wanted)
    async with stages.place(settings, figures) as at:
        if not await _is_finished(at.dp_api):
            await _load(settings, figures, at, report=report)
        async with at.dp_api.read() as session:
            return await _loaded(session, figures)


async def is_loaded(settings: Settings) -> bool:
    """Tell whether a whole county is in the database."""
    own = await databases.connect(settings, service=Service.DP_API)
    try:
        return await _is_finished(own)
    finally:
        await own.close()


async def find_examples(settings: Settings) -> Examples:
    """Return where to begin looking in the county that is loaded."""
    own = await databases.connect(settings, service=Service.DP_API)
    try:
        async with own.read() as session:
            return await examples.find(session)
    finally:
        await own.close()


async def _begin(settings: Settings, wanted: Figures) -> Figures:
    own = await databases.connect(settings, service=Service.DP_API)
    try:
        async with own.write(actor=_machine(own)) as session:
            return await marks.begin(session, wanted)
    finally:
        await own.close()


async def _load(settings: Settings, figures: Figures, at: Place, *, report: Report) -> None:
    await _set_up(at)
    totals = stages.totals(at.county)
    async with workers.crew(settings, figures, at) as crew:
        for stage in Stage:
            await crew.load(stage, done=_counted(report, stage, totals[stage]))
    await stages.bury_employers(at)
    await _send_again(at)
    await _finish(figures, at, report=report)


async def _set_up(at: Place) -> None:
    """Make staff, money managers and feed providers, unless they are there."""
    async with at.dp_api.write(actor=_machine(at.dp_api)) as session:
        if not await marks.is_in(session, "staff"):
            await staff.set_up(session, seed=at.county.seed)
            await registering.register_money_managers(session)
            await marks.enter(session, "staff")
    async with at.card_ingest.write(actor=_machine(at.card_ingest)) as session:
        known = {provider.code for provider in await queries.providers(session)}
        for code, name in accounts.PROVIDERS.items():
            if code not in known:
                values = schemas.NewProvider(code=code, name=name)
                await providers.register_provider(session, values=values, now=clock.now())


async def _send_again(at: Place) -> None:
    """Send a feed byte for byte again, and some rows of another under a new name, as providers do."""
    last = list(feeds.feeds(at.county, accounts.KESTREL))[-1]
    await stages.receive(at.card_ingest, last)
    corrected = Feed(last.provider_code, last.profile, f"{last.external_id}-2", last.up_to, last.lines[:_RE_SENT_ROWS])
    await stages.receive(at.card_ingest, corrected)


async def _finish(figures: Figures, at: Place, *, report: Report) -> None:
    """Do what the daily jobs of the two writing services do, enter the county as whole, and seal the trail."""
    own = {Service.DP_API: at.dp_api, Service.CARD_INGEST: at.card_ingest}
    todo = [(job, own[service]) for service in own for job in together.JOBS[service]]
    for number, (job, database) in enumerate(todo, start=1):
        await jobs.run(job, database, now=clock.now())
        report(_FINISHING, number, len(todo))
    async with at.dp_api.write(actor=_machine(at.dp_api)) as session:
        found = await _loaded(session, figures)
        await marks.finish(session, figures={"accounts": found.accounts, "transactions": found.transactions})
    await sealing.seal(at.dp_api)


async def _loaded(session: AnySession, figures: Figures) -> Loaded:
    weekly = await session.scalar(select(func.coalesce(func.sum(GrossToday.weekly_gross_pence), 0)))
    return Loaded(
        recipients=await _count(session, Recipient),
        agreements=await _count(session, Agreement),
        accounts=await _count(session, Account),
        personal_assistants=await _count(session, PersonalAssistant),
        deliveries=await _count(session, FeedDelivery),
        transactions=await _count(session, CardTransaction),
        quarantined=await _count(session, QuarantinedRow),
        year_gross_pence=round(int(weekly or 0) * _WEEKS_A_YEAR),
        today=figures.today,
        examples=await examples.find(session),
    )


async def _count(session: AnySession, table: type[Table]) -> int:
    return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def _is_finished(own: Database) -> bool:
    async with own.read() as session:
        return await marks.is_finished(session)


def _counted(report: Report, stage: Stage, total: int) -> Done:
    """Return what adds up a stage's progress for the report."""
    so_far = 0

    def done(count: int) -> None:
        nonlocal so_far
        so_far += count
        report(stage.value, so_far, total)

    return done


def _machine(own: Database) -> Actor:
    return machine(stages.MACHINE, own.service)
