"""Rows without ids stay the rows they are, whatever a later version of their layout makes of them."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.card_ingest import layouts, pipeline, recomputing
from services.card_ingest.schemas import Receipt
from tests.builders import deliveries as build
from tests.builders import statements
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_recomputing import tamper

FORM = """
format = "csv"
name = "shops"
version = {version}
title = "Shops"
[identity]
covers = "{covers}"
[amount]
written_in = "pounds"
column = "Amount"
positive_is = "{positive_is}"
[dates]
booked = "Date"
formats = ["%d/%m/%Y"]
[type]
money_out = "purchase_pos"
money_in = "refund"
[account]
column = "Account"
"""
MERCHANT = '[merchant]\nname = "Merchant"\n'
BOTH_FORMATS = ('"%d/%m/%Y"]', '"%d/%m/%Y", "%Y-%m-%d"]')
BY_MERCHANT = ('covers = "complete_days"', 'columns = ["Merchant"]')
HEADING = "Date,Account,Amount,Merchant"
SHOP, CAFE = "02/11/2026,ACC-1,10.00,SHOP", "02/11/2026,ACC-1,11.00,CAFE"
BUS, TRAM = "03/11/2026,ACC-1,2.00,BUS", "04/11/2026,ACC-1,3.00,TRAM"


def file(*rows: str, end: str = "\n") -> bytes:
    return "".join(f"{line}{end}" for line in (HEADING, *rows)).encode()


def keep(feed: Feed, text: str, *, name: str = "shops") -> None:
    folder = pipeline.own_profiles(feed.database)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text)


def use(
    feed: Feed,
    *,
    version: int,
    covers: str,
    merchant: bool = True,
    positive_is: str = "spend",
    change: tuple[str, str] = ("", ""),
) -> None:
    text = FORM.format(version=version, covers=covers, positive_is=positive_is) + (MERCHANT if merchant else "")
    keep(feed, text.replace(*change) if change[0] else text)


async def send(feed: Feed, body: bytes | Path) -> Receipt:
    return await build.receive(feed.database, body, profile="shops")


@pytest.mark.parametrize("covers", ["increments", "complete_days"])
@pytest.mark.parametrize("is_first_with_merchant", [False, True])
async def test_the_same_bytes_under_a_new_version_post_nothing_twice_and_wait_for_nobody(
    feed: Feed, covers: str, is_first_with_merchant: bool
) -> None:
    body = file(SHOP, CAFE)
    use(feed, version=1, covers=covers, merchant=is_first_with_merchant)
    await send(feed, body)
    use(feed, version=2, covers=covers, merchant=not is_first_with_merchant)
    again = await send(feed, body)
    assert (again.already_received, again.already_posted.rows, again.already_posted.pence) == (False, 2, 2_100)
    assert await feed.books() == Books(-2_100, 0, 2)


@pytest.mark.parametrize(
    "again",
    [file(TRAM, BUS), file(BUS, TRAM, end="\r\n"), b"\xef\xbb\xbf" + file(TRAM, BUS), file(BUS, TRAM)],
    ids=["shuffled", "CRLF", "BOM", "as it was"],
)
async def test_files_that_overlap_under_two_versions_post_each_day_once(feed: Feed, again: bytes) -> None:
    use(feed, version=1, covers="complete_days", merchant=False)
    await send(feed, file(SHOP, SHOP, CAFE, BUS))
    use(feed, version=2, covers="complete_days")
    receipt = await send(feed, again)
    assert (receipt.already_posted.rows, receipt.posted.rows, receipt.quarantined.rows) == (1, 1, 0)
    repeated = await send(feed, again + b"05/11/2026,ACC-1,1.00,NEW\n")
    assert (repeated.already_posted.rows, repeated.posted.rows, repeated.quarantined.rows) == (2, 1, 0)
    assert await feed.books() == Books(-3_100 - 200 - 300 - 100, 0, 6)


async def test_a_day_told_otherwise_under_a_new_version_still_waits(feed: Feed) -> None:
    use(feed, version=1, covers="complete_days", merchant=False)
    await send(feed, file(SHOP, CAFE))
    use(feed, version=2, covers="complete_days")
    receipt = await send(feed, file(SHOP))
    assert [(each.code, each.rows) for each in receipt.waiting] == [("complete_day_changed", 1)]


async def test_increments_under_a_new_version_still_tell_an_earlier_row_again(feed: Feed) -> None:
    use(feed, version=1, covers="increments", merchant=False)
    await send(feed, file(SHOP, CAFE))
    use(feed, version=2, covers="increments")
    receipt = await send(feed, file(BUS, CAFE))
    assert [(each.code, each.rows) for each in receipt.waiting] == [("equal_to_earlier_row", 1)]
    assert await feed.books() == Books(-2_300, 0, 3)


async def test_a_version_that_reads_other_money_waits_for_people_and_moves_none_by_itself(feed: Feed) -> None:
    body = file(SHOP, CAFE)
    use(feed, version=1, covers="complete_days", positive_is="money_in")
    await send(feed, body)
    use(feed, version=2, covers="complete_days")
    receipt = await send(feed, body)
    assert [(each.code, each.rows) for each in receipt.waiting] == [("same_id_other_content", 2)]
    assert await feed.books() == Books(2_100, 0, 2)


async def test_a_row_that_the_first_version_could_not_read_is_known_by_the_first_that_can(feed: Feed) -> None:
    body = file(SHOP, "2026-11-03,ACC-1,2.00,BUS")
    use(feed, version=1, covers="complete_days", merchant=False)
    assert (await send(feed, body)).quarantined.rows == 1
    for version, merchant in ((2, False), (3, True)):
        use(feed, version=version, covers="complete_days", merchant=merchant, change=BOTH_FORMATS)
        receipt = await send(feed, body)
        assert (receipt.already_posted.rows, receipt.posted.rows) == ((1, 1) if version == 2 else (2, 0))
    assert await feed.books() == Books(-1_200, 0, 2)


async def test_a_layout_that_was_changed_without_a_new_version_is_another_layout(feed: Feed) -> None:
    use(feed, version=1, covers="complete_days", merchant=False)
    await send(feed, file(SHOP, BUS))
    use(feed, version=1, covers="complete_days")
    receipt = await send(feed, file(BUS, TRAM))
    assert (receipt.already_posted.rows, receipt.posted.rows, receipt.quarantined.rows) == (1, 1, 0)


async def test_a_version_that_finds_the_rows_without_the_ids_of_the_one_before_knows_them_by_these(feed: Feed) -> None:
    use(feed, version=1, covers="complete_days", change=BY_MERCHANT)
    assert (await send(feed, file(SHOP, CAFE))).posted.rows == 2
    use(feed, version=2, covers="complete_days")
    receipt = await send(feed, file(SHOP, CAFE, BUS))
    assert (receipt.already_posted.rows, receipt.posted.rows) == (2, 1)


async def test_what_was_posted_before_layouts_were_kept_is_known_once_they_are(feed: Feed) -> None:
    body = file(SHOP, CAFE, BUS)
    use(feed, version=1, covers="complete_days", merchant=False)
    await send(feed, body)
    await tamper(feed, "TRUNCATE feed_layout")  # As it is right after the upgrade.
    folder = pipeline.own_profiles(feed.database)
    assert await layouts.keep_used(feed.database, own_folder=folder, actor=build.ACTOR) == 1
    assert await layouts.keep_used(feed.database, own_folder=folder, actor=build.ACTOR) == 0
    assert (await send(feed, file(CAFE, SHOP))).already_posted.rows == 2
    use(feed, version=2, covers="complete_days")
    assert (await send(feed, body)).already_posted.rows == 3
    assert await feed.books() == Books(-2_300, 0, 3)


async def test_a_large_file_that_another_process_posts_is_known_as_it_was_surveyed(feed: Feed) -> None:
    use(feed, version=1, covers="complete_days", merchant=False)
    await send(feed, file(SHOP, CAFE))
    use(feed, version=2, covers="complete_days")
    body = file(CAFE, SHOP, BUS)
    await pipeline.receive(feed.database, build.a_delivery(body, profile="shops"), now=build.NOW, at_once=0)
    await pipeline.resume(feed.database, actor=build.ACTOR, now=build.NOW + timedelta(hours=1))
    receipt = await send(feed, body)
    assert (receipt.already_posted.rows, receipt.posted.rows) == (2, 1)
    found = await recomputing.recompute(feed.database, receipt.delivery_id, actor=build.ACTOR)
    assert (found.source, found.agree, found.differ) == (recomputing.Source.KEPT_CONTENT, 1, 0)


STATEMENTS = """
format = "camt053"
name = "our_bank"
version = {version}
title = "Statements"
[type]
money_out = "{money_out}"
money_in = "faster_payment_in"
"""


async def test_statement_rows_without_references_are_known_under_a_version_that_names_other_types(feed: Feed) -> None:
    five, seven = statements.entry("5.00", "DBIT"), statements.entry("7.00", "DBIT", booked="2026-11-13")
    keep(feed, STATEMENTS.format(version=1, money_out="faster_payment_out"), name="our_bank")

    async def take_in(*entries: str) -> Receipt:
        body = statements.camt(statements.statement(*entries))
        return await build.receive(feed.database, body, profile="our_bank", account_ref="ACC-1")

    assert (await take_in(five, five, seven)).posted.rows == 3
    keep(feed, STATEMENTS.format(version=2, money_out="bacs_out"), name="our_bank")
    again = await take_in(seven, five, five, statements.entry("1.00", "DBIT", booked="2026-11-14"))
    assert (again.already_posted.rows, again.posted.rows, again.quarantined.rows) == (3, 1, 0)
