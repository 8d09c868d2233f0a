"""Rows without ids: real repeats survive, nothing posts twice, and a file that contradicts another waits."""

import asyncio
import random
from collections import Counter
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from services.card_ingest import batches, complete_days, pipeline, reading
from services.card_ingest.complete_days import Repeats
from services.card_ingest.events import ReadRow
from services.card_ingest.profiles import profile
from services.card_ingest.schemas import Receipt
from services.shared.database import Database
from services.shared.errors import Unavailable
from services.shared.vocabulary.feeds import DeliveryDoor
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed

HEADING = "TRANS DATE,BILLING GROSS AMT,MERCHANT NAME,CARD NUMBER,TRANS CAC CODE 1"
CAFE, TEA, BUS = "2026-11-10,3.50,cafe,CARD-1,x", "2026-11-10,2.00,tea room,CARD-1,x", "2026-11-11,1.80,bus,CARD-1,x"


def file(*rows: str, heading: str = HEADING) -> bytes:
    return "".join(f"{line}\n" for line in (heading, *rows)).encode()


async def send(feed: Feed, body: bytes | Path, *, profile: str = "birmingham") -> Receipt:
    return await build.receive(feed.database, body, profile=profile)


def keep_increments(database: Database) -> None:
    """Keep a profile of the council's own whose files hold what no other holds."""
    folder = pipeline.own_profiles(database)
    folder.mkdir(parents=True, exist_ok=True)
    shipped = (Path(profile.__file__).parent / "birmingham.toml").read_text()
    own = shipped.replace('"complete_days"', '"increments"').replace('name = "birmingham"', 'name = "increments"')
    (folder / "increments.toml").write_text(own)


async def test_real_repeats_all_post_and_other_bytes_in_another_order_post_nothing(feed: Feed) -> None:
    first = await send(feed, file(CAFE, TEA, CAFE, BUS, CAFE))
    assert (first.posted.rows, first.posted.pence) == (5, 3 * 350 + 200 + 180)
    again = await send(feed, file(BUS, CAFE, CAFE, TEA.replace(",x", ",another code"), CAFE))
    assert (again.already_posted.rows, again.posted.rows, again.quarantined.rows) == (5, 0, 0)
    assert await feed.books() == Books(-1430, 0, 5)


@pytest.mark.parametrize(
    "changed",
    [(CAFE, TEA), (CAFE, CAFE, TEA, TEA), (CAFE, CAFE, TEA.replace("2.00", "2.01")), (CAFE, CAFE, CAFE)],
    ids=["a row less", "a row more", "another amount", "another row"],
)
async def test_a_file_that_changes_a_complete_day_waits_for_a_person_and_its_other_days_post(
    feed: Feed, changed: tuple[str, ...]
) -> None:
    await send(feed, file(CAFE, CAFE, TEA))
    receipt = await send(feed, file(*changed, BUS))
    assert (receipt.posted.rows, receipt.posted.pence) == (1, 180)
    assert receipt.quarantined.rows == len(changed)
    codes = {code for _, code in (await feed.rows(receipt)).values()}
    assert codes == {"complete_day_changed"}
    assert await feed.books() == Books(-900 - 180, 0, 4)


async def test_another_account_on_the_same_day_is_another_day(feed: Feed) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    await send(feed, file(CAFE))
    receipt = await send(feed, file(CAFE.replace("CARD-1", "CARD-2")))
    assert (receipt.posted.rows, receipt.quarantined.rows) == (1, 0)


async def test_a_delivery_that_another_process_posts_holds_back_what_it_disputes(feed: Feed) -> None:
    await send(feed, file(CAFE, CAFE, TEA))
    body = file(CAFE, TEA, BUS, BUS)
    door = build.a_delivery(body, profile="birmingham", door=DeliveryDoor.STAFF_UPLOAD)
    stored = await pipeline.receive(feed.database, door, now=build.NOW, at_once=0)
    assert stored.rows_done == 0
    later = build.NOW + timedelta(hours=1)
    assert await pipeline.resume(feed.database, actor=build.ACTOR, now=later) == 1
    receipt = await build.receive(feed.database, body, profile="birmingham")
    assert (receipt.posted.rows, receipt.quarantined.rows, receipt.already_received) == (2, 2, True)
    assert await feed.books() == Books(-900 - 360, 0, 5)


async def test_a_delivery_that_crashed_between_batches_is_finished_as_it_began(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ROWS", 2)
    await send(feed, file(CAFE, CAFE, TEA))
    post, calls = batches.post, Counter[str]()

    async def crashing(*args: object, **named: object) -> bool:
        calls["posted"] += 1
        if calls["posted"] == 2:
            raise ConnectionAbortedError
        return await post(*args, **named)  # type: ignore[arg-type]

    body = file(BUS, CAFE, BUS, TEA, BUS, BUS.replace("bus", "tram"))
    with monkeypatch.context() as patched:
        patched.setattr(batches, "post", crashing)
        with pytest.raises(Unavailable):
            await send(feed, body)
    await pipeline.resume(feed.database, actor=build.ACTOR, now=build.NOW + timedelta(hours=1))
    receipt = await send(feed, body)
    assert (receipt.posted.rows, receipt.quarantined.rows, receipt.rows_done) == (4, 2, 6)
    assert await feed.books() == Books(-900 - 4 * 180, 0, 7)


async def test_of_two_files_at_once_that_contradict_each_other_one_posts(feed: Feed) -> None:
    bodies = [file(CAFE, TEA), file(CAFE, TEA, TEA)]
    receipts = await asyncio.gather(*(send(feed, body) for body in bodies))
    outcomes = sorted((receipt.posted.rows, receipt.quarantined.rows) for receipt in receipts)
    assert outcomes in ([(0, 2), (3, 0)], [(0, 3), (2, 0)])


async def test_a_row_with_a_card_number_is_no_part_of_what_its_day_holds(feed: Feed) -> None:
    spoilt = TEA.replace("tea room", "tea 4111 1111 1111 1111")
    first = await send(feed, file(CAFE, spoilt))
    assert (first.posted.rows, first.quarantined.rows) == (1, 1)
    again = await send(feed, file(spoilt.replace("tea", "cup"), CAFE))
    assert (again.already_posted.rows, again.quarantined.rows) == (1, 1)
    codes = {code for _, code in (await feed.rows(again)).values()}
    assert codes == {None, "card_number_in_row"}


async def test_rows_of_increments_equal_to_an_earlier_files_wait_and_repeats_within_a_file_post(feed: Feed) -> None:
    keep_increments(feed.database)
    first = await send(feed, file(CAFE, CAFE, TEA), profile="increments")
    assert first.posted.rows == 3
    second = await send(feed, file(CAFE, BUS, CAFE, CAFE, BUS), profile="increments")
    assert (second.posted.rows, second.posted.pence, second.quarantined.rows) == (2, 360, 3)
    assert {code for _, code in (await feed.rows(second)).values()} == {"equal_to_earlier_row"}
    assert await feed.books() == Books(-900 - 360, 0, 5)


async def test_of_two_increments_at_once_with_an_equal_row_it_posts_once(feed: Feed) -> None:
    keep_increments(feed.database)
    bodies = [file(CAFE, BUS), file(TEA, CAFE)]
    receipts = await asyncio.gather(*(send(feed, body, profile="increments") for body in bodies))
    assert sorted((receipt.posted.rows, receipt.quarantined.rows) for receipt in receipts) == [(1, 1), (2, 0)]


def test_the_ids_of_a_large_file_are_the_same_with_a_survey_as_without() -> None:
    found = profile.load("birmingham", own_folder=Path("nowhere"))
    choose = random.Random(7)
    lines = [f"2026-11-{choose.randint(1, 20):02d},{choose.randint(1, 9)}.00,shop,CARD-1,x" for _ in range(5_000)]
    body = file(*lines)

    def ids(surveyed: complete_days.Survey | None) -> list[str]:
        rows = reading.rows(
            found, BytesIO(body), account_ref=None, received_on=date(2026, 11, 20), is_redacted=False, surveyed=surveyed
        )
        return [row.event.provider_transaction_id for row in rows if isinstance(row, ReadRow)]

    surveyed = reading.survey(
        found, BytesIO(body), account_ref=None, received_on=date(2026, 11, 20), is_redacted=False, rows=5_000
    )
    plain = ids(None)
    assert len(set(plain)) == 5_000
    assert surveyed is not None
    assert ids(surveyed) == plain


def test_what_may_repeat_is_never_missed_and_seldom_suspected() -> None:
    choose = random.Random(3)
    single = [choose.randbytes(16) for _ in range(20_000)]
    twice = [choose.randbytes(16) for _ in range(500)]
    repeats = Repeats(rows=21_000)
    for digest in (*single, *twice, *twice):
        repeats.note(digest)
    repeats.seal()
    assert all(repeats.may_have(digest) for digest in twice)
    assert sum(repeats.may_have(digest) for digest in single) < 1_000
