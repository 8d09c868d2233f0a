import asyncio
import os
import random
import signal
import warnings
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.card_ingest import batches, keeping, pipeline, quarantine, reading
from services.shared import database as databases_module
from services.shared.settings.installation import Settings
from services.shared.vocabulary.feeds import DeliveryDoor
from services.shared.vocabulary.records import Service
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed

AFTER_A_CRASH = build.NOW + pipeline.ABANDONED_AFTER + timedelta(seconds=1)


def spread(count: int, *, cards: int, seed: int = 1) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    kinds = ("purchase_pos", "refund", "load")
    return [
        build.an_event(
            f"t{number:05d}",
            type=chance.choice(kinds),
            amount_pence=chance.randint(1, 9_999),
            card_ref=f"C{chance.randrange(cards)}",
        )
        for number in range(count)
    ]


def by_card(events: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        found[event["card_ref"]].append(event)
    return found


async def test_deliveries_that_overlap_at_the_same_time_post_every_row_once(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ROWS", 150)
    accounts = {
        f"C{number}": await build.an_account(feed.connection, f"A{number}", cards=[f"C{number}"])
        for number in range(12)
    }
    sent = spread(900, cards=12)
    holds = [build.an_event(f"h{number}", status="authorised", card_ref=f"C{number % 12}") for number in range(60)]
    deliveries = []
    for seed in range(4):
        rows = sent[seed * 100 : seed * 100 + 600] + holds
        random.Random(seed).shuffle(rows)
        deliveries.append(build.ndjson(rows))
    receipts = await asyncio.gather(*(build.receive(feed.database, body) for body in deliveries))
    assert sum(receipt.posted.rows for receipt in receipts) == 900
    assert sum(receipt.already_posted.rows for receipt in receipts) == 4 * 660 - 900 - 60
    assert sum(receipt.held.rows for receipt in receipts) == 60
    for card, events in by_card(sent).items():
        assert await build.books(feed.connection, accounts[card]) == Books(build.effect(events), 5 * 1234, len(events))


async def test_the_same_delivery_at_the_same_time_is_stored_once(feed: Feed) -> None:
    body = build.ndjson([build.an_event(f"t{number}") for number in range(200)])
    receipts = await asyncio.gather(*(build.receive(feed.database, body) for _ in range(4)))
    assert len({receipt.delivery_id for receipt in receipts}) == 1
    assert sum(not receipt.already_received for receipt in receipts) == 1
    assert await feed.count("feed_delivery") == 1
    assert await feed.books() == Books(-200 * 1234, 0, 200)


async def test_two_who_post_the_same_delivery_share_it(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "ROWS", 40)
    body = build.ndjson([build.an_event(f"t{number}") for number in range(400)])
    delivery = build.a_delivery(body, door=DeliveryDoor.STAFF_UPLOAD)
    receipt = await pipeline.receive(feed.database, delivery, now=build.NOW, at_once=10)
    assert (receipt.status, receipt.rows, receipt.rows_done) == ("stored", 400, 0)
    await asyncio.gather(*(pipeline.resume(feed.database, actor=build.ACTOR, now=AFTER_A_CRASH) for _ in range(3)))
    assert await feed.count("feed_batch") == 10
    assert await feed.books() == Books(-400 * 1234, 0, 400)
    assert await feed.connection.fetchval("SELECT status FROM feed_progress") == "posted"


async def test_a_worker_killed_within_a_batch_loses_nothing_and_doubles_nothing(
    feed: Feed, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ROWS", 40)
    sent = [build.an_event(f"t{number}", amount_pence=number + 1) for number in range(100)]
    sent += [build.an_event("w1", card_ref="CARD-9"), build.an_event("t0", amount_pence=1)]
    killed = await asyncio.to_thread(fork_and_wait, settings, build.ndjson(sent))
    assert killed == signal.SIGKILL
    progress = await feed.connection.fetchrow("SELECT status, rows_done FROM feed_progress")
    assert tuple(progress or ()) == ("posting", 40)
    assert await feed.books() == Books(build.effect(sent[:40]), 0, 40)

    assert await pipeline.resume(feed.database, actor=build.ACTOR, now=build.NOW) == 0
    assert await pipeline.resume(feed.database, actor=build.ACTOR, now=AFTER_A_CRASH) == 1
    assert await pipeline.resume(feed.database, actor=build.ACTOR, now=AFTER_A_CRASH) == 0
    receipt = await feed.send(*sent)
    assert receipt.already_received
    assert (receipt.posted.rows, receipt.already_posted.rows, receipt.quarantined.rows) == (100, 1, 1)
    assert await feed.books() == Books(build.effect(sent[:100]), 0, 100)


def fork_and_wait(settings: Settings, body: bytes) -> int:
    """Receive in a forked process that is killed in its second batch, after its rows are written; return the signal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            asyncio.run(receive_until_killed(settings, body))
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) * -1


async def receive_until_killed(settings: Settings, body: bytes) -> None:
    own = await databases_module.connect(settings, service=Service.CARD_INGEST)
    keep = quarantine.keep

    async def keep_or_die(*arguments: Any, **named: Any) -> None:
        if calls:
            os.kill(os.getpid(), signal.SIGKILL)
        calls.append(1)
        await keep(*arguments, **named)

    calls: list[int] = []
    quarantine.keep = keep_or_die
    await pipeline.receive(own, build.a_delivery(body), now=build.NOW)


async def test_a_file_of_many_chunks_and_batches_posts_whole(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "CHUNK_BYTES", 700)
    monkeypatch.setattr(batches, "ROWS", 35)
    sent = [build.an_event(f"t{number}", amount_pence=number + 1) for number in range(101)]
    sent[60]["reference"] = "4111111111111111"
    file = tmp_path / "feed.ndjson"
    file.write_bytes(build.ndjson(sent))
    told: list[tuple[int, int]] = []
    receipt = await pipeline.receive(
        feed.database, build.a_delivery(file), now=build.NOW, progress=lambda done, rows: told.append((done, rows))
    )
    build.require_whole(receipt)
    assert told == [(35, 101), (70, 101), (101, 101)]
    assert await feed.rows(receipt) == {61: ("quarantined", "card_number_in_row")}
    assert await feed.books() == Books(build.effect(sent) + 61, 0, 100)
    kept = await feed.connection.fetch("SELECT content FROM feed_content ORDER BY chunk")
    assert len(kept) > 10
    content = b"".join(keeping.unsealed(row["content"], ciphers=feed.database.ciphers) for row in kept)
    assert content == file.read_bytes().replace(b"4111111111111111", b"9999999999999999")


async def test_a_file_that_changes_while_it_is_read_is_not_stored(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "feed.ndjson"
    file.write_bytes(build.ndjson([build.an_event("t1")]))
    count = reading.count

    def count_and_change(*arguments: Any, **named: Any) -> int:
        found = count(*arguments, **named)
        file.write_bytes(build.ndjson([build.an_event("t2")]))
        return found

    monkeypatch.setattr(reading, "count", count_and_change)
    with pytest.raises(keeping.ChangedWhileRead):
        await build.receive(feed.database, file)
    assert await feed.count("feed_delivery") == 0
    assert await feed.count("card_transaction") == 0
