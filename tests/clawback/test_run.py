from datetime import date, timedelta

import pytest

from services.shared import driver
from tests.builders import clawback as builders
from tests.clawback.conftest import NOW, TODAY, Run

FOUR_WEEKS = 97_372
RECENTLY = TODAY - timedelta(days=3)


async def test_four_weeks_of_gross_to_the_penny_are_no_flag(planted: driver.Connection, run: Run) -> None:
    await builders.money_held(planted, FOUR_WEEKS, on=RECENTLY)
    result = await run()
    assert (result.agreements, result.accounts, result.flagged, result.new_cases) == (1, 1, 0, 0)
    assert result.excess_pence == 0
    assert await planted.fetchval("SELECT count(*) FROM clawback_case") == 0


async def test_a_penny_more_is_a_flag_with_a_penny_of_excess(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 1, on=RECENTLY)
    result = await run()
    assert (result.flagged, result.new_cases, result.excess_pence) == (1, 1, 1)
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["excess_pence"], case["case_excess_pence"], case["weeks_of_cover_hundredths"]) == (1, 1, 400)
    assert (case["posted_pence"], case["held_pence"], case["counted_pence"]) == (97_373, 0, 97_373)
    assert (case["weekly_gross_pence"], case["threshold_weeks"], case["threshold_pence"]) == (24_343, 4, FOUR_WEEKS)
    assert (case["opened_on"], case["last_flagged_on"], case["as_of"]) == (TODAY, TODAY, TODAY)


async def test_the_same_stands_where_the_days_gross_is_read_from_the_projection(
    planted: driver.Connection, run: Run
) -> None:
    under = await builders.money_held(planted, FOUR_WEEKS, on=RECENTLY)
    over = await builders.money_held(planted, FOUR_WEEKS + 1, on=RECENTLY)
    await builders.gross_today(planted, TODAY)
    result = await run()
    assert (result.agreements, result.flagged, result.excess_pence) == (2, 1, 1)
    assert await builders.case_of(planted, under) is None
    assert await builders.case_of(planted, over) is not None


async def test_a_projection_of_another_day_is_not_believed(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 1, on=RECENTLY)
    await builders.gross_today(planted, TODAY - timedelta(days=1))
    await planted.execute("UPDATE gross_today SET weekly_gross_pence = 1")
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert case["excess_pence"] == 1


async def test_an_agreement_that_the_projection_lacks_is_judged_by_its_dated_rows(
    planted: driver.Connection, run: Run
) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 1, on=RECENTLY)
    await builders.gross_today(planted, TODAY)
    await builders.money_held(planted, FOUR_WEEKS + 2, on=RECENTLY)
    result = await run()
    assert (result.agreements, result.flagged, result.excess_pence) == (2, 2, 3)


async def test_all_accounts_of_an_agreement_count_together(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, 50_000, on=RECENTLY)
    manager = await builders.an_account(planted, agreement_id, kind="money_manager_account", last_four=None)
    closed = await builders.an_account(planted, agreement_id, kind="bank_account", closed_on=RECENTLY)
    await builders.a_transaction(planted, manager, 40_000, booked_on=RECENTLY)
    assert (await run()).flagged == 0
    await builders.a_transaction(planted, closed, 7_373, booked_on=RECENTLY)
    result = await run()
    assert (result.agreements, result.accounts, result.flagged, result.excess_pence) == (1, 3, 1, 1)
    lines = await planted.fetch("SELECT account_kind, posted_pence FROM clawback_calculation_line ORDER BY 2")
    assert [tuple(line) for line in lines] == [
        ("bank_account", 7_373),
        ("money_manager_account", 40_000),
        ("prepaid_card", 50_000),
    ]


async def test_an_account_that_never_moved_counts_as_empty(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 1, on=RECENTLY)
    await builders.an_account(planted, agreement_id)
    result = await run()
    assert (result.accounts, result.flagged, result.excess_pence) == (2, 1, 1)


async def test_money_of_another_agreement_does_not_count(planted: driver.Connection, run: Run) -> None:
    await builders.money_held(planted, 60_000, on=RECENTLY)
    await builders.money_held(planted, 60_000, on=RECENTLY)
    assert (await run()).flagged == 0


async def test_what_is_held_for_card_payments_is_taken_off(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 500, on=RECENTLY)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_hold(planted, account_id, 499, authorised_on=RECENTLY)
    assert (await run()).excess_pence == 1
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["posted_pence"], case["held_pence"], case["counted_pence"]) == (97_872, 499, 97_373)
    await builders.a_hold(planted, account_id, 1, authorised_on=RECENTLY)
    assert (await run()).flagged == 0


@pytest.mark.parametrize(
    ("status", "schedule", "ended_on", "is_tested"),
    [
        ("active", "four_weekly", None, True),
        ("active", "monthly", None, True),
        ("suspended", "four_weekly", None, True),
        ("active", "one_off", None, False),
        ("draft", "four_weekly", None, False),
        ("ended", "four_weekly", TODAY, False),
        ("ended", "four_weekly", TODAY - timedelta(days=1), False),
    ],
)
async def test_which_agreements_are_tested(
    planted: driver.Connection, run: Run, status: str, schedule: str, ended_on: date | None, is_tested: bool
) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 1, on=RECENTLY, status=status, schedule=schedule, ended_on=ended_on)
    result = await run()
    assert (result.agreements, result.flagged) == ((1, 1) if is_tested else (0, 0))


async def test_an_agreement_that_starts_tomorrow_or_has_no_budget_is_not_tested(
    planted: driver.Connection, run: Run
) -> None:
    starts_tomorrow = await builders.an_agreement(planted, started_on=TODAY + timedelta(days=1))
    without_budget = await builders.an_agreement(planted, weekly_gross_pence=None)
    later_budget = await builders.an_agreement(planted, weekly_gross_pence=None)
    await builders.a_budget(planted, later_budget, weekly_gross_pence=1, effective_from=TODAY + timedelta(days=1))
    for agreement_id in (starts_tomorrow, without_budget, later_budget):
        account_id = await builders.an_account(planted, agreement_id)
        await builders.a_transaction(planted, account_id, 1_000_000, booked_on=RECENTLY)
    assert (await run()).agreements == 0


async def test_a_trial_account_is_left_alone(planted: driver.Connection, run: Run) -> None:
    await builders.a_team(planted)
    trial = await builders.an_account(planted, None, kind="trial")
    await builders.a_transaction(planted, trial, 10_000_000, booked_on=RECENTLY)
    result = await run()
    assert (result.accounts, result.agreements, result.flagged) == (0, 0, 0)


async def test_a_budget_that_starts_on_the_day_is_the_one_that_counts(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 1, on=RECENTLY)
    lower = await builders.a_budget(planted, agreement_id, weekly_gross_pence=20_000, effective_from=TODAY)
    await builders.a_budget(planted, agreement_id, weekly_gross_pence=10_000, effective_from=TODAY + timedelta(days=1))
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["budget_id"], case["excess_pence"]) == (lower, 97_373 - 80_000)


async def test_of_two_decisions_about_one_day_the_later_counts(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 1, on=RECENTLY)
    raised = await builders.a_budget(planted, agreement_id, weekly_gross_pence=24_344)
    assert (await run()).flagged == 0
    assert raised != await builders.a_budget(planted, agreement_id, weekly_gross_pence=24_342)
    assert (await run()).excess_pence == 97_373 - 4 * 24_342


async def test_the_gross_counts_and_not_the_net_that_is_loaded(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, 39_999, on=RECENTLY, weekly_gross_pence=None)
    await builders.a_budget(planted, agreement_id, weekly_gross_pence=10_000, contribution_pence=2_000)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    assert (await run()).flagged == 0
    await builders.a_transaction(planted, account_id, 2, booked_on=RECENTLY, type="contribution_in")
    assert (await run()).excess_pence == 1


async def test_money_where_nothing_is_due_a_week_covers_no_number_of_weeks(
    planted: driver.Connection, run: Run
) -> None:
    agreement_id = await builders.money_held(planted, 5_000, on=RECENTLY, weekly_gross_pence=0)
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["excess_pence"], case["weeks_of_cover_hundredths"]) == (5_000, None)


async def test_the_runs_row_holds_its_figures(planted: driver.Connection, run: Run) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 7, on=RECENTLY)
    await builders.money_held(planted, FOUR_WEEKS, on=RECENTLY)
    result = await run()
    row = await planted.fetchrow("SELECT * FROM clawback_run")
    assert row is not None
    assert (row["id"], row["as_of"], row["trigger"], row["started_at"]) == (result.run_id, TODAY, "manual", NOW)
    assert (row["accounts"], row["agreements"], row["flagged"], row["new_cases"]) == (2, 2, 1, 1)
    assert row["excess_pence"] == 7
    assert row["finished_at"] >= row["started_at"]


async def test_a_rule_set_to_eight_weeks_from_a_day_on_counts_from_that_day(
    planted: driver.Connection, run: Run
) -> None:
    agreement_id = await builders.money_held(planted, 2 * FOUR_WEEKS, on=RECENTLY - timedelta(days=7))
    await planted.execute(
        """INSERT INTO clawback_policy (effective_from, threshold_weeks, source, made_by, reason)
           VALUES ($1, 8, 'Cabinet decision', 'S1', 'agreed')""",
        TODAY,
    )
    assert (await run(TODAY - timedelta(days=1))).flagged == 1
    assert (await run()).flagged == 0
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["threshold_weeks"], case["last_flagged_on"]) == (4, TODAY - timedelta(days=1))
