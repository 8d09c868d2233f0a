"""A complete day that people have corrected: the file that says so again posts nothing and waits for nobody."""

import asyncio

import pytest

from services.card_ingest.schemas import Receipt
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.http import Clients

HEADING = "TRANS DATE,BILLING GROSS AMT,MERCHANT NAME,CARD NUMBER,TRANS CAC CODE 1"
CAFE, TEA, BUS = "2026-11-10,3.50,cafe,CARD-1,x", "2026-11-10,2.00,tea room,CARD-1,x", "2026-11-11,1.80,bus,CARD-1,x"
MILK = "2026-11-10,0.90,dairy,CARD-1,x"
REASON = {"reason": "the bank says so in writing"}


def file(*rows: str) -> bytes:
    return "".join(f"{line}\n" for line in (HEADING, *rows)).encode()


async def send(feed: Feed, *rows: str) -> Receipt:
    return await build.receive(feed.database, file(*rows), profile="birmingham")


def ended(receipt: Receipt) -> tuple[int, int, int]:
    return receipt.posted.rows, receipt.already_posted.rows, receipt.quarantined.rows


async def end_all(feed: Feed, clients: Clients, ending: str) -> None:
    """End every waiting row without posting it."""
    await decide(feed, clients, ending=ending, posts=False)


async def decide(
    feed: Feed, clients: Clients, *, at_most: int = 99, ending: str = "already_posted", posts: bool = True
) -> None:
    """Post every waiting row that has not posted, and end the others."""
    first, second = clients.of(Role.FINANCE_OFFICER, name="F1"), clients.of(Role.FINANCE_APPROVER, name="F2")
    rows = await feed.connection.fetch(
        "SELECT id, EXISTS (SELECT FROM card_transaction AS posted"
        " WHERE posted.provider_transaction_id = waiting.transaction_id) AS known"
        " FROM quarantined_row AS waiting WHERE status = 'waiting' ORDER BY row_number"
    )
    for row in rows[:at_most]:
        resolution = ending if row["known"] or not posts else "post"
        address = f"/v1/feeds/quarantine/{row['id']}/resolutions"
        proposed = (await first.post(address, json={"resolution": resolution, **REASON})).json()
        answer = await second.post(f"/v1/feeds/resolutions/{proposed['id']}/confirmation", json=REASON)
        assert answer.status_code == 200, answer.json()


async def test_a_corrected_day_that_two_people_have_posted_is_known_in_the_next_file(
    feed: Feed, clients: Clients
) -> None:
    await send(feed, CAFE)
    assert ended(await send(feed, CAFE, TEA)) == (0, 0, 2)
    await decide(feed, clients)
    assert ended(await send(feed, TEA, CAFE, BUS)) == (1, 2, 0)
    assert await feed.books() == Books(-350 - 200 - 180, 0, 3)
    assert await feed.connection.fetchval("SELECT max(revision) FROM feed_complete_day") == 2


async def test_what_the_day_held_before_it_was_corrected_waits_like_any_other_change(
    feed: Feed, clients: Clients
) -> None:
    await send(feed, CAFE)
    await send(feed, CAFE, TEA)
    await decide(feed, clients)
    assert ended(await send(feed, CAFE, BUS)) == (1, 0, 1)


async def test_a_change_that_people_have_not_decided_whole_waits_again(feed: Feed, clients: Clients) -> None:
    await send(feed, CAFE)
    await send(feed, CAFE, TEA)
    await decide(feed, clients, at_most=1)
    assert ended(await send(feed, TEA, CAFE, BUS)) == (1, 0, 2)
    assert await feed.books() == Books(-350 - 180, 0, 2)


@pytest.mark.parametrize("ending", ["no_money", "already_posted"])
async def test_what_people_ended_without_money_is_known_by_decision_and_the_day_waits_for_nobody(
    feed: Feed, clients: Clients, ending: str
) -> None:
    await send(feed, CAFE)
    await send(feed, CAFE, TEA, BUS)
    await end_all(feed, clients, ending)
    for day in (12, 13):
        receipt = await send(feed, TEA, CAFE, BUS, f"2026-11-{day},1.50,x,CARD-1,y")
        rows = await feed.rows(receipt)
        assert rows == {1: (ending, "decided_before"), 2: ("already_posted", None), 3: ("already_posted", None)}
        assert receipt.posted.rows == 1
    assert await feed.books() == Books(-350 - 180 - 300, 0, 4)


async def test_what_people_ended_of_one_day_is_not_ended_of_another_decision(feed: Feed, clients: Clients) -> None:
    await send(feed, CAFE)
    await send(feed, CAFE, TEA)
    await end_all(feed, clients, "no_money")
    assert ended(await send(feed, CAFE, TEA, MILK)) == (0, 0, 3)
    await decide(feed, clients)
    assert await feed.books() == Books(-350 - 200 - 90, 0, 3)
    assert ended(await send(feed, MILK, TEA, CAFE)) == (0, 3, 0)


async def test_another_day_of_the_same_file_is_not_settled_with_it(feed: Feed, clients: Clients) -> None:
    await send(feed, CAFE, BUS)
    assert ended(await send(feed, CAFE, TEA, BUS, BUS)) == (0, 0, 4)
    await decide(feed, clients, at_most=2)
    assert ended(await send(feed, TEA, CAFE, BUS, BUS, "2026-11-12,1.00,x,CARD-1,y")) == (1, 2, 2)


async def test_two_files_at_once_with_the_day_that_was_posted_both_wait_for_nobody(
    feed: Feed, clients: Clients
) -> None:
    await send(feed, CAFE)
    await send(feed, CAFE, TEA)
    await decide(feed, clients)
    receipts = await asyncio.gather(send(feed, TEA, CAFE), send(feed, TEA, CAFE, BUS))
    assert sorted(map(ended, receipts)) == [(0, 2, 0), (1, 2, 0)]
