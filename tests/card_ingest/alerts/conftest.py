"""An account of an agreement that is watched for alerts, and ways to send to it, to look, and to see what was told."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from services.card_ingest.alerts import examining
from services.card_ingest.schemas import Receipt
from services.shared import driver
from services.shared.database import Database
from tests.builders import clawback as people
from tests.builders import deliveries as build
from tests.databases import Databases

NOW = build.NOW
TODAY = date(2026, 11, 20)


@dataclass(frozen=True, slots=True)
class Watched:
    """A database with one account under an active agreement of the north team that permits no cash."""

    databases: Databases
    connection: driver.Connection
    agreement_id: UUID
    account_id: UUID

    @property
    def database(self) -> Database:
        """The feed's own view."""
        return self.databases.card_ingest

    def event(self, transaction_id: str, **changes: Any) -> dict[str, Any]:
        """Return a purchase of £12.34 on the account; changes as `an_event` takes them."""
        return build.an_event(transaction_id, **({"card_ref": None, "account_ref": str(self.account_id)} | changes))

    async def send(self, *events: Mapping[str, Any], now: datetime = NOW) -> Receipt:
        """Deliver events."""
        return await build.receive(self.database, build.ndjson(events), now=now)

    async def look(self) -> int:
        """Look at what has come."""
        return await examining.raise_alerts(self.database, actor=build.ACTOR, now=NOW)

    async def look_of_the_day(self, today: date = TODAY) -> int:
        """Ask what is asked once a day."""
        async with self.database.write(actor=build.ACTOR) as session:
            return await examining.raise_daily_alerts(session, today=today, now=NOW)

    async def told(self) -> list[dict[str, Any]]:
        """Return every alert by key, with its facts read."""
        found = await self.connection.fetch("SELECT *, facts::text AS facts_text FROM alert ORDER BY key")
        return [dict(row) | {"facts": json.loads(row["facts_text"])} for row in found]

    async def kinds(self) -> list[str]:
        """Return the kind of each alert, in order of key."""
        return [alert["kind"] for alert in await self.told()]

    async def set_policy(self, kind: str, *, on: str = "2015-04-02", is_active: bool = True, **terms: Any) -> None:
        """Enter a later version of a kind's policy, as an approver would have on that day."""
        await self.connection.execute(
            """INSERT INTO alert_policy (kind, effective_from, is_active, route, terms, made_by, reason)
               SELECT kind, $2, $3, route, $4::jsonb, 'test', 'because' FROM alert_policy WHERE kind = $1 LIMIT 1""",
            kind,
            date.fromisoformat(on),
            is_active,
            json.dumps(terms),
        )


@pytest.fixture
async def watched(databases: Databases) -> AsyncIterator[Watched]:
    """One watched account. Accounts spend without having been loaded, so overdrawn days are not told at first."""
    async with databases.superuser() as connection:
        agreement_id = await people.an_agreement(connection)
        account_id = await people.an_account(connection, agreement_id)
        watched = Watched(databases, connection, agreement_id, account_id)
        await watched.set_policy("negative_balance", is_active=False, over_pence=0, look_back_days=35)
        yield watched


async def tell_overdrawn_days(watched: Watched, *, over_pence: int = 0) -> None:
    """Have overdrawn days told."""
    await watched.set_policy("negative_balance", on="2015-04-03", over_pence=over_pence, look_back_days=35)


def at(day: str, hour: int = 10, minute: int = 0) -> str:
    """Return a moment as an event states it."""
    return (
        datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
        .replace(hour=hour, minute=minute)
        .isoformat()
    )
