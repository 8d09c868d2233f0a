"""The stages of loading, each in parts that commit by themselves, and which parts are one worker's share."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Final
from uuid import UUID

from sqlalchemy import select

from services.card_ingest import pipeline
from services.card_ingest.schemas import Receipt
from services.demo import accounts, caseload, county, feeds, marks, registering
from services.demo.assistants import Engagement
from services.demo.awards import Award
from services.demo.county import County
from services.demo.feeds import Feed
from services.demo.marks import Figures
from services.shared import database as databases
from services.shared import migrate
from services.shared.database import Database, WriteSession
from services.shared.identity.actor import machine
from services.shared.settings.installation import Settings
from services.shared.tables.agreements import Account, Agreement, Card
from services.shared.tables.people import MoneyManager, Recipient
from services.shared.tables.transactions import AccountBalance, CardHold, CardTransaction
from services.shared.vocabulary.feeds import DeliveryDoor
from services.shared.vocabulary.records import Service

MACHINE: Final = "demo_county"
ACT_BY_ACT: Final = 30
"""So many people, and so many assistants, are registered as staff do it; the others are taken over in sets."""
PEOPLE_A_PART: Final = 300
ASSISTANTS_A_PART: Final = 400
_FEEDS_ARRIVE: Final = time(5, 30, tzinfo=UTC)
_SHARES: Final = ((accounts.KESTREL, 0), (accounts.LANTHORN, 1), (accounts.WHARFSIDE, 0))


_ANALYSED: Final = tuple(
    table.__tablename__ for table in (Recipient, Agreement, Account, Card, AccountBalance, CardTransaction, CardHold)
)
_ANALYSED_AFTER: Final = frozenset({0, 1, 4, 16})


class Stage(StrEnum):
    """The stages, in their order: each needs all of the one before."""

    PEOPLE = "people"
    ASSISTANTS = "personal assistants"
    FEEDS = "card and bank feeds"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker loads: the county, and the database as the two writing services see it."""

    settings: Settings
    county: County
    dp_api: Database
    card_ingest: Database


@dataclass(frozen=True, slots=True)
class Share:
    """A worker's share of the parts: those whose number leaves `share` when divided by `of`."""

    share: int
    of: int

    def holds(self, number: int) -> bool:
        """Tell whether a part is this worker's."""
        return number % self.of == self.share


Done = Callable[[int], None]


@asynccontextmanager
async def place(settings: Settings, figures: Figures) -> AsyncGenerator[Place]:
    """Open the place to load a county."""
    made = county.county(**figures.model_dump())
    dp_api = await databases.connect(settings, service=Service.DP_API)
    card_ingest = await databases.connect(settings, service=Service.CARD_INGEST)
    try:
        yield Place(settings, made, dp_api, card_ingest)
    finally:
        await dp_api.close()
        await card_ingest.close()


def totals(made: County) -> Mapping[Stage, int]:
    """Return how much there is to do in each stage: people, assistants, deliveries."""
    weeks = -(-(made.today - made.start).days // 7)
    return {
        Stage.PEOPLE: len(made.people),
        Stage.ASSISTANTS: len({engagement.assistant.number for engagement in made.engagements}),
        Stage.FEEDS: 2 * weeks + (made.today.year - made.start.year) * 12 + made.today.month - made.start.month + 1,
    }


async def load(stage: Stage, at: Place, share: Share, *, done: Done) -> None:
    """Load this worker's parts of a stage, leaving out those that are in already."""
    stages: Mapping[Stage, Callable[[], Awaitable[None]]] = {
        Stage.PEOPLE: lambda: _people(at, share, done=done),
        Stage.ASSISTANTS: lambda: _assistants(at, share, done=done),
        Stage.FEEDS: lambda: _feeds(at, share, done=done),
    }
    await stages[stage]()


async def _people(at: Place, share: Share, *, done: Done) -> None:
    async with at.dp_api.read() as session:
        found = await session.execute(select(MoneyManager.name, MoneyManager.id))
        money_managers = {row.name: row.id for row in found}

    async def register(session: WriteSession, part: str, awards: Sequence[Award]) -> None:
        today = at.county.today
        if awards[0].number < ACT_BY_ACT:
            for award in awards:
                await registering.register(session, award, money_managers=money_managers, today=today)
        else:
            await caseload.take_over(session, awards, part=part, money_managers=money_managers, today=today)

    awards = at.county.awards
    for number, (first, size) in enumerate(_cut(len(awards), sizes=(ACT_BY_ACT, PEOPLE_A_PART))):
        if share.holds(number):
            part = f"people {number}"
            await _once(at.dp_api, part, partial(register, part=part, awards=awards[first : first + size]))
            done(size)


async def _assistants(at: Place, share: Share, *, done: Done) -> None:
    employers = await _employers(at)

    async def engage(session: WriteSession, part: str, held: Sequence[Sequence[Engagement]]) -> None:
        if held[0][0].assistant.number < ACT_BY_ACT:
            for engagements in held:
                await registering.engage(session, engagements, employers=employers)
        else:
            await caseload.take_over_assistants(session, held, part=part, employers=employers)

    by_assistant = sorted(at.county.engagements, key=lambda engagement: engagement.assistant.number)
    held = [list(group) for _, group in groupby(by_assistant, key=lambda engagement: engagement.assistant.number)]
    for number, (first, size) in enumerate(_cut(len(held), sizes=(ACT_BY_ACT, ASSISTANTS_A_PART))):
        if share.holds(number):
            part = f"assistants {number}"
            await _once(at.dp_api, part, partial(engage, part=part, held=held[first : first + size]))
            done(size)


def _cut(total: int, *, sizes: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield where each part begins and how much it holds: the first of one size, the others of another."""
    first, size = 0, sizes[0]
    while first < total:
        yield first, min(size, total - first)
        first, size = first + size, sizes[1]


async def bury_employers(at: Place) -> None:
    """Record the deaths of those who employed assistants, once every engagement is in."""
    employers = await _employers(at)

    async def bury(session: WriteSession) -> None:
        for award in at.county.awards:
            if award.is_employer and award.person.died_on is not None:
                await registering.record_death(
                    session, award, recipient_id=employers[award.number], today=at.county.today
                )

    await _once(at.dp_api, "deaths of employers", bury)


async def _feeds(at: Place, share: Share, *, done: Done) -> None:
    for provider_code, number in _SHARES:
        if share.holds(number):
            for count, feed in enumerate(feeds.feeds(at.county, provider_code)):
                if count in _ANALYSED_AFTER:
                    await _analyse(at)
                await receive(at.card_ingest, feed)
                done(1)


async def _analyse(at: Place) -> None:
    """Let the planner know what has come in; on a new server it would learn that only after a minute.

    Only the owner may; where the settings name no way to act as one, the server is left to itself.
    """
    try:
        async with migrate.as_owner(at.settings) as connection:
            await connection.exec_driver_sql(f"ANALYZE {', '.join(_ANALYSED)}")
    except migrate.NoAdminAddressError:
        return


async def receive(card_ingest: Database, feed: Feed) -> Receipt:
    """Take a feed in, on the morning after the last day that it tells of; one that is in already changes nothing."""
    delivery = pipeline.Delivery(
        provider=feed.provider_code,
        door=DeliveryDoor.COMMAND_LINE,
        profile=feed.profile,
        body=feed.body,
        external_id=feed.external_id,
        account_ref=None,
        actor=machine(MACHINE, Service.CARD_INGEST),
        request_id=None,
    )
    return await pipeline.receive(card_ingest, delivery, now=morning_of(feed.up_to))


def morning_of(day: date) -> datetime:
    """Return the moment of a day at which feeds come in."""
    return datetime.combine(day, _FEEDS_ARRIVE)


async def _employers(at: Place) -> dict[int, UUID]:
    """Return the recipient behind each award that has an account, found by the account's reference."""
    numbers = {award.account.provider_account_ref: award.number for award in at.county.awards if award.account}
    question = select(Account.provider_account_ref, Agreement.recipient_id).join(
        Agreement, Agreement.id == Account.agreement_id
    )
    async with at.dp_api.read() as session:
        return {numbers[reference]: key for reference, key in await session.execute(question)}


async def _once(own: Database, part: str, act: Callable[[WriteSession], Awaitable[None]]) -> None:
    """Do a part as one transaction with its mark, unless it is in."""

    async def unit() -> None:
        async with own.write(actor=machine(MACHINE, own.service)) as session:
            if not await marks.is_in(session, part):
                await act(session)
                await marks.enter(session, part)

    await databases.on_transient(unit)
