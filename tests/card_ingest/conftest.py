"""A provider with one account, and the tables as the superuser sees them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import pytest

from services.card_ingest.schemas import Receipt
from services.shared import driver
from services.shared.database import Database
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.databases import Databases


@dataclass(frozen=True, slots=True)
class Feed:
    """The provider `northbank`, its account ACC-1 with card CARD-1, and ways to deliver to it and look behind it."""

    database: Database
    connection: driver.Connection
    account_id: UUID

    async def send(self, *events: object, **changes: object) -> Receipt:
        """Deliver events (or raw lines) as newline-delimited JSON and return the receipt, which must be whole."""
        return await build.receive(self.database, build.ndjson(events), **changes)  # type: ignore[arg-type]

    async def books(self) -> Books:
        """Return the account's books, proved against its transactions and holds."""
        return await build.books(self.connection, self.account_id)

    async def rows(self, receipt: Receipt) -> dict[int, tuple[str, str | None]]:
        """Return outcome and code of each row of a delivery that did not post as new, by row number."""
        found = await self.connection.fetch(
            """SELECT row_number, outcome, code FROM feed_row JOIN feed_delivery ON number = delivery_number
               WHERE feed_delivery.id = $1
               UNION ALL SELECT row_number, 'quarantined', code FROM quarantined_row
               JOIN feed_delivery ON number = delivery_number WHERE feed_delivery.id = $1 AND status = 'waiting'""",
            receipt.delivery_id,
        )
        return {row["row_number"]: (row["outcome"], row["code"]) for row in found}

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(await self.connection.fetchval(f"SELECT count(*) FROM {table}"))


@pytest.fixture
async def feed(databases: Databases) -> AsyncIterator[Feed]:
    """The provider `northbank` and its one account."""
    async with databases.superuser() as connection:
        await build.a_provider(connection)
        account_id = await build.an_account(connection, "ACC-1", cards=["CARD-1"])
        yield Feed(databases.card_ingest, connection, account_id)
