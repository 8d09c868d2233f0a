import itertools
import time
from collections.abc import Sequence
from typing import Any

import pytest

from services.card_ingest import pipeline
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed


def a_hold(transaction_id: str = "h1", **changes: Any) -> dict[str, Any]:
    return build.an_event(transaction_id, **({"status": "authorised", "amount_pence": 1000} | changes))


async def test_an_authorisation_is_held_and_posts_nothing(feed: Feed) -> None:
    receipt = await feed.send(a_hold(), build.an_event("t1", amount_pence=1))
    assert await feed.rows(receipt) == {1: ("held", None)}
    assert (receipt.held.rows, receipt.held.pence) == (1, 1000)
    assert await feed.books() == Books(-1, 1000, 1)


@pytest.mark.parametrize("cleared_pence", [900, 1000, 1100])
@pytest.mark.parametrize("link", [{"provider_transaction_id": "h1"}, {"authorisation_id": "h1"}])
async def test_settlement_takes_the_whole_hold_back_whatever_it_clears_for(
    feed: Feed, cleared_pence: int, link: dict[str, str]
) -> None:
    await feed.send(a_hold())
    receipt = await feed.send(build.an_event("t1", amount_pence=cleared_pence) | link)
    assert receipt.posted.rows == 1
    assert await feed.books() == Books(-cleared_pence, 0, 1)
    assert await feed.connection.fetchval("SELECT status FROM card_hold") == "posted"


@pytest.mark.parametrize("ids", [("t1", "t2"), ("t2", "t1")])
async def test_of_two_settlements_in_one_delivery_the_first_ends_the_hold(feed: Feed, ids: tuple[str, str]) -> None:
    await feed.send(a_hold())
    times = ("2026-11-12T10:31:00+00:00", "2026-11-12T10:30:00+00:00")
    told = zip(ids, times, strict=True)
    await feed.send(*(build.an_event(name, authorisation_id="h1", occurred_at=at) for name, at in told))
    settled_at = await feed.connection.fetchval("SELECT settled_at FROM card_hold")
    assert settled_at.isoformat() == times[0]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
async def test_a_hold_and_its_settlement_may_come_together_in_any_order(feed: Feed, order: list[int]) -> None:
    rows = [a_hold(), build.an_event("t1", authorisation_id="h1")]
    await feed.send(*(rows[place] for place in order))
    assert await feed.books() == Books(-1234, 0, 1)


@pytest.mark.parametrize("link", [{"provider_transaction_id": "h1"}, {"authorisation_id": "h1"}])
async def test_an_authorisation_that_comes_after_its_settlement_is_not_held(feed: Feed, link: dict[str, str]) -> None:
    await feed.send(build.an_event("t1") | link)
    late = await feed.send(a_hold())
    assert await feed.rows(late) == {1: ("held", "hold_already_closed")}
    assert await feed.rows(await feed.send(a_hold(), a_hold(amount_pence=7))) == {
        1: ("already_posted", None),
        2: ("quarantined", "same_id_other_content"),
    }
    assert await feed.books() == Books(-1234, 0, 1)


@pytest.mark.parametrize("status", ["reversed", "expired"])
async def test_a_release_gives_the_hold_back_once(feed: Feed, status: str) -> None:
    await feed.send(a_hold())
    released = await feed.send(a_hold(status=status))
    assert await feed.rows(released) == {1: ("no_money", "hold_released")}
    again = await feed.send(a_hold(status=status, reference="sent again"))
    assert await feed.rows(again) == {1: ("already_posted", None)}
    resent = await feed.send(a_hold(), build.an_event("t1", amount_pence=1))
    assert await feed.rows(resent) == {1: ("already_posted", None)}
    assert await feed.books() == Books(-1, 0, 1)


async def test_a_release_that_comes_first_is_remembered(feed: Feed) -> None:
    early = await feed.send(a_hold(status="reversed", occurred_at="2026-11-12T11:00:00Z"))
    assert await feed.rows(early) == {1: ("no_money", "release_before_hold")}
    late = await feed.send(a_hold())
    assert await feed.rows(late) == {1: ("held", "hold_already_closed")}
    assert await feed.books() == Books(0, 0, 0)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_a_partial_release_frees_its_part_whenever_it_comes(
    feed: Feed, order: list[int], is_one_batch: bool
) -> None:
    events = [a_hold(), a_hold("r1", status="reversed", amount_pence=400, authorisation_id="h1")]
    deliveries = [[events[place] for place in order]] if is_one_batch else [[events[place]] for place in order]
    receipts = [await feed.send(*rows) for rows in deliveries]
    assert sum(receipt.held.rows for receipt in receipts) == sum(receipt.no_money.rows for receipt in receipts) == 1
    assert await feed.books() == Books(0, 600, 0)
    again = await feed.send(*reversed(events), build.an_event("t1", amount_pence=1))
    assert again.already_posted.rows == 2
    assert await feed.books() == Books(-1, 600, 1)


async def test_parts_that_come_to_the_whole_end_the_hold(feed: Feed) -> None:
    parts = [a_hold(f"r{pence}", status="reversed", amount_pence=pence, authorisation_id="h1") for pence in (300, 800)]
    await feed.send(parts[0])
    await feed.send(a_hold())
    assert await feed.books() == Books(0, 700, 0)
    assert await feed.rows(await feed.send(parts[1])) == {1: ("no_money", "hold_released")}
    kept = await feed.connection.fetchrow("SELECT status, released_pence FROM card_hold")
    assert tuple(kept or ()) == ("reversed", 1000)
    assert await feed.books() == Books(0, 0, 0)


@pytest.mark.parametrize("is_declined_first", [True, False])
async def test_a_decline_that_names_a_hold_ends_it_whenever_it_comes(feed: Feed, is_declined_first: bool) -> None:
    events = [a_hold(), a_hold("d1", status="declined", authorisation_id="h1")]
    for event in reversed(events) if is_declined_first else events:
        await feed.send(event)
    assert await feed.books() == Books(0, 0, 0)
    assert await feed.connection.fetchval("SELECT status FROM card_hold") == "declined"


async def test_what_a_settlement_leaves_of_its_hold_may_be_released_after_it(feed: Feed) -> None:
    await feed.send(a_hold(), build.an_event("h1", amount_pence=600))
    receipt = await feed.send(a_hold(status="reversed", amount_pence=400))
    assert await feed.rows(receipt) == {1: ("no_money", "hold_already_closed")}
    assert await feed.books() == Books(-600, 0, 1)


async def test_a_release_of_posted_money_waits_for_a_person(feed: Feed) -> None:
    await feed.send(build.an_event("t1"))
    receipt = await feed.send(build.an_event("t1", status="reversed"))
    assert await feed.rows(receipt) == {1: ("quarantined", "reverses_posted_transaction")}
    assert await feed.books() == Books(-1234, 0, 1)


TAKEN_BACK = build.an_event("t1", status="reversed")


@pytest.mark.parametrize("together", [True, False], ids=["one delivery", "two"])
async def test_a_transaction_that_was_taken_back_before_it_came_waits_for_a_person_too(
    feed: Feed, together: bool
) -> None:
    if together:
        receipt = await feed.send(TAKEN_BACK, build.an_event("t1"), build.an_event("t2"))
    else:
        await feed.send(TAKEN_BACK)
        receipt = await feed.send(build.an_event("t2"), build.an_event("t1"))
    assert ("quarantined", "reversed_before_it_posted") in (await feed.rows(receipt)).values()
    assert await feed.books() == Books(-1234, 0, 1)
    assert await feed.connection.fetchval("SELECT provider_transaction_id FROM card_transaction") == "t2"


async def test_what_posted_before_it_was_taken_back_is_known_again(feed: Feed) -> None:
    await feed.send(build.an_event("t1"))
    await feed.send(build.an_event("t2", status="reversed"), TAKEN_BACK)
    receipt = await feed.send(build.an_event("t1"), build.an_event("t3"))
    assert await feed.rows(receipt) == {1: ("already_posted", None)}


async def test_a_release_before_the_purchase_of_its_id_leaves_the_purchase(feed: Feed) -> None:
    await feed.send(a_hold(), a_hold(status="reversed"))
    await feed.send(build.an_event("h1", amount_pence=1000, occurred_at="2026-11-13T09:00:00Z"))
    assert await feed.books() == Books(-1000, 0, 1)


LEFT = [a_hold(), build.an_event("h1", amount_pence=600), a_hold(status="reversed", amount_pence=400)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_what_a_settlement_leaves_is_released_in_any_order(feed: Feed, order: Sequence[int]) -> None:
    for place in order:
        await feed.send(LEFT[place])
    await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW)
    assert await feed.count("quarantined_row WHERE status = 'waiting'") == 0
    assert await feed.books() == Books(-600, 0, 1)


async def test_the_same_authorisation_again_is_known_and_another_amount_waits(feed: Feed) -> None:
    await feed.send(a_hold())
    receipt = await feed.send(a_hold(), a_hold(amount_pence=2000))
    assert await feed.rows(receipt) == {1: ("already_posted", None), 2: ("quarantined", "same_id_other_content")}
    assert await feed.books() == Books(0, 1000, 0)


async def test_a_card_check_holds_nothing(feed: Feed) -> None:
    receipt = await feed.send(a_hold(amount_pence=0))
    assert await feed.rows(receipt) == {1: ("no_money", "card_check")}
    assert await feed.books() == Books(0, 0, 0)


async def test_a_decline_moves_no_money_and_is_kept_once(feed: Feed) -> None:
    declined = a_hold("d1", status="declined", decline_reason="INSUFFICIENT_FUNDS")
    receipt = await feed.send(declined)
    again = await feed.send(declined, build.an_event("t1"))
    other = await feed.send(declined | {"amount_pence": 7})
    assert await feed.rows(receipt) == {1: ("no_money", "declined")}
    assert await feed.rows(again) == {1: ("already_posted", None)}
    assert await feed.rows(other) == {1: ("quarantined", "same_id_other_content")}
    assert await feed.connection.fetchval("SELECT reason FROM card_decline") == "INSUFFICIENT_FUNDS"
    assert await feed.books() == Books(-1234, 0, 1)


async def test_a_decline_of_an_open_hold_gives_it_back(feed: Feed) -> None:
    await feed.send(a_hold())
    await feed.send(a_hold(status="declined"))
    assert await feed.books() == Books(0, 0, 0)
    assert await feed.connection.fetchval("SELECT status FROM card_hold") == "declined"


@pytest.mark.parametrize("status", ["authorised", "reversed", "declined"])
async def test_events_without_money_wait_for_an_unknown_card_too(feed: Feed, status: str) -> None:
    receipt = await feed.send(a_hold(status=status, card_ref="CARD-9"))
    assert await feed.rows(receipt) == {1: ("quarantined", "unknown_card")}


async def test_many_holds_and_settlements_leave_the_books_at_what_was_sent(feed: Feed) -> None:
    holds = [a_hold(f"h{number}", amount_pence=10 + number) for number in range(300)]
    settled = [build.an_event(f"t{number}", authorisation_id=f"h{number}") for number in range(0, 300, 3)]
    expired = [a_hold(f"h{number}", status="expired", amount_pence=10 + number) for number in range(1, 300, 3)]
    await feed.send(*holds)
    await feed.send(*settled, *expired)
    left = sum(10 + number for number in range(2, 300, 3))
    assert await feed.books() == Books(-100 * 1234, left, 100)


PARTS_AND_THE_WHOLE = [
    [("reversed", 400), ("expired", 1000)],
    [("reversed", 400), ("reversed", 1000)],
    [("expired", 1000), ("reversed", 400)],
]


@pytest.mark.parametrize("releases", PARTS_AND_THE_WHOLE)
async def test_a_release_of_the_whole_counts_beside_one_of_a_part(feed: Feed, releases: list[tuple[str, int]]) -> None:
    await feed.send(a_hold())
    receipt = await feed.send(*(a_hold(status=status, amount_pence=pence) for status, pence in releases))
    assert (receipt.no_money.rows + receipt.already_posted.rows, receipt.quarantined.rows) == (2, 0)
    assert await feed.books() == Books(0, 0, 0)


@pytest.mark.parametrize("status", ["reversed", "expired"])
async def test_a_release_that_names_another_account_leaves_the_hold(feed: Feed, status: str) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    await feed.send(a_hold())
    receipt = await feed.send(a_hold(status=status, card_ref="CARD-2"))
    assert await feed.rows(receipt) == {1: ("quarantined", "same_id_other_content")}
    mixed = await feed.send(a_hold(status=status, card_ref="CARD-2", account_ref="ACC-1"))
    assert await feed.rows(mixed) == {1: ("quarantined", "card_of_another_account")}
    unknown = await feed.send(a_hold(status=status, card_ref="CARD-9"))
    assert await feed.rows(unknown) == {1: ("quarantined", "unknown_card")}
    assert await feed.books() == Books(0, 1000, 0)


async def test_a_decline_of_another_account_leaves_the_hold(feed: Feed) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    await feed.send(a_hold())
    await feed.send(a_hold(status="declined", card_ref="CARD-2"))
    assert await feed.books() == Books(0, 1000, 0)


@pytest.mark.parametrize("link", [{"provider_transaction_id": "h1"}, {"authorisation_id": "h1"}])
async def test_a_settlement_of_another_account_leaves_the_hold(feed: Feed, link: dict[str, str]) -> None:
    other = await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    await feed.send(a_hold())
    await feed.send(build.an_event("t1", card_ref="CARD-2") | link)
    assert await feed.books() == Books(0, 1000, 0)
    assert await build.books(feed.connection, other) == Books(-1234, 0, 1)


async def test_an_authorisation_that_was_declined_before_is_not_held(feed: Feed) -> None:
    await feed.send(a_hold(status="declined"))
    late = await feed.send(a_hold())
    assert await feed.rows(late) == {1: ("held", "hold_already_closed")}
    assert await feed.books() == Books(0, 0, 0)


async def test_a_decline_of_another_account_does_not_keep_a_hold_from_opening(feed: Feed) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    await feed.send(a_hold(status="declined", card_ref="CARD-2"))
    await feed.send(a_hold())
    assert await feed.books() == Books(0, 1000, 0)


async def test_settling_thousands_of_holds_at_once_takes_about_as_long_as_posting_as_many_rows(feed: Feed) -> None:
    numbers = range(4000)

    async def seconds(settled: str) -> float:
        rows = [build.an_event(f"{settled}-{number}", authorisation_id=f"{settled}{number}") for number in numbers]
        began = time.monotonic()
        await feed.send(*rows)
        return time.monotonic() - began

    plain = await seconds("never held")
    await feed.send(*(a_hold(f"h{number}") for number in numbers))
    assert await seconds("h") < 6 * plain
    assert await feed.books() == Books(-8000 * 1234, 0, 8000)
