from typing import Any

import pytest

from tests.builders import clawback as people
from tests.builders import deliveries as build
from tests.card_ingest.alerts.conftest import Watched, at


@pytest.mark.parametrize("kind", ["atm_withdrawal", "cashback", "quasi_cash"])
async def test_cash_is_told_where_the_agreement_does_not_permit_it(watched: Watched, kind: str) -> None:
    await watched.send(watched.event("t1", type=kind, amount_pence=3_000, mcc="6011"))
    assert await watched.look() == 1
    (alert,) = await watched.told()
    assert (alert["kind"], alert["route"], alert["status"]) == ("cash_without_permission", "care_pathway", "open")
    assert (alert["account_id"], alert["facts"]) == (watched.account_id, {"pence": 3_000, "type": kind})
    posted = await watched.connection.fetchval("SELECT id FROM card_transaction")
    assert alert["transaction_id"] == posted


async def test_cash_is_not_told_where_it_is_permitted(watched: Watched) -> None:
    await watched.connection.execute("UPDATE agreement SET cash_permitted = true, cash_reason = 'no shop takes cards'")
    await watched.send(watched.event("t1", type="atm_withdrawal", mcc="6011"))
    assert await watched.look() == 0


async def test_cash_below_the_least_sum_is_not_told(watched: Watched) -> None:
    await watched.set_policy("cash_without_permission", least_pence=2_000)
    await watched.send(
        watched.event("t1", type="atm_withdrawal", amount_pence=1_999, mcc=None),
        watched.event("t2", type="atm_withdrawal", amount_pence=2_000, mcc=None),
    )
    assert await watched.look() == 1
    assert [alert["facts"]["pence"] for alert in await watched.told()] == [2_000]


async def test_a_queried_code_is_told_and_an_ordinary_one_is_not(watched: Watched) -> None:
    await watched.send(watched.event("t1", mcc="7995"), watched.event("t2", mcc="5411"), watched.event("t3", mcc=None))
    assert await watched.look() == 1
    (alert,) = await watched.told()
    assert (alert["kind"], alert["route"]) == ("queried_merchant", "finance")
    assert alert["facts"] == {"pence": 1_234, "mcc": "7995", "type": "purchase_pos"}


async def test_money_that_comes_back_from_a_queried_seller_is_not_told(watched: Watched) -> None:
    await watched.send(watched.event("t1", type="refund", mcc="7995"))
    assert await watched.look() == 0


async def test_a_declined_attempt_at_a_queried_seller_is_told(watched: Watched) -> None:
    await watched.send(
        watched.event("d1", status="declined", mcc="7995"), watched.event("d2", status="declined", mcc="5411")
    )
    assert await watched.look() == 1
    (alert,) = await watched.told()
    assert alert["facts"] == {"pence": 1_234, "mcc": "7995", "declined": True}
    assert alert["transaction_id"] is None


async def test_declined_attempts_are_left_out_where_the_policy_says_so(watched: Watched) -> None:
    await watched.set_policy("queried_merchant", least_pence=1, mccs=["7995"], with_declined=False)
    await watched.send(watched.event("d1", status="declined", mcc="7995"))
    assert await watched.look() == 0


async def test_a_bounced_direct_debit_goes_to_the_care_pathway(watched: Watched) -> None:
    await watched.send(
        watched.event("t1", type="direct_debit", amount_pence=9_000, mcc="8050"),
        watched.event("t2", type="direct_debit_bounce", amount_pence=9_000, mcc="8050"),
    )
    assert await watched.look() == 1
    (alert,) = await watched.told()
    assert (alert["kind"], alert["route"]) == ("bounced_direct_debit", "care_pathway")
    assert alert["facts"] == {"pence": 9_000, "mcc": "8050"}


@pytest.mark.parametrize(("booked_on", "told"), [("2026-10-29", 0), ("2026-10-30", 1)])
async def test_spending_after_the_end_is_told_once_the_days_of_grace_are_over(
    watched: Watched, booked_on: str, told: int
) -> None:
    await watched.connection.execute(
        "UPDATE agreement SET status = 'ended', ended_on = '2026-10-01', end_reason = 'moved away'"
    )
    await watched.send(watched.event("t1", occurred_at=at(booked_on)))
    assert await watched.look() == told
    assert await watched.kinds() == ["spend_after_end"] * told


async def test_spending_after_an_end_that_is_recorded_later_is_told_by_the_daily_look(watched: Watched) -> None:
    await watched.send(watched.event("t1", occurred_at=at("2026-11-12")))
    assert await watched.look() == 0
    await watched.connection.execute(
        "UPDATE agreement SET status = 'ended', ended_on = '2026-10-01', end_reason = 'moved away'"
    )
    assert await watched.look_of_the_day() == 1
    assert await watched.look_of_the_day() == 0
    assert await watched.kinds() == ["spend_after_end"]


async def test_spending_after_an_account_was_closed_is_told(watched: Watched) -> None:
    await watched.send(watched.event("t1", occurred_at=at("2026-11-12")))
    await watched.connection.execute("UPDATE account SET status = 'closed', closed_on = '2026-10-01'")
    assert await watched.look() == 1
    assert await watched.kinds() == ["spend_after_end"]


@pytest.mark.parametrize(("booked_on", "told"), [("2026-11-10", 0), ("2026-11-11", 1)])
async def test_spending_after_a_death_is_told_from_the_next_day(watched: Watched, booked_on: str, told: int) -> None:
    await watched.connection.execute("UPDATE recipient SET died_on = '2026-11-10'")
    await watched.send(watched.event("t1", occurred_at=at(booked_on)))
    assert await watched.look() == told
    assert await watched.kinds() == ["spend_after_death"] * told


@pytest.mark.parametrize(
    ("occurred_at", "told"),
    [(at("2026-11-10", 23, 59), 0), ("2026-11-11T00:00:00Z", 1), ("2026-11-10T23:30:00-01:00", 1)],
)
async def test_what_was_bought_before_a_death_and_is_booked_after_it_is_not_told(
    watched: Watched, occurred_at: str, told: int
) -> None:
    await watched.connection.execute("UPDATE recipient SET died_on = '2026-11-10'")
    await watched.send(watched.event("t1", occurred_at=occurred_at, booked_on="2026-11-12"))
    assert await watched.look() == told
    assert await watched.look_of_the_day() == 0


async def test_the_sum_after_a_death_leaves_out_what_was_bought_before_it(watched: Watched) -> None:
    await watched.connection.execute("UPDATE recipient SET died_on = '2026-11-10'")
    await watched.send(
        watched.event("t1", occurred_at=at("2026-11-10"), booked_on="2026-11-12"),
        watched.event("t2", occurred_at=at("2026-11-11"), booked_on="2026-11-13"),
    )
    assert await watched.look() == 1
    (alert,) = await watched.told()
    assert (alert["facts"]["pence"], alert["facts"]["transactions"]) == (1_234, 1)


async def test_spending_after_a_death_is_told_once_a_month_with_its_sum(watched: Watched) -> None:
    await watched.connection.execute("UPDATE recipient SET died_on = '2026-10-10'")
    days = ("2026-10-12", "2026-10-13", "2026-11-01")
    await watched.send(*(watched.event(f"t{day}", occurred_at=at(day)) for day in days))
    await watched.send(watched.event("fee", type="fee", occurred_at=at("2026-11-02"), mcc=None, merchant_name=None))
    assert await watched.look() == 2
    october, november = await watched.told()
    assert (october["facts"]["pence"], october["facts"]["transactions"]) == (2_468, 2)
    assert (november["facts"]["pence"], november["facts"]["over_on"]) == (1_234, "2026-10-10")
    assert await watched.look_of_the_day() == 0


def charges(watched: Watched, **second: Any) -> list[dict[str, Any]]:
    first = {"amount_pence": 2_000, "merchant_name": "ACME CARE", "occurred_at": at("2026-11-10", 9)}
    return [watched.event("t1", **first), watched.event("t2", **(first | second))]


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({"occurred_at": at("2026-11-11", 9)}, 1),
        ({"occurred_at": at("2026-11-11", 9, 1)}, 0),
        ({"amount_pence": 2_001}, 0),
        ({"merchant_name": "OTHER CARE"}, 0),
        ({"type": "direct_debit"}, 1),
        ({"type": "refund"}, 0),
    ],
)
async def test_the_same_sum_to_the_same_payee_within_hours_is_told(
    watched: Watched, second: dict[str, Any], told: int
) -> None:
    await watched.send(*charges(watched, **second))
    assert await watched.look() == told
    assert await watched.kinds() == ["duplicate_charge"] * told


async def test_small_equal_charges_are_not_told(watched: Watched) -> None:
    await watched.send(*(event | {"amount_pence": 1_999} for event in charges(watched)))
    assert await watched.look() == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_the_later_of_two_equal_charges_is_told_whichever_came_first(
    watched: Watched, order: tuple[int, int]
) -> None:
    events = charges(watched, occurred_at=at("2026-11-10", 12))
    for place in order:
        await watched.send(events[place])
        await watched.look()
    (alert,) = await watched.told()
    assert alert["key"] == f"duplicate_charge/{watched.account_id}/t2"
    assert len(alert["facts"]["transaction_ids"]) == 2


async def test_another_accounts_equal_charge_is_no_duplicate(watched: Watched) -> None:
    other = await people.an_account(watched.connection, watched.agreement_id)
    await watched.send(*charges(watched, account_ref=str(other)))
    assert await watched.look() == 0


async def test_a_trial_account_raises_nothing(watched: Watched) -> None:
    trial = await people.an_account(watched.connection, None, kind="trial")
    declined = [watched.event(f"d{n}", status="declined", mcc="7995", account_ref=str(trial)) for n in range(5)]
    await watched.send(
        watched.event("t1", type="atm_withdrawal", account_ref=str(trial)),
        watched.event("t2", mcc="7995", account_ref=str(trial)),
        *declined,
    )
    assert (await build.books(watched.connection, trial)).transactions == 2
    assert (await watched.look(), await watched.look_of_the_day()) == (0, 0)


async def test_money_booked_before_its_account_was_opened_posts_and_is_told_once_a_month(watched: Watched) -> None:
    await watched.connection.execute("UPDATE account SET opened_on = '2026-09-10' WHERE id = $1", watched.account_id)
    await watched.send(
        watched.event("t1", booked_on="2026-09-09", amount_pence=500),
        watched.event("t2", booked_on="2026-09-10", amount_pence=600),
        watched.event("t3", booked_on="2026-09-01", type="load", amount_pence=7_000),
        watched.event("t4", booked_on="1998-02-03", amount_pence=100),
    )
    assert (await build.books(watched.connection, watched.account_id)).transactions == 4
    await watched.look()
    told = [alert for alert in await watched.told() if alert["kind"] == "booked_before_opening"]
    assert [(alert["concerns_on"].isoformat(), alert["route"]) for alert in told] == [
        ("1998-02-03", "finance"),
        ("2026-09-01", "finance"),
    ]
    facts = told[1]["facts"]
    assert (facts["opened_on"], facts["pence"], facts["transactions"]) == ("2026-09-10", 6_500, 2)
    assert await watched.look() == 0
