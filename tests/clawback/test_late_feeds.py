"""A balance that nobody has heard of is no ground: agreements with a late feed are left out, and their cases stay."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.shared import driver
from services.shared.identity.roles import Role
from tests.builders import clawback as builders
from tests.builders import deliveries
from tests.clawback.conftest import NOW, TODAY, ClientOf, Run, once

FOUR_WEEKS = 97_372
LONG_AGO = TODAY - timedelta(days=90)
DAY = timedelta(hours=24)
INSTANT = timedelta(microseconds=1)


async def expect_daily(planted: driver.Connection) -> None:
    await planted.execute("UPDATE feed_provider SET expected_every_hours = 24 WHERE code = $1", builders.PROVIDER)


async def of_another_provider(planted: driver.Connection, agreement_id: UUID) -> None:
    await planted.execute("INSERT INTO feed_provider VALUES ('eastcard', 'East Card', now()) ON CONFLICT DO NOTHING")
    await planted.execute("UPDATE account SET provider_code = 'eastcard' WHERE agreement_id = $1", agreement_id)


@pytest.mark.parametrize(
    ("age", "flagged", "stale"),
    [(DAY, 1, 0), (DAY + INSTANT, 0, 1)],
    ids=["exactly a day ago", "an instant more"],
)
async def test_an_account_is_left_out_from_the_moment_its_feed_is_late(
    planted: driver.Connection, run: Run, age: timedelta, flagged: int, stale: int
) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await expect_daily(planted)
    await deliveries.delivered(planted, NOW - age)
    result = await run()
    assert (result.flagged, result.new_cases, result.stale_accounts) == (flagged, flagged, stale)
    assert (result.agreements, result.accounts, result.excess_pence) == (flagged, flagged, 5 * flagged)
    assert (await builders.case_of(planted, agreement_id) is not None) is bool(flagged)


async def test_a_feed_of_which_nothing_was_agreed_is_never_late(planted: driver.Connection, run: Run) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await deliveries.delivered(planted, NOW - 300 * DAY)
    assert ((result := await run()).flagged, result.stale_accounts) == (1, 0)


async def test_only_the_late_providers_agreements_are_left_out_and_all_of_their_accounts(
    planted: driver.Connection, run: Run
) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    mixed = await builders.money_held(planted, FOUR_WEEKS + 7, on=LONG_AGO)
    await of_another_provider(planted, mixed)
    await builders.an_account(planted, mixed)
    prompt = await builders.money_held(planted, FOUR_WEEKS + 9, on=LONG_AGO)
    await of_another_provider(planted, prompt)
    await expect_daily(planted)
    await deliveries.delivered(planted, NOW - 2 * DAY)
    result = await run()
    assert (result.agreements, result.accounts, result.stale_accounts) == (1, 1, 2)
    assert (result.flagged, result.excess_pence) == (1, 9)
    assert await builders.case_of(planted, prompt) is not None
    assert await builders.case_of(planted, mixed) is None


async def test_a_closed_account_with_a_provider_that_stopped_holds_nobody_up(
    planted: driver.Connection, run: Run
) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await of_another_provider(planted, agreement_id)
    await builders.an_account(planted, agreement_id, closed_on=LONG_AGO)
    await expect_daily(planted)
    await deliveries.delivered(planted, NOW - 80 * DAY)
    assert ((result := await run()).flagged, result.stale_accounts) == (1, 0)


async def test_a_day_that_the_feed_has_told_of_since_can_be_judged(planted: driver.Connection, run: Run) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await expect_daily(planted)
    await deliveries.delivered(planted, NOW - 2 * DAY)
    assert ((result := await run(TODAY - 4 * DAY)).flagged, result.stale_accounts) == (1, 0)
    assert ((result := await run(TODAY - DAY)).flagged, result.stale_accounts) == (0, 1)


async def test_an_open_case_is_not_refreshed_and_still_stands_as_over(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await expect_daily(planted)
    await deliveries.delivered(planted, NOW)
    assert (await run()).new_cases == 1
    before = await builders.case_of(planted, agreement_id)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_transaction(planted, account_id, 1_000, booked_on=TODAY + DAY)
    late = NOW + 2 * DAY
    assert (await run(TODAY + 2 * DAY, now=late)).stale_accounts == 1
    assert await builders.case_of(planted, agreement_id) == before
    manager = client_of(Role.FINANCE_OFFICER)
    listed = (await manager.get("/v1/clawback/cases", params={"still_over": True})).json()["items"]
    assert [item["is_still_over"] for item in listed] == [True]
    await deliveries.delivered(planted, late)
    await builders.a_transaction(planted, account_id, -50_000, booked_on=TODAY + 2 * DAY, type="purchase_pos")
    assert (await run(TODAY + 3 * DAY, now=late + DAY)).stale_accounts == 0
    assert (await manager.get("/v1/clawback/cases", params={"still_over": True})).json()["items"] == []


async def test_a_run_shows_what_it_left_out(planted: driver.Connection, client_of: ClientOf) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    await expect_daily(planted)
    await planted.execute("UPDATE feed_provider SET created_at = now() - interval '25 hours'")
    approver = client_of(Role.FINANCE_APPROVER)
    made = (await approver.post("/v1/clawback/runs", json={}, headers=once())).json()
    assert (made["stale_accounts"], made["accounts"], made["flagged"]) == (1, 0, 0)
    assert (await approver.get("/v1/clawback/runs")).json()["items"] == [made]
    kept = await planted.fetchval("SELECT changes::text FROM audit_entry WHERE action = 'run_clawback'")
    assert '"stale_accounts"' in kept
