from datetime import date
from typing import Any
from uuid import UUID

import pytest

from tests.builders import clawback as people
from tests.builders import deliveries as build
from tests.card_ingest.alerts.conftest import Watched, at, tell_overdrawn_days

LONG_AGO = people.STARTED_ON


def declines(watched: Watched, *days: str) -> list[dict[str, Any]]:
    return [watched.event(f"d{day}", status="declined", occurred_at=at(day)) for day in days]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (("2026-11-02", "2026-11-03", "2026-11-09"), 1),
        (("2026-11-02", "2026-11-03", "2026-11-10"), 0),
        (("2026-11-02", "2026-11-03"), 0),
    ],
)
async def test_repeated_declines_are_told_from_the_third_within_seven_days(
    watched: Watched, days: tuple[str, ...], told: int
) -> None:
    await watched.send(*declines(watched, *days))
    assert await watched.look() == told
    assert await watched.kinds() == ["repeated_declines"] * told


async def test_a_decline_that_comes_in_late_completes_the_pattern_after_it(watched: Watched) -> None:
    first, second, third = declines(watched, "2026-10-29", "2026-10-31", "2026-11-02")
    await watched.send(third, first)
    assert await watched.look() == 0
    await watched.send(second)
    assert await watched.look() == 1
    (alert,) = await watched.told()
    assert alert["facts"] == {"declines": 3, "days": 7, "pence": 3 * 1_234}
    assert alert["key"] == f"repeated_declines/{watched.account_id}/202611"


async def test_repeated_declines_are_told_once_a_month(watched: Watched) -> None:
    await watched.send(*declines(watched, "2026-10-05", "2026-10-06", "2026-10-07", "2026-10-08"))
    await watched.send(*declines(watched, "2026-11-05", "2026-11-06", "2026-11-07"))
    assert await watched.look() == 2


def care(watched: Watched, *days: str, **changes: Any) -> list[dict[str, Any]]:
    known: dict[str, Any] = {"type": "direct_debit", "amount_pence": 4_000, "mcc": "8050", "merchant_name": "CARE CO"}
    return [watched.event(f"c{day}", occurred_at=at(day), **(known | changes)) for day in days]


def load(watched: Watched, pence: int, day: str = "2026-07-01") -> dict[str, Any]:
    return watched.event("load", type="load", amount_pence=pence, occurred_at=at(day), mcc=None, merchant_name=None)


CARE_DAYS = ("2026-08-01", "2026-09-01", "2026-10-01")


@pytest.mark.parametrize(("today", "told"), [(date(2026, 11, 12), 0), (date(2026, 11, 13), 1)])
async def test_care_that_is_no_longer_paid_is_told_after_the_silent_days(
    watched: Watched, today: date, told: int
) -> None:
    await watched.send(load(watched, 100_000), *care(watched, *CARE_DAYS))
    assert await watched.look_of_the_day(today) == told
    assert await watched.look_of_the_day(today) == 0
    if told:
        (alert,) = await watched.told()
        assert (alert["kind"], alert["route"]) == ("care_payments_stopped", "care_pathway")
        assert (alert["concerns_on"], alert["facts"]["silent_days"]) == (date(2026, 10, 1), 43)
        assert alert["facts"]["balance_pence"] == 100_000 - 12_000


@pytest.mark.parametrize(
    ("days", "pence", "changes"),
    [
        (CARE_DAYS[1:], 100_000, {}),
        (CARE_DAYS, 12_000 + 4_999, {}),
        (CARE_DAYS, 100_000, {"mcc": "5411"}),
    ],
)
async def test_care_is_not_told_as_stopped_where_it_was_not_regular_or_no_money_is_there(
    watched: Watched, days: tuple[str, ...], pence: int, changes: dict[str, Any]
) -> None:
    await watched.send(load(watched, pence), *care(watched, *days, **changes))
    assert await watched.look_of_the_day() == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE agreement SET status = 'suspended', suspension_reason = 'in hospital'",
        "UPDATE recipient SET died_on = '2026-10-02'",
        "UPDATE feed_delivery SET received_at = '2026-10-03'",
    ],
)
async def test_silence_that_is_explained_is_not_told(watched: Watched, change: str) -> None:
    await watched.send(load(watched, 100_000), *care(watched, *CARE_DAYS))
    async with watched.connection.transaction():
        await watched.connection.execute("SET LOCAL session_replication_role = replica")
        await watched.connection.execute(change)
    assert await watched.look_of_the_day() == 0


async def another_person(watched: Watched) -> UUID:
    return await people.an_account(watched.connection, await people.an_agreement(watched.connection))


def transfer(watched: Watched, transaction_id: str, **changes: Any) -> dict[str, Any]:
    known = {"type": "faster_payment_out", "mcc": None, "merchant_name": "J Bloggs", "occurred_at": at("2026-11-02")}
    return watched.event(transaction_id, **(known | changes))


@pytest.mark.parametrize("payers", [3, 4])
async def test_one_payee_of_several_people_is_told(watched: Watched, payers: int) -> None:
    accounts = [watched.account_id, *[await another_person(watched) for _ in range(payers - 1)]]
    await watched.send(*(transfer(watched, f"p{n}", account_ref=str(each)) for n, each in enumerate(accounts)))
    await watched.send(transfer(watched, "again"))
    assert await watched.look_of_the_day() == (payers >= 4)
    if payers >= 4:
        (alert,) = await watched.told()
        assert alert["account_id"] is None
        assert (alert["facts"]["people"], alert["facts"]["payments"]) == (4, 5)
        assert set(alert["facts"]["account_ids"]) == {str(each) for each in accounts}
        assert "BLOGGS" not in str(alert).upper()


async def test_one_payee_of_one_persons_many_accounts_is_not_told(watched: Watched) -> None:
    accounts = [await people.an_account(watched.connection, watched.agreement_id) for _ in range(4)]
    await watched.send(*(transfer(watched, f"p{n}", account_ref=str(each)) for n, each in enumerate(accounts)))
    assert await watched.look_of_the_day() == 0


async def test_payees_in_expected_categories_are_not_told(watched: Watched) -> None:
    accounts = [watched.account_id, *[await another_person(watched) for _ in range(3)]]
    sent = [transfer(watched, f"p{n}", account_ref=str(each), mcc="8050") for n, each in enumerate(accounts)]
    await watched.send(*sent)
    assert await watched.look_of_the_day() == 0


async def categorise(watched: Watched, category: str) -> None:
    await watched.connection.execute(
        """INSERT INTO categorisation (transaction_id, act_id, category, made_by, made_at, reason)
           SELECT id, gen_random_uuid(), $1, 'f1', now(), 'looked at' FROM card_transaction""",
        category,
    )


@pytest.mark.parametrize(("category", "told"), [("home_care", 0), ("personal_assistant", 0), ("leisure", 1)])
async def test_the_category_that_a_person_gave_last_tells_whether_a_payee_is_expected(
    watched: Watched, category: str, told: int
) -> None:
    accounts = [watched.account_id, *[await another_person(watched) for _ in range(3)]]
    await watched.send(*(transfer(watched, f"p{n}", account_ref=str(each)) for n, each in enumerate(accounts)))
    await categorise(watched, "respite" if told else "leisure")
    await categorise(watched, category)
    assert await watched.look_of_the_day() == told


@pytest.mark.parametrize(("category", "told"), [("home_care", 0), ("leisure", 1)])
async def test_a_large_first_transfer_is_judged_by_the_category_that_counts_now(
    watched: Watched, category: str, told: int
) -> None:
    await watched.send(transfer(watched, "t1", amount_pence=90_000))
    await categorise(watched, category)
    assert await watched.look_of_the_day() == told
    assert [alert["facts"]["category"] for alert in await watched.told()] == [category] * told


@pytest.mark.parametrize(("pence", "told"), [(50_000, 0), (50_001, 1)])
async def test_a_first_transfer_above_the_limit_is_told(watched: Watched, pence: int, told: int) -> None:
    await watched.send(transfer(watched, "t1", amount_pence=pence), transfer(watched, "t2", merchant_name="Other"))
    assert await watched.look_of_the_day() == told
    assert await watched.kinds() == ["new_payee_over_limit"] * told


async def test_a_later_transfer_to_the_same_payee_is_not_told(watched: Watched) -> None:
    await watched.send(
        transfer(watched, "t2", amount_pence=90_000), transfer(watched, "t1", occurred_at=at("2026-11-01"))
    )
    assert await watched.look_of_the_day() == 0


async def test_the_first_weeks_of_an_account_are_not_told(watched: Watched) -> None:
    await watched.connection.execute("UPDATE account SET opened_on = '2026-10-01'")
    await watched.send(transfer(watched, "t1", amount_pence=90_000))
    assert await watched.look_of_the_day() == 0


async def test_an_overdrawn_day_is_told_though_the_money_came_since(watched: Watched) -> None:
    await tell_overdrawn_days(watched)
    spent = watched.event("t1", amount_pence=10_001, occurred_at=at("2026-11-10"))
    await watched.send(load(watched, 10_000, "2026-11-01"), spent)
    await watched.send(watched.event("l2", type="load", amount_pence=5_000, occurred_at=at("2026-11-11"), mcc=None))
    assert await watched.look_of_the_day() == 1
    (alert,) = await watched.told()
    assert (alert["kind"], alert["facts"]) == ("negative_balance", {"balance_pence": -1})
    assert alert["concerns_on"] == date(2026, 11, 10)


async def test_an_empty_account_is_not_overdrawn_nor_is_one_that_is_loaded_the_same_day(watched: Watched) -> None:
    await tell_overdrawn_days(watched)
    await watched.send(watched.event("t1", amount_pence=10_000, occurred_at=at("2026-11-01", 8)))
    await watched.send(load(watched, 10_000, "2026-11-01"))
    assert await watched.look_of_the_day() == 0


@pytest.mark.parametrize(("over_pence", "told"), [(100, 0), (99, 1)])
async def test_an_overdraft_is_told_above_the_sum_of_the_policy(watched: Watched, over_pence: int, told: int) -> None:
    await tell_overdrawn_days(watched, over_pence=over_pence)
    await watched.send(watched.event("t1", amount_pence=100, occurred_at=at("2026-11-10")))
    assert await watched.look_of_the_day() == told


async def test_an_account_that_has_long_been_overdrawn_is_told(watched: Watched) -> None:
    await tell_overdrawn_days(watched)
    await watched.send(watched.event("t1", amount_pence=100, occurred_at=at("2026-03-01")))
    assert await watched.look_of_the_day() == 1


async def test_two_versions_of_one_transaction_are_told_once(watched: Watched) -> None:
    await watched.send(watched.event("t1", amount_pence=1_000))
    await watched.send(watched.event("t1", amount_pence=1_500))
    await watched.connection.execute("UPDATE quarantined_row SET transaction_id = 't1'")
    assert await watched.look() == 1
    (alert,) = await watched.told()
    assert (alert["kind"], alert["account_id"]) == ("disputed_transaction", watched.account_id)
    assert (alert["facts"]["posted_pence"], alert["facts"]["waiting_pence"]) == (1_000, 1_500)
    await watched.send(watched.event("t1", amount_pence=1_700))
    await watched.connection.execute("UPDATE quarantined_row SET transaction_id = 't1'")
    assert await watched.look() == 0


async def test_the_same_version_again_is_no_dispute(watched: Watched) -> None:
    await watched.send(watched.event("t1"))
    await watched.send(watched.event("t1"), watched.event("t2"))
    assert await watched.look() == 0
    assert (await build.books(watched.connection, watched.account_id)).transactions == 2
