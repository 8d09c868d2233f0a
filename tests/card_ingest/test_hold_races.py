"""What opens, settles and releases a hold, in two transactions at once: the first stays open until the second waits."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from services.card_ingest import holds, quarantine
from services.card_ingest.schemas import Receipt
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed

AUTHORISED = build.an_event("h1", status="authorised", amount_pence=1000)
SETTLED = build.an_event("h1", amount_pence=1000)
SETTLED_BY_NAME = build.an_event("t1", authorisation_id="h1", amount_pence=1000)
ENDS = [SETTLED, SETTLED_BY_NAME, *(AUTHORISED | {"status": status} for status in ("reversed", "expired", "declined"))]
NAMES = ["settled", "settled by name", "reversed", "expired", "declined"]
WAITS = """SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock')"""


async def race(
    feed: Feed,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[object, str],
    *,
    first: Sequence[Any],
    second: Sequence[Any],
    second_by: Callable[..., Awaitable[Receipt]] | None = None,
) -> tuple[Receipt, Receipt]:
    """Send both at once: the first stops after `place`, within its transaction, until the second waits or is done.

    The second is sent as the first, unless it is told otherwise.
    """
    stopped, go_on = asyncio.Event(), asyncio.Event()
    module, name = place
    step = getattr(module, name)

    async def step_and_stop(*arguments: Any, **named: Any) -> Any:
        result = await step(*arguments, **named)
        if not stopped.is_set():
            stopped.set()
            await go_on.wait()
        return result

    monkeypatch.setattr(module, name, step_and_stop)
    one = asyncio.create_task(feed.send(*first))
    await stopped.wait()
    other = asyncio.ensure_future((second_by or feed.send)(*second))
    while not other.done() and not await feed.connection.fetchval(WAITS):  # noqa: ASYNC110 (the database has no event)
        await asyncio.sleep(0.01)
    go_on.set()
    return await one, await other


PLACES = [(holds, "apply"), (quarantine, "keep")]


@pytest.mark.parametrize("place", PLACES, ids=["holding", "done"])
@pytest.mark.parametrize("end", ENDS, ids=NAMES)
async def test_a_hold_that_opens_while_it_ends_is_not_held(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, end: dict[str, Any], place: tuple[object, str]
) -> None:
    await race(feed, monkeypatch, place, first=[AUTHORISED], second=[end])
    posted = end["status"] == "posted"
    assert await feed.books() == Books(-1000 * posted, 0, int(posted))


@pytest.mark.parametrize("end", ENDS, ids=NAMES)
async def test_a_hold_that_ends_while_it_opens_is_not_held(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, end: dict[str, Any]
) -> None:
    await race(feed, monkeypatch, (quarantine, "keep"), first=[end], second=[AUTHORISED])
    posted = end["status"] == "posted"
    assert await feed.books() == Books(-1000 * posted, 0, int(posted))


async def test_two_settlements_at_once_take_a_hold_back_once(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    await feed.send(AUTHORISED, build.an_event("h2", status="authorised"))
    await race(feed, monkeypatch, (quarantine, "keep"), first=[SETTLED], second=[AUTHORISED | {"status": "reversed"}])
    assert await feed.books() == Books(-1000, 1234, 1)


async def test_batches_that_only_post_do_not_wait_for_each_other(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    second = [build.an_event("t2", card_ref="CARD-2")]
    await asyncio.wait_for(
        race(feed, monkeypatch, (quarantine, "keep"), first=[build.an_event("t1")], second=second), 4
    )
    assert await feed.connection.fetchval("SELECT count(*) FROM card_transaction") == 2
