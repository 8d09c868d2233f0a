from services.card_ingest import disposing, pipeline, recomputing
from services.card_ingest.recomputing import Recomputed, Source
from services.card_ingest.schemas import Receipt
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_disposing import LONG_AGO, an_old_event


async def recomputed(feed: Feed, receipt: Receipt) -> Recomputed:
    return await recomputing.recompute(feed.database, receipt.delivery_id, actor=build.ACTOR)


async def tamper(feed: Feed, statement: str) -> None:
    await feed.connection.execute("SET session_replication_role = replica")
    await feed.connection.execute(statement)
    await feed.connection.execute("SET session_replication_role = origin")


async def test_what_posted_is_what_the_kept_content_says(feed: Feed) -> None:
    sent = [build.an_event(f"t{number}", amount_pence=number + 1) for number in range(40)]
    receipt = await feed.send(*sent, build.an_event("h", status="authorised"), b"broken")
    again = await feed.send(*sent[:3], build.an_event("new"))
    found = await recomputed(feed, receipt)
    assert (found.source, found.agree, found.decided, found.differ) == (Source.KEPT_CONTENT, 40, 0, 0)
    assert (await recomputed(feed, again)).agree == 1
    ids = await recomputing.delivery_ids(feed.database, provider=build.PROVIDER, delivery_id=None)
    assert ids == [receipt.delivery_id, again.delivery_id]
    assert await recomputing.delivery_ids(feed.database, provider="nobody", delivery_id=None) == []


async def test_a_changed_an_added_and_a_moved_row_are_found(feed: Feed) -> None:
    receipt = await feed.send(*(build.an_event(f"t{number}") for number in range(5)))
    await tamper(feed, "UPDATE card_transaction SET content_digest = '\\x00' WHERE row_number = 2")
    assert (await recomputed(feed, receipt)).differ == 1
    await tamper(feed, "UPDATE card_transaction SET row_number = 99 WHERE row_number = 3")
    found = await recomputed(feed, receipt)
    assert (found.agree, found.differ) == (3, 2)


async def test_after_its_time_the_posted_rows_prove_themselves(feed: Feed) -> None:
    receipt = await feed.send(an_old_event("t1"), an_old_event("t2"), now=LONG_AGO)
    await disposing.dispose(feed.database, actor=build.ACTOR)
    found = await recomputed(feed, receipt)
    assert (found.source, found.agree, found.differ) == (Source.POSTED_ROWS, 2, 0)
    await tamper(feed, "UPDATE card_transaction SET content_digest = '\\x00' WHERE row_number = 2")
    assert (await recomputed(feed, receipt)).differ == 1


async def test_a_profile_that_is_gone_changed_or_broken_leaves_the_posted_rows_to_prove_themselves(feed: Feed) -> None:
    receipt = await feed.send(*(build.an_event(f"t{number}") for number in range(3)))
    own = pipeline.own_profiles(feed.database) / "canonical.toml"
    own.parent.mkdir(parents=True, exist_ok=True)
    form = 'format = "ndjson"\nname = "canonical"\nversion = 99\ntitle = "Another"\n'
    for text, source in ((form, Source.PROFILE_CHANGED), ("name = [", Source.PROFILE_GONE)):
        own.write_text(text)
        found = await recomputed(feed, receipt)
        assert (found.source, found.agree, found.differ) == (source, 3, 0)
    own.unlink()
    await tamper(feed, "UPDATE feed_delivery SET profile = 'no_longer'")
    assert (await recomputed(feed, receipt)).source is Source.PROFILE_GONE
    await tamper(feed, "UPDATE card_transaction SET content_digest = '\\x00' WHERE row_number = 2")
    assert (await recomputed(feed, receipt)).differ == 1
