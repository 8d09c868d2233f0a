from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from services.card_ingest import pipeline, queries
from services.card_ingest.schemas import Receipt
from services.shared.paging import Page
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed

LATER = build.NOW + timedelta(days=3)
STATEMENT = "Transaction Date,Transaction number,Supplier Name,Net Amount,Merchant Category\n"
LINES = "2026-05-01,1,A,1.00,\n2026-05-02,2,B,-0.25,\n2026-05-03,3,C,2.00,Grocery Stores\n"


async def release(feed: Feed) -> int:
    return await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=LATER)


async def receipt_now(feed: Feed, delivery_id: UUID) -> Receipt:
    async with feed.database.read() as session:
        found = await queries.receipt(session, delivery_id)
    build.require_whole(found)
    return found


async def test_rows_post_by_themselves_once_their_card_is_registered(feed: Feed) -> None:
    sent = [build.an_event(f"t{number}", card_ref="CARD-9", amount_pence=number) for number in range(1, 121)]
    receipt = await feed.send(*sent, build.an_event("other", card_ref="CARD-8"))
    assert receipt.quarantined.rows == 121
    assert await release(feed) == 0
    await build.a_card(feed.connection, feed.account_id, "CARD-9")
    assert await release(feed) == 120
    assert await release(feed) == 0
    found = await receipt_now(feed, receipt.delivery_id)
    assert (found.posted.rows, found.posted.pence) == (120, sum(event["amount_pence"] for event in sent))
    assert (found.quarantined.rows, found.quarantined.pence) == (1, 1234)
    assert await feed.books() == Books(build.effect(sent), 0, 120)
    kept = await feed.connection.fetch(
        "SELECT DISTINCT status, released_as, released_at FROM quarantined_row ORDER BY 1"
    )
    assert [tuple(row) for row in kept] == [("released", "posted", LATER), ("waiting", None, None)]


async def test_a_whole_file_without_an_account_waits_for_it_and_none_is_lost(feed: Feed) -> None:
    body = (STATEMENT + LINES).encode()
    receipt = await build.receive(feed.database, body, profile="calderdale")
    assert (receipt.rows, receipt.quarantined.rows, receipt.delivered_pence) == (3, 3, 275)
    assert [(each.code, each.rows) for each in receipt.waiting] == [("unknown_account", 3)]
    account = await build.an_account(feed.connection, "calderdale-purchase-card")
    assert await release(feed) == 3
    found = await receipt_now(feed, receipt.delivery_id)
    assert (found.posted.rows, found.posted.pence, found.quarantined.rows) == (3, 275, 0)
    assert await build.books(feed.connection, account) == Books(-275, 0, 3)


async def test_rows_for_the_trial_account_wait_for_it(feed: Feed) -> None:
    body = (STATEMENT + LINES).encode()
    receipt = await build.receive(feed.database, body, profile="calderdale", account_ref="trial")
    assert receipt.quarantined.rows == 3
    trial = await build.an_account(feed.connection, "try-out", kind="trial")
    assert await release(feed) == 3
    assert await build.books(feed.connection, trial) == Books(-275, 0, 3)


async def test_a_released_row_is_judged_against_what_has_posted_meanwhile(feed: Feed) -> None:
    await feed.send(
        build.an_event("same", card_ref="CARD-9"),
        build.an_event("other", card_ref="CARD-9"),
        build.an_event("hold", card_ref="CARD-9", status="authorised"),
        build.an_event("check", card_ref="CARD-9", status="declined"),
        build.an_event("late", card_ref="CARD-7"),
    )
    await build.a_card(feed.connection, feed.account_id, "CARD-9")
    await feed.send(build.an_event("same", card_ref="CARD-9"), build.an_event("other", card_ref="CARD-9", mcc="5812"))
    await build.an_account(feed.connection, "ACC-7", cards=["CARD-7"], closed_on=date(2026, 11, 1))
    assert await release(feed) == 3
    kept = await feed.connection.fetch(
        "SELECT row_number, status, released_as, code, waits_for FROM quarantined_row ORDER BY row_number"
    )
    assert [tuple(row) for row in kept] == [
        (1, "released", "already_posted", "unknown_card", "CARD-9"),
        (2, "waiting", None, "same_id_other_content", None),
        (3, "released", "held", "unknown_card", "CARD-9"),
        (4, "released", "no_money", "unknown_card", "CARD-9"),
        (5, "waiting", None, "account_closed", None),
    ]
    assert await feed.books() == Books(-2 * 1234, 1234, 2)
    assert await release(feed) == 0


async def test_the_rows_of_a_delivery_tell_where_each_has_ended(feed: Feed, tmp_path: Path) -> None:
    receipt = await feed.send(
        build.an_event("t1"),
        build.an_event("t2", card_ref="CARD-9", amount_pence=7),
        build.an_event("t3", card_ref="CARD-8", amount_pence=8),
        build.an_event("t1"),
        build.an_event("t4", amount_pence=-3),
    )
    await build.a_card(feed.connection, feed.account_id, "CARD-9")
    await release(feed)
    async with feed.database.read() as session:
        delivery = await queries.delivery(session, receipt.delivery_id)
        rows = await queries.delivery_rows(session, delivery.number, stated_sign=0, page=Page())
    assert [(row.row_number, row.outcome.value, row.code, row.delivered_pence) for row in rows.items] == [
        (1, "posted", None, 1234),
        (2, "posted", None, 7),
        (3, "quarantined", "unknown_card", 8),
        (4, "already_posted", None, 1234),
        (5, "quarantined", "amount_is_negative", -3),
    ]
    assert [row.remedy is not None for row in rows.items] == [False, False, True, False, True]
