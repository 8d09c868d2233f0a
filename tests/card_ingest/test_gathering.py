import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from services.card_ingest import deliveries, pipeline, posting
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.gathering import convoy
from services.card_ingest.reconciliation import proof
from services.card_ingest.schemas import Receipt
from services.shared.vocabulary.feeds import DeliveryDoor
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed


def pushed(body: bytes, webhook_id: str) -> pipeline.Delivery:
    return build.a_delivery(body, door=DeliveryDoor.SIGNED_PUSH, external_id=webhook_id)


async def push(feed: Feed, *sent: pipeline.Delivery) -> list[Receipt | BaseException]:
    acts = [convoy.receive(feed.database, each, now=build.NOW) for each in sent]
    return await asyncio.gather(*acts, return_exceptions=True)


def one(transaction_id: str, **changes: Any) -> bytes:
    return build.ndjson([build.an_event(transaction_id, **changes)])


def receipts_of(found: Sequence[Receipt | BaseException]) -> list[Receipt]:
    for each in found:
        assert isinstance(each, Receipt), each
        build.require_whole(each)
    return [each for each in found if isinstance(each, Receipt)]


async def acts(feed: Feed, action: str) -> int:
    found = await feed.connection.fetchval("SELECT count(*) FROM audit_entry WHERE action = $1", action)
    return int(found)


async def require_proved(feed: Feed) -> None:
    """Require that every nightly check finds nothing: rows, batches, digests, balances, the summary."""
    for name, check in proof.CHECKS.items():
        assert await feed.connection.fetchval(check) == 0, name


async def deadlocks(feed: Feed) -> int:
    asked = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(await feed.connection.fetchval(asked))


async def test_pushes_at_the_same_time_post_in_few_transactions_and_each_gets_its_own_receipt(feed: Feed) -> None:
    sent = [pushed(one(f"t{number}", amount_pence=100 + number), f"m{number}") for number in range(60)]
    receipts = receipts_of(await push(feed, *sent))
    assert len({receipt.delivery_id for receipt in receipts}) == 60
    assert [receipt.delivered_pence for receipt in receipts] == [100 + number for number in range(60)]
    assert all(receipt.status == "posted" and receipt.posted.rows == 1 for receipt in receipts)
    assert await acts(feed, "deliver_feed") == 60
    assert await acts(feed, "post_feed_batch") < 10
    assert await feed.count("alert_due") == await feed.count("feed_batch") == await feed.count("feed_content") == 60
    assert await feed.books() == Books(-sum(range(100, 160)), 0, 60)
    await require_proved(feed)


async def test_the_receipt_of_a_gathered_push_is_the_one_that_is_read_later(feed: Feed) -> None:
    told = ("posted", "posted", "authorised", "declined", "posted")
    sent = [pushed(one(f"t{number}", status=status), f"m{number}") for number, status in enumerate(told)]
    first = receipts_of(await push(feed, *sent))
    again = receipts_of(await push(feed, *sent))
    assert [each.model_copy(update={"already_received": True}) for each in first] == again
    assert await feed.books() == Books(-3 * 1234, 1234, 3)


async def test_five_hundred_copies_at_the_same_time_have_one_effect(feed: Feed) -> None:
    before = await deadlocks(feed)
    receipts = receipts_of(await push(feed, *[pushed(one("t1"), f"m{number % 7}") for number in range(500)]))
    assert len({receipt.delivery_id for receipt in receipts}) == 1
    assert sum(not receipt.already_received for receipt in receipts) == 1
    assert await feed.count("feed_delivery") == await feed.count("feed_content") == 1
    assert await feed.books() == Books(-1234, 0, 1)
    assert await deadlocks(feed) == before
    await require_proved(feed)


async def test_a_hundred_overlapping_deliveries_in_different_order_have_one_effect(feed: Feed) -> None:
    refs = [f"A{number}" for number in range(10)]
    accounts = {ref: await build.an_account(feed.connection, ref) for ref in refs}
    events = [
        build.an_event(f"t{number:03}", card_ref=None, account_ref=f"A{number % 10}", amount_pence=number + 1)
        for number in range(200)
    ]
    bodies = []
    for seed in range(100):
        chance = random.Random(seed)
        start = chance.randrange(140)
        rows = events[start : start + chance.choice((3, 60))] + (events if seed == 50 else [])
        rows = list({row["provider_transaction_id"]: row for row in rows}.values())
        chance.shuffle(rows)
        bodies.append(build.ndjson(rows))
    before = await deadlocks(feed)
    receipts = receipts_of(await push(feed, *[pushed(body, f"m{place}") for place, body in enumerate(bodies)]))
    assert sum(receipt.posted.rows for receipt in receipts) == 200
    assert await deadlocks(feed) == before
    for ref, account_id in accounts.items():
        own = [event for event in events if event["account_ref"] == ref]
        assert await build.books(feed.connection, account_id) == Books(build.effect(own), 0, 20)
    await require_proved(feed)


async def test_what_is_not_ordinary_goes_alone_and_takes_nothing_from_the_others(feed: Feed) -> None:
    await push(feed, pushed(one("t0"), "m0"))
    good = [pushed(one(f"t{number}"), f"m{number}") for number in range(1, 20)]
    odd = [
        pushed(one("u1", card_ref="NOBODYS"), "unknown"),
        pushed(one("t0"), "repeat"),
        pushed(one("t0", amount_pence=999), "other content"),
        pushed(one("h1", status="authorised"), "hold"),
        pushed(one("b1", currency="EUR"), "foreign"),
        pushed(one("c1", reference="4111111111111111"), "card number"),
        pushed(one("t1", amount_pence=5), "m0"),
        pushed(b"[]\n", "array"),
    ]
    found = await push(feed, *good[:10], *odd, *good[10:])
    others = found[10:18]
    receipts = receipts_of(found[:10] + others[:6] + found[18:])
    assert sum(receipt.posted.rows for receipt in receipts if not receipt.already_received) == 19
    outcomes = [(each.quarantined.rows, each.held.rows) for each in receipts[10:16]]
    assert outcomes == [(1, 0), (0, 0), (1, 0), (0, 1), (1, 0), (1, 0)]
    assert receipts[11].already_received
    assert isinstance(others[6], deliveries.DeliveryIdReused)
    assert isinstance(others[7], UnreadableDelivery)
    assert await feed.books() == Books(-20 * 1234, 1234, 20)
    await require_proved(feed)


async def test_gathered_pushes_settle_holds_and_remember_those_that_come_later(feed: Feed) -> None:
    holds = [pushed(one(f"h{number}", status="authorised"), f"h{number}") for number in range(4)]
    receipts_of(await push(feed, *holds))
    assert (await feed.books()).held_pence == 4 * 1234
    sent = [pushed(one(f"p{number}", authorisation_id=f"h{number}"), f"p{number}") for number in range(8)]
    receipts_of(await push(feed, *sent))
    assert await feed.books() == Books(-8 * 1234, 0, 8)
    late = pushed(one("h6", status="authorised"), "h6")
    receipts_of(await push(feed, late))
    assert await feed.books() == Books(-8 * 1234, 0, 8)
    await require_proved(feed)


async def test_a_gathered_push_of_what_was_taken_back_before_waits_for_a_person(feed: Feed) -> None:
    await push(feed, pushed(one("t1", status="reversed"), "m0"))
    receipts = receipts_of(await push(feed, *[pushed(one(f"t{number}"), f"m{number}") for number in range(1, 9)]))
    assert [receipt.quarantined.rows for receipt in receipts] == [1, *[0] * 7]
    assert await feed.books() == Books(-7 * 1234, 0, 7)
    await require_proved(feed)


async def test_where_gathering_fails_each_push_goes_through_the_line_alone(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: Any, **_named: Any) -> posting.Gathered:
        raise RuntimeError("planted")

    monkeypatch.setattr(posting, "post_gathered", fail)
    receipts_of(await push(feed, *[pushed(one(f"t{number}"), f"m{number}") for number in range(6)]))
    assert await acts(feed, "post_feed_batch") == 6
    assert await feed.books() == Books(-6 * 1234, 0, 6)
    await require_proved(feed)


async def test_a_row_of_gathered_pushes_that_the_database_lost_is_not_answered_as_posted(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing = posting._POST.replace("WHERE staged.status", "WHERE staged.row_number <> 2 AND staged.status", 1)
    monkeypatch.setattr(posting, "_POST", losing)
    monkeypatch.setattr(posting, "_NOT_POSTED", posting._NOT_POSTED + " AND false")
    two = build.ndjson([build.an_event("u1"), build.an_event("u2")])
    found = await push(feed, pushed(two, "two"), *[pushed(one(f"t{number}"), f"m{number}") for number in range(3)])
    lost = [each for each in found if not isinstance(each, Receipt)]
    assert len(lost) == 1
    assert await feed.books() == Books(-3 * 1234, 0, 3)


async def test_a_mended_layout_makes_the_same_bytes_another_delivery_that_posts_nothing_twice(feed: Feed) -> None:
    folder = pipeline.own_profiles(feed.database)
    folder.mkdir(parents=True, exist_ok=True)
    form = 'format = "ndjson"\nname = "own_lines"\nversion = {version}\ntitle = "Own lines"\n'
    body, receipts = one("t1"), []
    for version in (1, 1, 2):
        (folder / "own_lines.toml").write_text(form.format(version=version))
        receipts.append(await build.receive(feed.database, body, profile="own_lines"))
    first, again, mended = receipts
    assert (first.delivery_id, again.already_received) == (again.delivery_id, True)
    assert (mended.already_received, mended.profile_version, mended.already_posted.rows) == (False, 2, 1)
    assert await feed.books() == Books(-1234, 0, 1)
