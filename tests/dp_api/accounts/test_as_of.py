"""A balance says as of when it is, and that it is not to be relied on, from the moment its feed is late."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.dp_api.accounts import queries, schemas
from services.shared import paging
from tests.builders import deliveries as build
from tests.databases import Databases

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALL = schemas.AccountFilter(agreement_id=None, recipient_id=None, kind=None, status=None, provider_code=None)
HOURS = timedelta(hours=6)
INSTANT = timedelta(microseconds=1)


async def shown(databases: Databases, account_id: UUID) -> tuple[datetime | None, bool]:
    async with databases.dp_api.read(actor=build.ACTOR) as session:
        one, _ = await queries.account(session, account_id=account_id, now=NOW)
        ((listed, _),) = await queries.accounts(session, wanted=ALL, page=paging.Page(), now=NOW)
    assert (listed.balance_as_of, listed.feed_is_late) == (one.balance_as_of, one.feed_is_late)
    return one.balance_as_of, one.feed_is_late


@pytest.mark.parametrize(
    ("age", "is_late"), [(HOURS, False), (HOURS + INSTANT, True)], ids=["exactly six hours ago", "an instant more"]
)
async def test_a_balance_is_as_of_the_last_delivery_and_late_after_the_agreed_hours(
    databases: Databases, age: timedelta, is_late: bool
) -> None:
    async with databases.superuser() as connection:
        await build.a_provider(connection)
        await connection.execute("UPDATE feed_provider SET expected_every_hours = 6")
        account_id = await build.an_account(connection, "T", kind="trial")
        await build.delivered(connection, NOW - 40 * HOURS)
        await build.delivered(connection, NOW - age)
        assert await shown(databases, account_id) == (NOW - age, is_late)


async def test_a_feed_that_never_delivered_is_late_from_its_registration(databases: Databases) -> None:
    async with databases.superuser() as connection:
        await build.a_provider(connection)
        account_id = await build.an_account(connection, "T", kind="trial")
        assert await shown(databases, account_id) == (None, False)
        await connection.execute("UPDATE feed_provider SET expected_every_hours = 6, created_at = $1", NOW - HOURS)
        assert await shown(databases, account_id) == (None, False)
        await connection.execute("UPDATE feed_provider SET created_at = created_at - interval '1 microsecond'")
        assert await shown(databases, account_id) == (None, True)
