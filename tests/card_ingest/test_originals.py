import itertools
from typing import Any

import pytest

from services.card_ingest import pipeline
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed


def a_reversal(of: str | None = "t1", transaction_id: str = "v1", **changes: Any) -> dict[str, Any]:
    return build.an_event(transaction_id, **({"type": "reversal", "reverses_transaction_id": of} | changes))


async def release(feed: Feed) -> int:
    return await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW)


async def test_a_reversal_before_its_original_waits_and_posts_by_itself(feed: Feed) -> None:
    early = await feed.send(a_reversal())
    assert await feed.rows(early) == {1: ("quarantined", "reverses_unknown_transaction")}
    assert await release(feed) == 0
    assert await feed.books() == Books(0, 0, 0)
    await feed.send(build.an_event("t1"))
    assert await release(feed) == 1
    assert await release(feed) == 0
    assert await feed.books() == Books(0, 0, 2)
    kept = await feed.connection.fetchrow("SELECT status, released_as, transaction_id FROM quarantined_row")
    assert tuple(kept or ()) == ("released", "posted", "v1")


CHAIN = [build.an_event("t1"), a_reversal(), a_reversal("v1", "w1", type="representment")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_chain_within_one_batch_posts_whole_in_any_order(feed: Feed, order: tuple[int, ...]) -> None:
    receipt = await feed.send(*(CHAIN[place] for place in order))
    assert (receipt.posted.rows, receipt.quarantined.rows) == (3, 0)
    assert await feed.books() == Books(-1234, 0, 3)


async def test_what_takes_back_a_row_that_itself_waits_waits_too(feed: Feed) -> None:
    unknown_card = build.an_event("t1", card_ref="CARD-9")
    receipt = await feed.send(unknown_card, a_reversal(), a_reversal("x1", "x2"), a_reversal("x2", "x1"))
    assert (receipt.posted.rows, receipt.quarantined.rows) == (0, 4)
    await build.a_card(feed.connection, feed.account_id, "CARD-9")
    assert await release(feed) == 2
    assert await feed.books() == Books(0, 0, 2)
    assert await release(feed) == 0


async def test_a_refund_without_a_link_posts_at_once_and_so_does_what_only_mentions_another(feed: Feed) -> None:
    receipt = await feed.send(
        a_reversal(None, "r1", type="refund"),
        a_reversal("t9", "r2", type="adjustment", direction="in"),
        a_reversal("t9", "r3", type="card_transfer", direction="out"),
    )
    assert (receipt.posted.rows, receipt.quarantined.rows) == (3, 0)


async def test_a_reversal_that_came_and_waits_is_known_when_it_comes_again(feed: Feed) -> None:
    await feed.send(a_reversal())
    await feed.send(a_reversal(), build.an_event("other"))
    await feed.send(build.an_event("t1"))
    assert await release(feed) == 2
    assert await feed.books() == Books(-1234, 0, 3)
    ends = await feed.connection.fetch("SELECT released_as FROM quarantined_row ORDER BY released_as")
    assert [row["released_as"] for row in ends] == ["already_posted", "posted"]
    again = await feed.send(a_reversal(), build.an_event("third"))
    assert again.already_posted.rows == 1
