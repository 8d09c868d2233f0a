from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.shared import driver
from services.shared.identity.roles import Role
from tests.builders import clawback as builders
from tests.clawback.conftest import NOW, TODAY, ClientOf, Run

CASES = "/v1/clawback/cases"
FOUR_WEEKS = 97_372
DAY_BEFORE, YESTERDAY = TODAY - timedelta(days=2), TODAY - timedelta(days=1)


async def flagged(planted: driver.Connection, run: Run) -> UUID:
    """Have a case opened two days ago and return the agreement."""
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + 5_000, on=TODAY - timedelta(days=90))
    await run(DAY_BEFORE, now=NOW - timedelta(days=2))
    return agreement_id


async def spend(planted: driver.Connection, agreement_id: UUID) -> None:
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_transaction(planted, account_id, -5_000, booked_on=YESTERDAY, type="purchase")


async def both(client_of: ClientOf) -> list[dict[str, Any]]:
    """Return the only case as the list and as its own page show it."""
    auditor = client_of(Role.AUDITOR)
    (item,) = (await auditor.get(CASES)).json()["items"]
    return [item, (await auditor.get(f"{CASES}/{item['id']}")).json()]


async def listed(client_of: ClientOf, still_over: str) -> int:
    return len((await client_of(Role.AUDITOR).get(CASES, params={"still_over": still_over})).json()["items"])


async def test_a_case_whose_money_is_still_there_is_still_over(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    await flagged(planted, run)
    await run()
    assert [shown["is_still_over"] for shown in await both(client_of)] == [True, True]
    assert (await listed(client_of, "true"), await listed(client_of, "false")) == (1, 0)


async def test_a_case_whose_money_has_been_spent_keeps_its_figures_and_is_not_over_any_more(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    agreement_id = await flagged(planted, run)
    await spend(planted, agreement_id)
    assert (await listed(client_of, "true"), await listed(client_of, "false")) == (1, 0)
    await run()
    item, page = await both(client_of)
    assert (item["is_still_over"], item["excess_pence"], item["last_flagged_on"]) == (False, 5_000, "2026-11-20")
    assert page["is_still_over"] is False
    assert (await listed(client_of, "true"), await listed(client_of, "false")) == (0, 1)


async def test_a_run_of_a_day_before_the_last_changes_nothing(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    agreement_id = await flagged(planted, run)
    await spend(planted, agreement_id)
    await run()
    await run(DAY_BEFORE)
    assert [shown["is_still_over"] for shown in await both(client_of)] == [False, False]


@pytest.mark.parametrize(("is_spent", "expected"), [(False, True), (True, False)])
async def test_an_ended_agreement_is_as_its_last_tested_day_left_it(
    planted: driver.Connection, run: Run, client_of: ClientOf, is_spent: bool, expected: bool
) -> None:
    agreement_id = await flagged(planted, run)
    if is_spent:
        await spend(planted, agreement_id)
    await run(YESTERDAY, now=NOW - timedelta(days=1))
    await planted.execute(
        "UPDATE agreement SET status = 'ended', ended_on = $2, end_reason = 'moved away' WHERE id = $1",
        agreement_id,
        TODAY,
    )
    await run()
    assert [shown["is_still_over"] for shown in await both(client_of)] == [expected, expected]


async def test_a_withdrawn_case_is_not_over(planted: driver.Connection, run: Run, client_of: ClientOf) -> None:
    await flagged(planted, run)
    await planted.execute(
        "UPDATE clawback_case SET status = 'withdrawn', closed_on = opened_on, withdrawal_reason = 'wrong data'"
    )
    assert [shown["is_still_over"] for shown in await both(client_of)] == [False, False]
    assert (await listed(client_of, "true"), await listed(client_of, "false")) == (0, 1)


async def test_a_death_is_shown_and_changes_the_words(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    await flagged(planted, run)
    before = await both(client_of)
    await planted.execute("UPDATE recipient SET died_on = $1", YESTERDAY)
    after = await both(client_of)
    assert [shown["recipient_has_died"] for shown in (*before, *after)] == [False, False, True, True]
    assert "asks whether the person has the support" in before[1]["calculation"]["in_words"]
    words = after[1]["calculation"]["in_words"]
    assert "The person has died, and the direct payment ended with them." in words
    assert "asks whether the person has the support" not in words
