"""Random lives of agreements for property tests: what is drawn, and how it comes into the tables and under runs.

A life is a list of days on which the council works. Before the run of such a day anything may have come: money, holds
and their ends, budgets, deaths, closings, endings told late. A run is of that day or of one before it.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from services.clawback.runs.schemas import RunResult
from services.shared import driver
from tests.builders import clawback as builders
from tests.clawback.conftest import TODAY, Run

FIRST_DAY = TODAY - timedelta(days=60)
GROSS = 10_000

profile = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""The same examples on every machine, each in a savepoint of the test's own transaction. A life that fails is
told as it was drawn: each is short, and making it shorter would take minutes.
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that comes to one agreement before a run: its kind, its day and its figures."""

    kind: str
    agreement: int
    on: date
    pence: int = 0
    lasts: int = 0
    account: int = 0


@dataclass(frozen=True, slots=True)
class Working:
    """A day of work: what came, and the day that the run is of."""

    made_on: date
    events: tuple[Event, ...]
    as_of: date


@dataclass(frozen=True, slots=True)
class Life:
    """How many accounts each agreement has, and the days of work."""

    accounts: tuple[int, ...]
    days: tuple[Working, ...]


@asynccontextmanager
async def undone(planted: driver.Connection) -> AsyncGenerator[None]:
    """Take back all that is done inside: one example after another in one transaction."""
    savepoint = planted.transaction()
    await savepoint.start()
    try:
        yield
    finally:
        await savepoint.rollback()


KINDS = (
    *("load",) * 3,
    *("hold",) * 2,
    *("spend", "hold cleared", "hold released", "hold expired", "part released", "booked ahead"),
    *("budget", "policy", "end", "die", "close", "suspend"),
)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Draw one or two agreements and up to four days of work of growing days."""
    accounts = tuple(draw(st.lists(st.integers(1, 2), min_size=1, max_size=2)))
    made = sorted(draw(st.lists(st.integers(20, 60), min_size=1, max_size=4)))
    days = []
    for place in made:
        events = draw(st.lists(events_until(place, agreements=len(accounts)), min_size=1, max_size=7))
        back = draw(st.sampled_from((0, 0, 0, 1, 3, 20)))
        made_on = FIRST_DAY + timedelta(days=place)
        days.append(Working(made_on, tuple(events), max(FIRST_DAY, made_on - timedelta(days=back))))
    return Life(accounts, tuple(days))


@st.composite
def events_until(draw: st.DrawFn, place: int, *, agreements: int) -> Event:
    """Draw an event of a day up to the present one."""
    kind = draw(st.sampled_from(KINDS))
    return Event(
        kind=kind,
        agreement=draw(st.integers(0, agreements - 1)),
        on=FIRST_DAY + timedelta(days=draw(st.integers(max(0, place - 40), place))),
        pence=draw(st.sampled_from((1, 1_500, 4_000, 40_000, 41_000, 90_000))),
        lasts=draw(st.integers(0, 12)),
        account=draw(st.integers(0, 1)),
    )


class Told:
    """The life as it is told to the tables: the agreements, their accounts, and what was done so far."""

    def __init__(self, planted: driver.Connection, life: Life) -> None:
        self.planted = planted
        self.life = life
        self.agreements: list[UUID] = []
        self.accounts: list[list[UUID]] = []
        self.runs: list[RunResult] = []

    async def begin(self) -> None:
        """Make the agreements; the second is of another team."""
        for place, number in enumerate(self.life.accounts):
            team = ("north", "south")[place]
            agreement_id = await builders.an_agreement(
                self.planted, weekly_gross_pence=GROSS, started_on=FIRST_DAY, team=team
            )
            self.agreements.append(agreement_id)
            self.accounts.append([await builders.an_account(self.planted, agreement_id) for _ in range(number)])

    async def work(self, day: Working, run: Run) -> RunResult:
        """Let come what came, and run."""
        for event in day.events:
            await self._come(event, made_on=day.made_on)
        now = datetime.combine(day.made_on, time(12), UTC) + timedelta(minutes=len(self.runs))
        result = await run(day.as_of, now=now)
        self.runs.append(result)
        return result

    async def _come(self, event: Event, *, made_on: date) -> None:
        agreement_id = self.agreements[event.agreement]
        accounts = self.accounts[event.agreement]
        account_id = accounts[event.account % len(accounts)]
        if event.kind in {"load", "spend", "booked ahead"}:
            pence = -event.pence if event.kind == "spend" else event.pence
            booked_on = made_on + timedelta(days=1) if event.kind == "booked ahead" else event.on
            await builders.a_transaction(
                self.planted, account_id, pence, booked_on=booked_on, type="load" if pence > 0 else "purchase_pos"
            )
        elif event.kind.startswith(("hold", "part")):
            await self._hold(event, account_id, made_on=made_on)
        elif event.kind == "budget":
            if await self._has_ended(agreement_id):
                return
            await builders.a_budget(
                self.planted,
                agreement_id,
                weekly_gross_pence=max(1, event.pence // 4),
                effective_from=event.on,
            )
        elif event.kind == "policy":
            await self.planted.execute(
                """INSERT INTO clawback_policy (effective_from, threshold_weeks, source, made_by, reason)
                   VALUES ($1, $2, 'Cabinet decision', 'S1', 'agreed') ON CONFLICT DO NOTHING""",
                event.on,
                1 + event.lasts % 5,
            )
        else:
            await self.planted.execute(_FACTS[event.kind], *_subject(event, agreement_id, account_id), event.on)

    async def _has_ended(self, agreement_id: UUID) -> bool:
        status: str = await self.planted.fetchval("SELECT status FROM agreement WHERE id = $1", agreement_id)
        return status == "ended"

    async def _hold(self, event: Event, account_id: UUID, *, made_on: date) -> None:
        hold_id = await builders.a_hold(self.planted, account_id, event.pence, authorised_on=event.on)
        ended_on = event.on + timedelta(days=event.lasts)
        if event.kind == "hold" or ended_on > made_on:
            return
        if event.kind == "part released":
            await builders.a_release(self.planted, hold_id, event.pence // 3, released_on=ended_on)
            return
        status = {"hold cleared": "posted", "hold released": "reversed", "hold expired": "expired"}[event.kind]
        await builders.an_end_of_hold(self.planted, hold_id, status=status, ended_on=ended_on)
        if status == "posted":
            booked_on = ended_on + timedelta(days=event.account)
            await builders.a_transaction(
                self.planted, account_id, -event.pence, booked_on=booked_on, type="purchase_pos", settles=hold_id
            )


_FACTS: Mapping[str, str] = {
    "end": "UPDATE agreement SET status = 'ended', suspension_reason = NULL, end_reason = 'moved away',"
    " ended_on = greatest($2::date, started_on) WHERE id = $1 AND status <> 'ended'",
    "die": "UPDATE recipient SET died_on = $2 WHERE id = (SELECT recipient_id FROM agreement WHERE id = $1)",
    "close": "UPDATE account SET status = 'closed', closed_on = greatest($2::date, opened_on) WHERE id = $1"
    " AND status = 'open'",
    "suspend": "UPDATE agreement SET status = 'suspended', suspension_reason = 'in hospital'"
    " WHERE id = $1 AND status = 'active' AND $2::date IS NOT NULL",
}


def _subject(event: Event, agreement_id: UUID, account_id: UUID) -> tuple[Any, ...]:
    return (account_id,) if event.kind == "close" else (agreement_id,)
