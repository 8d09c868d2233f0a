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
