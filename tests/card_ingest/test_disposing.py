from datetime import UTC, datetime

import asyncpg
import pytest

from services.card_ingest import disposing
from services.shared import sealing
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed
from tests.databases import Databases

LONG_AGO = datetime(2017, 3, 1, 12, tzinfo=UTC)


def an_old_event(transaction_id: str, **changes: object) -> dict[str, object]:
    return build.an_event(transaction_id, occurred_at="2017-02-20T12:00:00Z", **changes)


async def kept(feed: Feed) -> list[str]:
    found = await feed.connection.fetch("SELECT DISTINCT delivery_id FROM feed_content")
    return sorted(str(row["delivery_id"]) for row in found)


async def test_what_is_past_its_time_goes_with_an_entry_and_what_it_posted_stays(
    feed: Feed, databases: Databases
) -> None:
    old = await feed.send(an_old_event("t1"), now=LONG_AGO)
    young = await feed.send(build.an_event("t2"))
    waiting = await feed.send(an_old_event("t3", card_ref="NOBODY"), now=LONG_AGO)
    assert await disposing.dispose(feed.database, actor=build.ACTOR) == 1
    assert await kept(feed) == sorted([str(young.delivery_id), str(waiting.delivery_id)])
    assert await feed.count("card_transaction") == 2
    entries = await feed.connection.fetch(
        "SELECT subject_id, actor FROM audit_entry WHERE action = 'dispose_of_feed_content' ORDER BY id"
    )
    assert entries[0]["subject_id"] == str(old.delivery_id)
    assert {entry["actor"] for entry in entries} == {"machine:retention", build.ACTOR.name}
    assert await disposing.dispose(feed.database, actor=build.ACTOR) == 0
    await sealing.seal(databases.dp_api)
    assert (await sealing.verify(databases.dp_api)).ok


async def test_nothing_goes_without_an_entry_nor_before_a_quarter_of_a_year(feed: Feed) -> None:
    await feed.send(an_old_event("t1"), now=LONG_AGO)
    with pytest.raises(asyncpg.RestrictViolationError, match="append_only"):
        await feed.connection.execute("DELETE FROM feed_content")
    await feed.connection.execute("SET ROLE direct_payments_card_ingest")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await feed.connection.execute("DELETE FROM feed_content")
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await feed.connection.fetchval("SELECT dispose_of_feed_content(91, 10)")
    await feed.connection.execute("RESET ROLE; SET ROLE direct_payments_clawback")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await feed.connection.fetchval("SELECT dispose_of_feed_content(400, 10)")
    await feed.connection.execute("RESET ROLE")
    assert len(await kept(feed)) == 1
