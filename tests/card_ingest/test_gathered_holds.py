"""Pushes that hold, release, decline and transfer go together, and all ends as if each had come alone."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest

from services.card_ingest import batches, holds, outcomes, pipeline, quarantine
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.gathering import convoy
from services.card_ingest.schemas import Receipt
from services.shared import database
from services.shared.vocabulary.feeds import DeliveryDoor
from services.shared.vocabulary.records import Service
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_gathering import acts, deadlocks, one, push, pushed, receipts_of, require_proved
from tests.card_ingest.test_hold_races import SETTLED, SETTLED_BY_NAME, race
from tests.card_ingest.test_payees import WAGES, a_transfer, an_agreement, an_assistant, category
from tests.conservation.record import CARDS, LATE_CARD, Event, stories

TABLES = {
    "transactions": """
        SELECT provider_transaction_id, amount_pence, category, authorisation_id, payee, sent.external_id, row_number
        FROM card_transaction AS found JOIN feed_delivery AS sent ON sent.number = delivery_number""",
    "holds": """
        SELECT provider_transaction_id, amount_pence, released_pence, status, authorised_at, settled_at,
            sent.external_id, row_number
        FROM card_hold AS found JOIN feed_delivery AS sent ON sent.number = delivery_number""",
    "releases": """
        SELECT provider_transaction_id, hold_id, status, released_at, amount_pence, sent.external_id, row_number
        FROM card_release AS found JOIN feed_delivery AS sent ON sent.number = delivery_number""",
    "declines": """
        SELECT provider_transaction_id, amount_pence, reason, declined_at, sent.external_id, row_number
        FROM card_decline AS found JOIN feed_delivery AS sent ON sent.number = delivery_number""",
    "ended rows": """
        SELECT sent.external_id, row_number, outcome, code, detail, delivered_pence
        FROM feed_row AS found JOIN feed_delivery AS sent ON sent.number = delivery_number""",
    "waiting rows": """
        SELECT sent.external_id, row_number, code, waits_for, found.status, transaction_id
        FROM quarantined_row AS found JOIN feed_delivery AS sent ON sent.number = delivery_number""",
    "progress": """
        SELECT sent.external_id, status, rows, rows_done, delivered_pence, unread_amounts, posted_rows, posted_pence,
            held_rows, held_pence, no_money_rows, no_money_pence, quarantined_rows, already_posted_rows
        FROM feed_progress AS found JOIN feed_delivery AS sent ON sent.id = delivery_id""",
    "batches": """
        SELECT sent.external_id, first_row, found.rows, digest, due.batch_number IS NOT NULL, due.first_id IS NOT NULL
        FROM feed_batch AS found JOIN feed_delivery AS sent ON sent.id = delivery_id
        LEFT JOIN alert_due AS due ON due.batch_number = found.number""",
    "balances": """
        SELECT sent.provider_account_ref, found.posted_pence, found.held_pence, found.transactions, last_booked_on
        FROM account_balance AS found JOIN account AS sent ON sent.id = account_id""",
}
"""What both ways of taking the same pushes in must come to, by whose it is: columns that name no number of ours."""


async def found_of(feed: Feed, provider: str) -> dict[str, list[tuple[Any, ...]]]:
    asked = {name: f"{table} WHERE sent.provider_code = $1" for name, table in TABLES.items()}
    rows = {name: await feed.connection.fetch(question, provider) for name, question in asked.items()}
    return {name: sorted((tuple(row) for row in found), key=repr) for name, found in rows.items()}


async def gathered(feed: Feed) -> int:
    """Return how many deliveries have gone together with others."""
    asked = """SELECT sum((SELECT count(*) FROM jsonb_object_keys(changes #> '{batches,after}')))
        FROM audit_entry WHERE action = 'post_feed_batch' AND changes ? 'batches'"""
    return int(await feed.connection.fetchval(asked) or 0)


def told(receipt: Receipt | BaseException) -> object:
    """Return what a receipt says but for ids and moments of ours."""
    if isinstance(receipt, BaseException):
        return type(receipt)
    return receipt.model_dump(exclude={"delivery_id", "provider", "finished_at", "received_at", "rows_url"})


async def two_providers(feed: Feed) -> None:
    """Give both providers accounts of the same references."""
    await build.a_provider(feed.connection, build.OTHER_PROVIDER)
    for provider in (build.PROVIDER, build.OTHER_PROVIDER):
        for card in CARDS:
            await build.an_account(feed.connection, f"A-{card}", cards=[card], provider=provider)


async def both_ways(feed: Feed, bodies: Sequence[tuple[str, bytes]]) -> tuple[list[object], list[object]]:
    """Push the same to both providers: to one all at once, to the other one after another, each alone."""
    sent = [pushed(body, name) for name, body in bodies]
    together = await push(feed, *sent)
    alone: list[Receipt | BaseException] = []
    for name, body in bodies:
        own = build.a_delivery(
            body, door=DeliveryDoor.SIGNED_PUSH, external_id=name, provider=build.OTHER_PROVIDER, profile="canonical"
        )
        found = await asyncio.gather(pipeline.receive(feed.database, own, now=build.NOW), return_exceptions=True)
        alone += found
    return list(map(told, together)), list(map(told, alone))


def random_pushes(seed: int, *, count: int) -> list[tuple[str, bytes]]:
    """Return pushes of one to three rows: purchases torn apart, some told twice, some pushed twice, some odd."""
    chance = random.Random(seed)
    events = [event for story in stories(chance, f"s{seed}", count) for event in story]
    events += chance.sample(events, len(events) // 10)
    chance.shuffle(events)
    bodies: list[tuple[str, bytes]] = []
    while events:
        size = chance.choice((1, 1, 1, 1, 2, 3))
        rows, events = events[:size], events[size:]
        padded = build.ndjson(rows).replace(b"{", b"{" + b" " * len(bodies), 1)
        bodies.append((f"m{len(bodies)}", padded))
    for name, body in chance.sample(bodies, len(bodies) // 12):
        bodies.insert(chance.randrange(len(bodies)), chance.choice([(name, body), (f"{name}-again", body)]))
    reused = chance.choice(bodies)[0]
    bodies.insert(chance.randrange(len(bodies)), (reused, one(f"reused{seed}", card_ref="C0")))
    bodies.insert(chance.randrange(len(bodies)), ("array", b"[]\n"))
    return bodies


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_same_pushes_at_once_and_one_after_another_come_to_the_same(feed: Feed, seed: int) -> None:
    await two_providers(feed)
    together, alone = await both_ways(feed, random_pushes(seed, count=50))
    assert together == alone
    assert UnreadableDelivery in together
    assert await gathered(feed) > len(together) / 3
    assert await found_of(feed, build.PROVIDER) == await found_of(feed, build.OTHER_PROVIDER)
    for provider in (build.PROVIDER, build.OTHER_PROVIDER):
        account_id = await build.an_account(feed.connection, f"A-{LATE_CARD}", provider=provider)
        await build.a_card(feed.connection, account_id, LATE_CARD, provider=provider)
    while await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW):
        pass
    one_way, other_way = await found_of(feed, build.PROVIDER), await found_of(feed, build.OTHER_PROVIDER)
    assert one_way["balances"] == other_way["balances"]
    assert one_way["holds"] == other_way["holds"]
    await require_proved(feed)


def events_of_one_hold(name: str) -> list[Event]:
    """Return an authorisation, a part and the rest of it released, and a posting that names it."""
    of_it = {"authorisation_id": name, "card_ref": "C1"}
    at = "2026-11-12T10:{}:00Z"
    return [
        build.an_event(name, status="authorised", amount_pence=900, card_ref="C1"),
        build.an_event(f"{name}r", status="reversed", amount_pence=200, occurred_at=at.format(31), **of_it),
        build.an_event(f"{name}p", amount_pence=650, occurred_at=at.format(32), **of_it),
        build.an_event(name, status="reversed", amount_pence=700, occurred_at=at.format(33), card_ref="C1"),
    ]


async def test_events_of_one_hold_at_once_end_as_in_the_order_in_which_they_came(feed: Feed) -> None:
    await two_providers(feed)
    orders = list(itertools.permutations(range(4)))
    pushes = [
        (f"{number}-{place}", build.ndjson([events_of_one_hold(f"h{number}")[order[place]]]))
        for place in range(4)
        for number, order in enumerate(orders)
    ]
    together, alone = await both_ways(feed, pushes)
    assert together == alone
    assert await found_of(feed, build.PROVIDER) == await found_of(feed, build.OTHER_PROVIDER)
    assert {hold[1:4] for hold in (await found_of(feed, build.PROVIDER))["holds"]} >= {(900, 900, "reversed")}
    assert await gathered(feed) > len(together) / 3
    await require_proved(feed)


async def test_authorisations_declines_and_releases_at_once_go_in_few_transactions(feed: Feed) -> None:
    held = [pushed(one(f"h{number}", status="authorised", amount_pence=1000), f"h{number}") for number in range(40)]
    receipts = receipts_of(await push(feed, *held))
    assert all((each.held.rows, each.held.pence, each.status) == (1, 1000, "posted") for each in receipts)
    others = [
        *(pushed(one(f"d{number}", status="declined"), f"d{number}") for number in range(10)),
        *(pushed(one(f"h{number}", status="reversed", amount_pence=400), f"r{number}") for number in range(10)),
        *(pushed(one(f"h{number}", status="expired"), f"x{number}") for number in range(10, 20)),
        *(pushed(one(f"p{number}", authorisation_id=f"h{number}"), f"p{number}") for number in range(20, 30)),
        pushed(one("check", status="authorised", amount_pence=0), "check"),
    ]
    receipts = receipts_of(await push(feed, *others))
    assert [each.no_money.rows for each in receipts] == [1] * 30 + [0] * 10 + [1]
    assert await feed.books() == Books(-10 * 1234, 10 * 600 + 10 * 1000, 10)
    assert await acts(feed, "post_feed_batch") == 2
    assert await feed.count("card_decline") == 10
    assert await feed.count("alert_due") == 20
    again = receipts_of(await push(feed, *held, *others))
    assert [each.held.rows for each in again[:40]] == [1] * 40
    assert all(each.already_received for each in again)
    await require_proved(feed)


async def test_transfers_at_once_get_the_category_of_whom_the_council_has_registered(feed: Feed) -> None:
    recipient_id = await an_agreement(feed.connection, feed.account_id)
    await an_assistant(feed.connection, recipient_id, "Jane Derby")
    sent = [pushed(build.ndjson([a_transfer(f"t{number}", "Jane Derby")]), f"t{number}") for number in range(8)]
    receipts_of(await push(feed, *sent, pushed(one("bought"), "bought")))
    assert {await category(feed, f"t{number}") for number in range(8)} == {WAGES}
    assert await category(feed, "bought") == ("retail_household", "5411")
    assert await acts(feed, "post_feed_batch") == 1


async def test_a_push_that_does_not_end_as_simply_leaves_the_others_in_their_transaction(feed: Feed) -> None:
    first = {"h0": "authorised", "d0": "declined", "x0": "expired"}
    receipts_of(await push(feed, *[pushed(one(name, status=status), name) for name, status in first.items()]))
    before = await acts(feed, "post_feed_batch")
    good = [pushed(one(f"h{number}", status="authorised"), f"h{number}") for number in range(1, 20)]
    odd = [
        pushed(one("u1", status="authorised", card_ref="NOBODYS"), "unknown"),
        *(pushed(one(name, status=status, merchant_name="O"), f"{name}-2") for name, status in first.items()),
        pushed(one("h0", status="authorised", amount_pence=1), "other content"),
        pushed(one("v1", type="reversal", reverses_transaction_id="t9"), "unknown original"),
    ]
    found = receipts_of(await push(feed, *good[:9], *odd, *good[9:]))
    outcomes_of = [(each.quarantined.rows, each.already_posted.rows, each.held.rows) for each in found]
    assert outcomes_of == [(0, 0, 1)] * 9 + [(1, 0, 0), *[(0, 1, 0)] * 3, *[(1, 0, 0)] * 2] + [(0, 0, 1)] * 10
    assert await acts(feed, "post_feed_batch") - before == 1 + len(odd)
    assert await feed.books() == Books(0, 20 * 1234, 0)
    await require_proved(feed)


async def test_two_processes_that_take_in_the_same_pushes_at_once_have_one_effect_and_no_deadlock(feed: Feed) -> None:
    await two_providers(feed)
    chance, before = random.Random(5), await deadlocks(feed)
    pushes = [
        (f"{number}-{place}", build.ndjson([event]))
        for number in range(15)
        for place, event in enumerate(events_of_one_hold(f"h{number}")[:3])
    ]
    other = await database.connect(feed.database.settings, service=Service.CARD_INGEST)
    both = [(own, pushed(body, name)) for own in (feed.database, other) for name, body in pushes]
    chance.shuffle(both)
    found = await asyncio.gather(*[convoy.receive(own, each, now=build.NOW) for own, each in both])
    await other.close()
    assert await deadlocks(feed) == before
    assert sum(not each.already_received for each in receipts_of(found)) == len(pushes)
    balances = {row[0]: row[1:4] for row in (await found_of(feed, build.PROVIDER))["balances"]}
    assert balances == {"A-C1": (-15 * 650, 0, 15)}
    await require_proved(feed)


async def test_who_gives_up_keeps_nobody_waiting_who_names_the_same(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, receive = asyncio.Event(), pipeline.receive

    async def first_for_ever(*arguments: Any, **named: Any) -> Receipt:
        if not began.is_set():
            began.set()
            await asyncio.Event().wait()
        return await receive(*arguments, **named)

    monkeypatch.setattr(pipeline, "receive", first_for_ever)
    waits = pushed(one("v1", type="reversal", reverses_transaction_id="t1"), "v1")
    first = asyncio.create_task(convoy.receive(feed.database, waits, now=build.NOW))
    await began.wait()
    second = asyncio.create_task(convoy.receive(feed.database, pushed(one("t1"), "t1"), now=build.NOW))
    other = await asyncio.wait_for(convoy.receive(feed.database, pushed(one("t2"), "t2"), now=build.NOW), 10)
    assert (other.posted.rows, second.done()) == (1, False)
    first.cancel()
    assert (await asyncio.wait_for(second, 10)).posted.rows == 1


async def test_pushes_wait_together_for_one_who_has_their_provider_to_himself_for_long(feed: Feed) -> None:
    timeout = feed.database.settings.lock_timeout_ms / 1000
    await build.a_provider(feed.connection, build.OTHER_PROVIDER)
    other = build.a_delivery(one("o1"), door=DeliveryDoor.SIGNED_PUSH, external_id="o1", provider=build.OTHER_PROVIDER)
    held = [pushed(one(f"h{number}", status="authorised"), f"h{number}") for number in range(30)]
    async with feed.connection.transaction():
        await batches.begin_alone(feed.connection, build.PROVIDER)
        waiting = asyncio.create_task(push(feed, *held))
        await asyncio.sleep(timeout + 0.5)
        receipt = await asyncio.wait_for(convoy.receive(feed.database, other, now=build.NOW), timeout / 2)
        assert (receipt.rows, waiting.done()) == (1, False)
    assert all(each.held.rows == 1 for each in receipts_of(await waiting))
    await require_proved(feed)


@pytest.mark.parametrize("pause", [0.0, 0.3])
async def test_who_gives_up_while_waiting_lets_nobody_overtake_those_before_him(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    began, gate, receive = asyncio.Event(), asyncio.Event(), pipeline.receive

    async def first_late(*arguments: Any, **named: Any) -> Receipt:
        if not began.is_set():
            began.set()
            await gate.wait()
        return await receive(*arguments, **named)

    def sent(name: str, body: bytes) -> asyncio.Task[Receipt]:
        return asyncio.create_task(convoy.receive(feed.database, pushed(body, name), now=build.NOW))

    monkeypatch.setattr(pipeline, "receive", first_late)
    first = sent("v1", one("v1", type="reversal", reverses_transaction_id="t1"))
    await began.wait()
    second = sent("t1", one("t1"))
    await asyncio.sleep(pause)
    waiting = [sent("t1-3", one("t1", amount_pence=3))] if pause else []
    await asyncio.sleep(pause)
    second.cancel()
    last = sent("t1-4", one("t1", amount_pence=3, merchant_name="4"))
    assert (await asyncio.wait_for(sent("t2", one("t2")), 10)).posted.rows == 1
    await asyncio.sleep(0.2)
    assert not any(each.done() for each in [first, *waiting, last])
    gate.set()
    found = await asyncio.wait_for(asyncio.gather(first, *waiting, last), 10)
    assert [each.posted.rows for each in found] == [0, *[1] * len(waiting), 0 if waiting else 1]
    assert not convoy._LEAVING


@pytest.mark.parametrize("settled", [SETTLED, SETTLED_BY_NAME])
async def test_a_gathered_hold_that_opens_while_it_ends_is_not_held(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, settled: Event
) -> None:
    async def gathered(event: Event) -> Receipt:
        found = await push(feed, pushed(build.ndjson([event]), "h1"), pushed(one("h2", status="declined"), "h2"))
        return receipts_of(found)[0]

    held = build.an_event("h1", status="authorised", amount_pence=1000)
    await race(feed, monkeypatch, (quarantine, "keep"), first=[settled], second=[held], second_by=gathered)
    assert await feed.books() == Books(-1000, 0, 1)
    assert await feed.connection.fetchval("SELECT status FROM card_hold") == "posted"


async def test_a_gathered_hold_that_the_database_lost_is_not_answered_as_held(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "_FACTS", holds._FACTS + " AND staged.row_number <> 2")
    two = build.ndjson([build.an_event(name, status="authorised") for name in ("u1", "u2")])
    sent = [pushed(one(f"h{number}", status="authorised"), f"h{number}") for number in range(3)]
    found = await push(feed, pushed(two, "two"), *sent)
    assert [type(each) for each in found] == [outcomes.RowsLostError, Receipt, Receipt, Receipt]
    assert await feed.books() == Books(0, 3 * 1234, 0)
