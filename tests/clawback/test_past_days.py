from datetime import date, timedelta

import pytest

from services.clawback.policy import queries as policy
from services.clawback.runs import survey as positions
from services.shared import driver
from tests.builders import clawback as builders
from tests.clawback.conftest import TODAY, Run

FOUR_WEEKS = 97_372
THEN = date(2026, 11, 8)


async def test_what_was_booked_after_the_day_does_not_count(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=THEN)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_transaction(planted, account_id, -90_000, booked_on=THEN + timedelta(days=1), type="bacs_out")
    await builders.a_transaction(planted, account_id, 7, booked_on=TODAY, type="refund")
    assert (await run()).flagged == 0
    result = await run(THEN)
    assert (result.as_of, result.flagged, result.excess_pence) == (THEN, 1, 5)
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["opened_on"], case["posted_pence"], case["transactions"]) == (THEN, FOUR_WEEKS + 5, 1)
    line = await planted.fetchrow("SELECT * FROM clawback_calculation_line")
    assert line is not None
    assert (line["posted_pence"], line["transactions"], line["last_booked_on"]) == (FOUR_WEEKS + 5, 1, THEN)


async def test_a_booking_dated_ahead_does_not_count_yet(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS, on=THEN)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_transaction(planted, account_id, FOUR_WEEKS, booked_on=TODAY + timedelta(days=1))
    assert (await run()).flagged == 0


@pytest.mark.parametrize(
    ("authorised_on", "settled_on", "counts"),
    [
        (THEN, None, True),
        (THEN - timedelta(days=20), None, True),
        (THEN + timedelta(days=1), None, False),
        (THEN, THEN + timedelta(days=1), True),
        (THEN - timedelta(days=2), THEN, False),
    ],
)
async def test_holds_of_a_past_day_are_those_that_were_open_at_its_end(
    planted: driver.Connection, run: Run, authorised_on: date, settled_on: date | None, counts: bool
) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 500, on=THEN)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_hold(
        planted,
        account_id,
        300,
        authorised_on=authorised_on,
        settled_at=None if settled_on is None else builders.at(settled_on),
    )
    assert (await run(THEN)).excess_pence == (200 if counts else 500)


async def test_a_card_payment_that_was_booked_by_the_day_is_not_taken_off_twice(
    planted: driver.Connection, run: Run
) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 500, on=THEN - timedelta(days=9))
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    told_on = builders.at(THEN + timedelta(days=2))
    await builders.a_hold(
        planted, account_id, 300, authorised_on=THEN - timedelta(days=1), settled_at=told_on, transaction_id="T1"
    )
    await builders.a_transaction(planted, account_id, -300, booked_on=THEN, type="purchase_pos", transaction_id="T1")
    assert (await run(THEN)).excess_pence == 200


async def test_an_agreement_that_has_ended_since_still_ran_then(planted: driver.Connection, run: Run) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 1, on=THEN, status="ended", ended_on=THEN + timedelta(days=1))
    assert (await run(THEN)).flagged == 1
    assert (await run(THEN + timedelta(days=1))).agreements == 0


async def test_the_budget_of_that_day_counts(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 1, on=THEN)
    await builders.a_budget(planted, agreement_id, weekly_gross_pence=90_000, effective_from=THEN + timedelta(days=1))
    await builders.gross_today(planted, TODAY)
    assert (await run(THEN)).excess_pence == 1
    assert (await run()).flagged == 0


async def test_a_past_day_never_overwrites_what_a_later_one_found(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=THEN)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_transaction(planted, account_id, 100, booked_on=THEN + timedelta(days=3))
    await run()
    before = await builders.case_of(planted, agreement_id)
    result = await run(THEN)
    assert (result.flagged, result.new_cases, result.calculations, result.excess_pence) == (1, 0, 0, 5)
    assert await builders.case_of(planted, agreement_id) == before


async def test_a_day_that_has_not_come_is_refused(run: Run) -> None:
    with pytest.raises(positions.FutureDay):
        await run(TODAY + timedelta(days=1))


async def test_a_day_before_the_first_policy_is_refused(planted: driver.Connection, run: Run) -> None:
    with pytest.raises(policy.NoPolicyInForce):
        await run(date(2018, 9, 30))
    assert (await run(date(2018, 10, 1))).agreements == 0
    assert await planted.fetchval("SELECT count(*) FROM clawback_run") == 1


async def test_the_plans_policy_is_the_one_to_start_with(planted: driver.Connection) -> None:
    row = await planted.fetchrow("SELECT effective_from, threshold_weeks, source FROM clawback_policy")
    assert row is not None
    assert tuple(row) == (date(2018, 10, 1), 4, "Direct Payments Development Plan 2018-2023, s.8")


async def test_snapshots_and_runs_are_never_changed(planted: driver.Connection, run: Run) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 5, on=THEN)
    await run()
    for table in ("clawback_calculation", "clawback_calculation_line", "clawback_run", "clawback_policy"):
        with pytest.raises(Exception, match="append_only"):
            async with planted.transaction():
                await planted.execute(f"DELETE FROM {table}")
