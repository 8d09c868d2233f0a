import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from services.clawback import main
from services.clawback.cases import operations as cases
from services.clawback.runs import writing
from services.shared import driver, jobs
from services.shared.database import IntegrityTrouble, WriteSession
from services.shared.errors import Conflict, Stale, Unavailable
from services.shared.vocabulary.clawback import RunTrigger
from tests.builders import clawback as builders
from tests.builders import commits
from tests.clawback.conftest import ACTOR, NOW, TODAY, Run, run_on
from tests.databases import Databases
from tests.rolled_back import Shared

FOUR_WEEKS = 97_372
LONG_AGO = TODAY - timedelta(days=90)
TOMORROW = TODAY + timedelta(days=1)
THE_DAY_AFTER = NOW + timedelta(days=1)


Committed = tuple[driver.Connection, Run]
"""A connection that plants and a run, on a database of the test's own: for runs at the same instant."""


@pytest.fixture
async def committed(databases: Databases) -> AsyncIterator[Committed]:
    async with databases.superuser() as connection:
        yield connection, run_on(databases.clawback)


async def counts(planted: driver.Connection) -> tuple[int, ...]:
    """Return how many runs, cases, calculations and account lines there are."""
    tables = ("run", "case", "calculation", "calculation_line")
    return tuple([await planted.fetchval(f"SELECT count(*) FROM clawback_{table}") for table in tables])


async def withdraw(shared: Shared, planted: driver.Connection, agreement_id: UUID, *, now: datetime) -> UUID:
    """Withdraw the open case of an agreement and return it."""
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    async with shared.clawback.write(actor=ACTOR) as session:
        await cases.withdraw_clawback_case(
            session, case_id=case["case_id"], version=case["version"], reason="two loads by mistake", now=now
        )
    found: UUID = case["case_id"]
    return found


async def test_a_second_run_adds_its_own_row_and_nothing_else(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await builders.money_held(planted, FOUR_WEEKS + 6, on=TODAY)
    await run()
    before = await builders.case_of(planted, agreement_id)
    again = await run(now=NOW + timedelta(hours=1))
    assert (again.flagged, again.new_cases, again.calculations, again.excess_pence) == (2, 0, 0, 11)
    assert await counts(planted) == (2, 2, 2, 2)
    assert await builders.case_of(planted, agreement_id) == before


async def test_the_next_day_with_the_same_figures_moves_only_the_last_day(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await run()
    again = await run(TOMORROW, now=THE_DAY_AFTER)
    assert (again.flagged, again.new_cases, again.calculations) == (1, 0, 0)
    assert await counts(planted) == (2, 1, 1, 1)
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["opened_on"], case["last_flagged_on"], case["version"]) == (TODAY, TOMORROW, 1)


async def test_changed_figures_are_a_new_calculation_of_the_same_case(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await run()
    first = await builders.case_of(planted, agreement_id)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_transaction(planted, account_id, 100, booked_on=TODAY)
    again = await run()
    assert (again.new_cases, again.calculations) == (0, 1)
    second = await builders.case_of(planted, agreement_id)
    assert first is not None
    assert second is not None
    assert (second["case_id"], second["version"]) == (first["case_id"], 2)
    assert second["id"] != first["id"]
    assert (second["excess_pence"], second["case_excess_pence"]) == (105, 105)


@pytest.mark.parametrize("change", ["budget", "policy", "hold", "nil sum", "low point"])
async def test_whatever_a_figure_stands_on_makes_a_new_calculation(
    planted: driver.Connection, run: Run, change: str
) -> None:
    loaded_on = TODAY - timedelta(days=26) if change == "low point" else LONG_AGO
    agreement_id = await builders.money_held(planted, 2 * FOUR_WEEKS, on=loaded_on)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await run()
    if change == "budget":
        await builders.a_budget(planted, agreement_id, weekly_gross_pence=builders.GROSS)
    if change == "policy":
        await planted.execute(
            """INSERT INTO clawback_policy (effective_from, threshold_weeks, source, made_by, reason)
               VALUES ($1, 4, 'Cabinet decision', 'S1', 'said again')""",
            TODAY,
        )
    if change == "hold":
        await builders.a_hold(planted, account_id, 1, authorised_on=TODAY)
    if change == "nil sum":
        await builders.a_transaction(planted, account_id, -90_000, booked_on=TODAY - timedelta(days=9), type="bacs_out")
        await builders.a_transaction(planted, account_id, 90_000, booked_on=TODAY - timedelta(days=8), type="reversal")
    days = 2 if change == "low point" else 0
    again = await run(TODAY + timedelta(days=days), now=NOW + timedelta(days=days))
    assert (again.new_cases, again.calculations) == (0, 1)


async def test_a_withdrawn_case_stays_withdrawn_that_day_and_another_opens_on_a_later_one(
    shared: Shared, planted: driver.Connection, run: Run
) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await run()
    withdrawn = await withdraw(shared, planted, agreement_id, now=NOW + timedelta(hours=8))
    assert (await run(now=NOW + timedelta(hours=9))).new_cases == 0
    assert (await run(TODAY - timedelta(days=1), now=THE_DAY_AFTER)).new_cases == 0
    assert (await run(TOMORROW, now=THE_DAY_AFTER)).new_cases == 1
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert case["case_id"] != withdrawn
    assert case["opened_on"] == TOMORROW
    rows = await planted.fetch("SELECT status, withdrawal_reason FROM clawback_case ORDER BY opened_on")
    assert [tuple(row) for row in rows] == [
        ("withdrawn", "two loads by mistake"),
        ("awaiting_support_check", None),
    ]


async def test_a_withdrawal_just_before_midnight_is_of_the_london_day(
    shared: Shared, planted: driver.Connection, run: Run
) -> None:
    summer = date(2026, 7, 1)
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=summer)
    await run(summer, now=datetime(2026, 7, 1, 12, tzinfo=UTC))
    await withdraw(shared, planted, agreement_id, now=datetime(2026, 7, 1, 23, 30, tzinfo=UTC))
    assert (await run(date(2026, 7, 2), now=datetime(2026, 7, 2, 12, tzinfo=UTC))).new_cases == 0
    assert (await run(date(2026, 7, 3), now=datetime(2026, 7, 3, 12, tzinfo=UTC))).new_cases == 1


async def test_a_case_is_withdrawn_once_and_at_the_version_that_was_read(
    shared: Shared, planted: driver.Connection, run: Run
) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    for version, trouble in ((2, Stale), (1, None), (2, Conflict)):
        async with shared.clawback.write(actor=ACTOR) as session:
            act = cases.withdraw_clawback_case(
                session, case_id=case["case_id"], version=version, reason="an error", now=NOW
            )
            if trouble is None:
                await act
                continue
            with pytest.raises(trouble):
                await act
            await session.rollback()


async def test_a_case_whose_money_was_spent_stands_with_the_day_it_was_last_flagged(
    planted: driver.Connection, run: Run
) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await run()
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_transaction(planted, account_id, -5, booked_on=TODAY, type="fee")
    assert (await run(TOMORROW, now=THE_DAY_AFTER)).flagged == 0
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["last_flagged_on"], case["excess_pence"]) == (TODAY, 5)


async def test_runs_at_the_same_instant_open_no_case_twice(committed: Committed) -> None:
    planted, run = committed
    for pence in range(1, 41):
        await builders.money_held(planted, FOUR_WEEKS + pence, on=LONG_AGO)
    results = await asyncio.gather(*(run() for _ in range(4)))
    assert sum(result.new_cases for result in results) == 40
    assert sum(result.calculations for result in results) == 40
    assert {(result.flagged, result.excess_pence) for result in results} == {(40, 820)}
    assert await counts(planted) == (4, 40, 40, 40)
    assert await planted.fetchval("SELECT count(DISTINCT agreement_id) FROM clawback_case") == 40


async def test_runs_at_the_same_instant_move_a_case_on_once(committed: Committed) -> None:
    planted, run = committed
    for _ in range(19):
        await builders.money_held(planted, FOUR_WEEKS + 20, on=LONG_AGO)
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 20, on=LONG_AGO)
    await run()
    await planted.execute("UPDATE account_balance SET posted_pence = posted_pence + 1, transactions = transactions + 1")
    results = await asyncio.gather(*(run() for _ in range(4)))
    assert sum(result.calculations for result in results) == 20
    assert await counts(planted) == (5, 20, 40, 40)
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["version"], case["excess_pence"]) == (2, 21)


async def test_a_day_has_one_scheduled_run_and_any_number_of_others(planted: driver.Connection, run: Run) -> None:
    await run(trigger=RunTrigger.SCHEDULED)
    await run()
    await run()
    with pytest.raises(IntegrityTrouble, match="uq_clawback_run_scheduled"):
        await run(trigger=RunTrigger.SCHEDULED)
    assert await planted.fetchval("SELECT count(*) FROM clawback_run") == 3


async def test_of_two_schedulers_one_makes_the_nightly_run(databases: Databases, committed: Committed) -> None:
    planted, _ = committed
    await builders.money_held(planted, FOUR_WEEKS + 5, on=date(2026, 2, 1))
    now = datetime.now(UTC)
    done = await asyncio.gather(*(jobs.run(main.NIGHTLY_RUN, databases.clawback, now=now) for _ in range(3)))
    assert sorted(done) == [False, False, True]
    assert not await jobs.run(main.NIGHTLY_RUN, databases.clawback, now=now)
    rows = await planted.fetch("SELECT trigger, flagged, new_cases FROM clawback_run")
    assert [tuple(row) for row in rows] == [("scheduled", 1, 1)]


async def test_a_run_leaves_one_entry_with_the_digest_of_what_it_wrote(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await builders.a_transaction(
        planted, await builders.an_account(planted, agreement_id), 3, booked_on=TODAY, type="refund"
    )
    await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    result = await run()
    texts = []
    for table, order in (("calculation", "id"), ("calculation_line", "calculation_id, account_id")):
        rows = await planted.fetch(f"SELECT part::text FROM clawback_{table} part ORDER BY {order}")
        texts += [row["part"] for row in rows]
    assert len(texts) == 5
    digest = hashlib.sha256("\n".join(texts).encode()).digest()
    entry = await planted.fetchrow("SELECT * FROM audit_entry WHERE action = 'run_clawback'")
    assert entry is not None
    assert (entry["subject_id"], entry["actor"], entry["digest"]) == (str(result.run_id), ACTOR.name, digest)
    assert entry["legal_source"] == "Direct Payments Development Plan 2018-2023, s.8"
    assert await planted.fetchval("SELECT digest FROM clawback_run") == digest
    assert await planted.fetchval("SELECT count(*) FROM audit_entry WHERE service = 'clawback'") == 1


async def test_nothing_is_kept_of_a_run_whose_commit_fails(committed: Committed) -> None:
    planted, run = committed
    await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    async with commits.failing(planted, "clawback_run"):
        with pytest.raises(Unavailable):
            await run()
    assert await counts(planted) == (0, 0, 0, 0)
    assert await planted.fetchval("SELECT count(*) FROM audit_entry WHERE service = 'clawback'") == 0
    assert (await run()).new_cases == 1


async def test_a_run_of_a_past_day_that_a_later_days_run_overtakes_moves_nothing_back(
    committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted, run = committed
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 500, on=LONG_AGO)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await run(TODAY - timedelta(days=10))
    hold_id = await builders.a_hold(planted, account_id, 300, authorised_on=TODAY - timedelta(days=6))
    await builders.an_end_of_hold(planted, hold_id, status="reversed", ended_on=TODAY - timedelta(days=4))
    open_cases = writing.open_cases

    async def overtaken(session: WriteSession, *, run_id: UUID, as_of: date, now: datetime) -> int:
        if as_of < TODAY:
            await run()
        return await open_cases(session, run_id=run_id, as_of=as_of, now=now)

    monkeypatch.setattr(writing, "open_cases", overtaken)
    assert (await run(TODAY - timedelta(days=5))).excess_pence == 200
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["last_flagged_on"], case["case_excess_pence"], case["excess_pence"]) == (TODAY, 500, 500)
