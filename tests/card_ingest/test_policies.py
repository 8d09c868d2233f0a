from datetime import date

from services.card_ingest import batches
from services.card_ingest.batches import Policy
from services.shared.vocabulary.money import TransactionType
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed

DAY = date(2026, 11, 19)


async def policy(feed: Feed) -> Policy:
    async with feed.database.read() as session:
        return await batches.policy(session, build.PROVIDER)


async def add_rule(feed: Feed, category: str, starts: str) -> int:
    return int(
        await feed.connection.fetchval(
            """INSERT INTO category_rule (merchant, category, effective_from, made_by, reason)
               VALUES ('QUAYSIDE LINNETS', $1, $2, 'a test', 'a test') RETURNING id""",
            category,
            date.fromisoformat(starts),
        )
    )


def chosen(found: Policy) -> str:
    return found.rules.choose(TransactionType.PURCHASE_POS, None, "Quayside Linnets", DAY).category


async def test_the_rules_are_read_once_while_there_are_no_others(feed: Feed) -> None:
    assert (await policy(feed)).rules is (await policy(feed)).rules


async def test_a_rule_added_between_two_deliveries_decides_on_the_second(feed: Feed) -> None:
    assert chosen(await policy(feed)) == "uncategorised"
    await add_rule(feed, "leisure", "2026-01-01")
    assert chosen(await policy(feed)) == "leisure"
    await add_rule(feed, "travel", "2026-02-01")
    assert chosen(await policy(feed)) == "travel"
