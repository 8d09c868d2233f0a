from datetime import date

import pytest

from services.card_ingest import main, spend
from services.card_ingest.reconciliation import proof
from services.shared import clock, jobs
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed


async def summary(feed: Feed) -> list[tuple[object, ...]]:
    found = await feed.connection.fetch(
        "SELECT accounting_month, category, care_group, amount_pence, transactions FROM spend_summary ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in found]


async def by_hand(feed: Feed) -> list[tuple[object, ...]]:
    found = await feed.connection.fetch(
        """SELECT accounting_month, category, care_group, sum(amount_pence)::bigint, count(*) FROM card_transaction
           WHERE care_group IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
    )
    return [tuple(row) for row in found]


async def prove(feed: Feed) -> dict[str, int]:
    async with feed.database.write(actor=build.ACTOR) as session:
        found = await proof.prove(session)
        await session.rollback()
    return {name: count for name, count in found.items() if count}


async def send_some(feed: Feed) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"], care_group="carers")
    await build.an_account(feed.connection, "T", kind="trial")
    await feed.send(
        *(build.an_event(f"t{number}", amount_pence=number + 1) for number in range(30)),
        *(build.an_event(f"c{number}", card_ref="CARD-2", mcc="8050") for number in range(5)),
        build.an_event("x", card_ref=None, account_ref="trial"),
        build.an_event("h", status="authorised"),
    )
    await feed.send(build.an_event("r1", type="refund", booked_on="2026-10-31"))


async def test_the_summary_equals_the_transactions_after_every_fold(feed: Feed) -> None:
    await send_some(feed)
    assert await spend.fold_spend(feed.database, actor=build.ACTOR) == 3
    assert await summary(feed) == await by_hand(feed)
    await feed.send(build.an_event("later", amount_pence=500))
    assert await prove(feed) == {}
    assert await spend.fold_spend(feed.database, actor=build.ACTOR) == 1
    assert await spend.fold_spend(feed.database, actor=build.ACTOR) == 0
    assert await summary(feed) == await by_hand(feed)
    assert await feed.count("spend_delta") == 0


async def test_the_nightly_proof_finds_nothing_where_all_is_well(feed: Feed) -> None:
    await send_some(feed)
    assert await prove(feed) == {}


ONE = "WHERE provider_transaction_id = 't7'"
TRIAL = "WHERE provider_transaction_id = 'x'"
FAULTS = [
    ("UPDATE account_balance SET posted_pence = posted_pence + 1", {"balances_wrong": 3}),
    ("UPDATE account_balance SET transactions = 0 WHERE account_id = $1", {"balances_wrong": 1}),
    ("UPDATE account_balance SET held_pence = 0 WHERE account_id = $1", {"held_wrong": 1}),
    (
        "UPDATE card_hold SET provider_transaction_id = 't7' WHERE provider_transaction_id = 'h'",
        {"holds_of_posted_money": 1},
    ),
    (f"UPDATE card_transaction SET authorisation_id = 'h' {ONE}", {"holds_of_posted_money": 1}),
    ("UPDATE card_hold SET released_pence = 1", {"releases_wrong": 1, "held_wrong": 1}),
    (f"DELETE FROM card_transaction {ONE}", {"balances_wrong": 1, "batches_changed": 1, "summary_wrong": 1}),
    (f"UPDATE card_transaction SET content_digest = '\\x00' {ONE}", {"batches_changed": 1}),
    (f"UPDATE card_transaction SET category = 'gone' {TRIAL}", {"transactions_without_category": 1}),
    (
        f"UPDATE card_transaction SET batch_number = 99 {TRIAL}",
        {"transactions_without_batch": 1, "batches_changed": 1},
    ),
    (
        "UPDATE card_transaction SET card_id = account_id WHERE account_id = $1",
        {"transactions_without_card": 31},
    ),
    (
        "UPDATE card_transaction SET provider_code = 'x' WHERE account_id <> $1",
        {"transactions_without_account": 6, "summary_wrong": 2},
    ),
    ("UPDATE feed_progress SET posted_rows = posted_rows - 1", {"deliveries_not_whole": 2}),
    ("UPDATE spend_delta SET amount_pence = 1 WHERE category = 'home_care'", {"summary_wrong": 1}),
]


@pytest.mark.parametrize(("fault", "found"), FAULTS, ids=[str(number) for number in range(len(FAULTS))])
async def test_the_nightly_proof_finds_a_planted_fault(feed: Feed, fault: str, found: dict[str, int]) -> None:
    await send_some(feed)
    await feed.connection.execute("SET session_replication_role = replica")
    arguments = [feed.account_id] if "$1" in fault else []
    await feed.connection.execute(fault, *arguments)
    assert await prove(feed) == found


async def test_the_proof_runs_once_a_day_and_its_outcome_is_on_record(feed: Feed) -> None:
    await send_some(feed)
    assert await jobs.run(main.PROVE_BALANCES, feed.database, now=clock.now())
    assert not await jobs.run(main.PROVE_BALANCES, feed.database, now=clock.now())
    stored = await feed.connection.fetchval("SELECT outcome::text FROM job_run WHERE job = 'prove_balances'")
    assert '"balances_wrong": 0' in stored


async def test_every_job_runs_as_the_scheduler_runs_it(feed: Feed) -> None:
    await feed.send(build.an_event("t1", card_ref="CARD-9"), build.an_event("t2"))
    await build.a_card(feed.connection, feed.account_id, "CARD-9")
    for job in (main.RESUME_DELIVERIES, main.RELEASE_WAITING, main.FOLD_SPEND):
        assert await jobs.run(job, feed.database, now=clock.now())
    assert await summary(feed) == [(202611, "retail_household", "older_people", -2 * 1234, 2)]
    assert (await feed.books()).transactions == 2
    assert date(2026, 11, 12) == await feed.connection.fetchval("SELECT max(last_booked_on) FROM account_balance")
