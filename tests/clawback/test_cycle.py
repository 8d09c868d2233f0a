from datetime import date, timedelta

import pytest

from services.shared import driver
from tests.builders import clawback as builders
from tests.clawback.conftest import TODAY, Run

FOUR_WEEKS = 97_372


async def low_point(planted: driver.Connection, run: Run, *movements: tuple[int, int, str]) -> tuple[int, date]:
    """Return the low point and its day after movements of (days ago, pence, type) on one account."""
    agreement_id = await builders.an_agreement(planted)
    account_id = await builders.an_account(planted, agreement_id)
    for days_ago, pence, kind in movements:
        await builders.a_transaction(planted, account_id, pence, booked_on=TODAY - timedelta(days=days_ago), type=kind)
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    return case["low_point_pence"], case["low_point_on"]


async def test_a_healthy_account_just_after_its_load_was_low_the_day_before(
    planted: driver.Connection, run: Run
) -> None:
    found = await low_point(
        planted, run, (28, FOUR_WEEKS, "load"), (20, -50_000, "bacs_out"), (5, -47_000, "bacs_out"), (0, 97_372, "load")
    )
    assert found == (372, TODAY - timedelta(days=1))


async def test_a_real_surplus_is_over_at_its_lowest_too(planted: driver.Connection, run: Run) -> None:
    found = await low_point(
        planted, run, (60, 200_000, "load"), (10, -30_000, "bacs_out"), (2, 97_372, "load"), (1, -100, "fee")
    )
    assert found == (170_000, TODAY - timedelta(days=3))


@pytest.mark.parametrize(("days_ago", "expected"), [(27, (97_373, TODAY)), (26, (1, TODAY - timedelta(days=27)))])
async def test_the_cycle_is_the_twenty_eight_days_that_end_with_the_day(
    planted: driver.Connection, run: Run, days_ago: int, expected: tuple[int, date]
) -> None:
    assert await low_point(planted, run, (60, 1, "load"), (days_ago, FOUR_WEEKS, "load")) == expected


async def test_a_dip_within_a_day_is_no_low_point(planted: driver.Connection, run: Run) -> None:
    found = await low_point(
        planted, run, (40, 100_000, "load"), (4, -99_999, "bacs_out"), (4, 99_999, "reversal"), (3, 5, "refund")
    )
    assert found == (100_000, TODAY - timedelta(days=4))


async def test_what_is_set_aside_today_lowers_todays_point(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, 100_000, on=TODAY - timedelta(days=40))
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_hold(planted, account_id, 700, authorised_on=TODAY)
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["low_point_pence"], case["low_point_on"]) == (99_300, TODAY)


async def test_the_low_point_is_that_of_all_accounts_together(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.an_agreement(planted)
    card = await builders.an_account(planted, agreement_id)
    bank = await builders.an_account(planted, agreement_id, kind="bank_account")
    await builders.a_transaction(planted, card, 100_000, booked_on=TODAY - timedelta(days=50))
    for account_id, pence in ((card, -60_000), (bank, 60_000)):
        await builders.a_transaction(
            planted, account_id, pence, booked_on=TODAY - timedelta(days=9), type="card_transfer"
        )
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["low_point_pence"], case["low_point_on"]) == (100_000, TODAY)


async def test_the_last_load_is_the_latest_days_whole_load(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.an_agreement(planted)
    card = await builders.an_account(planted, agreement_id)
    bank = await builders.an_account(planted, agreement_id, kind="bank_account")
    loaded_on = TODAY - timedelta(days=70)
    await builders.a_transaction(planted, card, 90_000, booked_on=loaded_on - timedelta(days=28))
    await builders.a_transaction(planted, card, 70_000, booked_on=loaded_on)
    await builders.a_transaction(planted, bank, 30_000, booked_on=loaded_on)
    await builders.a_transaction(planted, card, 500, booked_on=TODAY, type="refund")
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["last_load_on"], case["last_load_pence"]) == (loaded_on, 100_000)


async def test_an_account_without_a_load_names_none(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.an_agreement(planted)
    account_id = await builders.an_account(planted, agreement_id)
    await builders.a_transaction(planted, account_id, 97_373, booked_on=TODAY, type="faster_payment_in")
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["last_load_on"], case["last_load_pence"]) == (None, None)
    assert (case["low_point_pence"], case["low_point_on"]) == (0, TODAY - timedelta(days=1))
