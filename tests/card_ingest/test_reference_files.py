"""The councils' published files: every row and penny in, and nothing doubled when they come again."""

import random
from pathlib import Path

import pytest

from services.card_ingest import pipeline
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed

FILES = [
    ("calderdale", "calderdale-2018-07-card.csv", 971, 7_198_672),
    ("calderdale", "calderdale-2022-05-card.csv", 789, 2_930_894),
    ("birmingham", "birmingham_dec2019_mcc_sample.csv", 27, 350_366),
    ("birmingham", "birmingham_2017_adult_directorate.csv", 2_130, 13_875_833),
]
EXPECTED = {
    "calderdale-2018-07-card.csv": (0, 0),
    "calderdale-2022-05-card.csv": (13, 0),
    "birmingham_dec2019_mcc_sample.csv": (1, 0),
    "birmingham_2017_adult_directorate.csv": (3, 23),
}
"""Rows that were paid back, and rows equal to another: in the last file 22 in every character, one but for its card."""


def shuffled(body: bytes) -> bytes:
    heading, *lines = body.splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    return heading + b"".join(lines)


@pytest.mark.parametrize(("profile", "name", "rows", "pence"), FILES, ids=[name for _, name, _, _ in FILES])
async def test_a_published_file_posts_whole_and_posts_nothing_twice(
    feed: Feed, reference_data: Path, profile: str, name: str, rows: int, pence: int
) -> None:
    trial = await build.an_account(feed.connection, "try-out", kind="trial")
    file = reference_data / "cards" / name
    receipt = await build.receive(feed.database, file, profile=profile, account_ref="trial")
    assert (receipt.rows, receipt.delivered_pence, receipt.unread_amounts) == (rows, pence, 0)
    assert (receipt.posted.rows, receipt.posted.pence) == (rows, pence)
    again = await build.receive(feed.database, file, profile=profile, account_ref="trial")
    assert again == receipt.model_copy(update={"already_received": True})
    other_order = await build.receive(feed.database, shuffled(file.read_bytes()), profile=profile, account_ref="trial")
    assert (other_order.already_posted.rows, other_order.already_posted.pence) == (rows, pence)
    assert await build.books(feed.connection, trial) == Books(-pence, 0, rows)


async def test_a_published_file_without_an_account_waits_and_then_posts_by_itself(
    feed: Feed, reference_data: Path
) -> None:
    file = reference_data / "cards" / "calderdale-2018-07-card.csv"
    receipt = await build.receive(feed.database, file, profile="calderdale")
    assert (receipt.quarantined.rows, receipt.quarantined.pence, receipt.posted.rows) == (971, 7_198_672, 0)
    account = await build.an_account(feed.connection, "calderdale-purchase-card")
    assert await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW) == 971
    assert await build.books(feed.connection, account) == Books(-7_198_672, 0, 971)


@pytest.mark.parametrize("order", [1, 2, 3])
async def test_the_published_files_of_one_feed_come_in_any_order_and_again(
    feed: Feed, reference_data: Path, order: int
) -> None:
    trial = await build.an_account(feed.connection, "try-out", kind="trial")
    bodies = [(profile, (reference_data / "cards" / name).read_bytes()) for profile, name, _, _ in FILES]
    bodies += [(profile, shuffled(body)) for profile, body in bodies]
    random.Random(order).shuffle(bodies)
    receipts = [
        await build.receive(feed.database, body, profile=profile, account_ref="trial") for profile, body in bodies
    ]
    assert sum(receipt.quarantined.rows for receipt in receipts) == 0
    rows, pence = sum(rows for _, _, rows, _ in FILES), sum(pence for _, _, _, pence in FILES)
    assert sum(receipt.posted.rows for receipt in receipts) == rows
    assert await build.books(feed.connection, trial) == Books(-pence, 0, rows)


async def test_what_was_paid_back_and_what_repeats_is_kept_apart(feed: Feed, reference_data: Path) -> None:
    await build.an_account(feed.connection, "try-out", kind="trial")
    for profile, name, rows, _ in FILES:
        receipt = await build.receive(
            feed.database, reference_data / "cards" / name, profile=profile, account_ref="trial"
        )
        found = await feed.connection.fetchrow(
            """SELECT count(*) FILTER (WHERE amount_pence > 0) AS paid_back,
                   count(*) FILTER (WHERE provider_transaction_id ~ '^[0-9a-f]{32}-[1-9]') AS repeats
               FROM card_transaction JOIN feed_delivery AS delivery ON delivery.number = delivery_number
               WHERE delivery.id = $1""",
            receipt.delivery_id,
        )
        assert found is not None
        assert receipt.posted.rows == rows
        assert (found["paid_back"], found["repeats"]) == EXPECTED[name]
