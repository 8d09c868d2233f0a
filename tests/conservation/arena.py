"""The books under test, and their comparison with the record of what was sent."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from services.card_ingest import pipeline
from services.card_ingest.reconciliation import proof
from services.shared import driver, embedded, migrate
from services.shared.settings.installation import Settings
from tests import databases
from tests.builders import deliveries as build
from tests.conservation.record import CARDS, LATE_CARD, Record, expected

T = TypeVar("T")

AFTERWARDS = build.NOW + pipeline.ABANDONED_AFTER + timedelta(seconds=1)
"""A moment at which whoever was posting a delivery counts as crashed."""

_ACCOUNTS = """
    SELECT card.provider_card_ref AS card, coalesce(balance.posted_pence, 0) AS posted_pence,
        coalesce(balance.held_pence, 0) AS held_pence, coalesce(balance.transactions, 0) AS transactions
    FROM card LEFT JOIN account_balance AS balance USING (account_id)
"""
_OUTCOMES = """
    SELECT count(*) AS deliveries, count(*) FILTER (WHERE status <> 'posted') AS unfinished,
        sum(posted_rows) AS posted, sum(already_posted_rows) AS already_posted, sum(held_rows) AS held,
        sum(no_money_rows) AS no_money, sum(quarantined_rows) AS quarantined FROM feed_progress
"""
# Rows of one transaction bear its number, whatever the software itself tells of it.
_TOGETHER = """
    SELECT count(*) AS commits, coalesce(sum(deliveries), 0) AS deliveries, coalesce(max(deliveries), 0) AS most
    FROM (SELECT count(*) AS deliveries FROM feed_delivery GROUP BY xmin::text) AS stored WHERE deliveries > 1
"""


@dataclass(frozen=True, slots=True)
class Together:
    """How many commits stored several deliveries, how many deliveries those were, and the most of one commit."""

    commits: int
    deliveries: int
    most: int


@dataclass(frozen=True, slots=True)
class Arena:
    """A database of one provider, an account for each card, and the folder of its keys."""

    settings: Settings

    def on(self, server: embedded.Server) -> "Arena":
        """Return the same books on a server that was started again."""
        name = self.settings.database_admin_url
        assert name is not None
        database = driver.driver_address(name.get_secret_value()).database
        assert database is not None
        again = databases.settings_for(server, name=database, data_dir=self.settings.data_dir)
        urls = {"database_url": again.database_url, "database_admin_url": again.database_admin_url}
        return replace(self, settings=self.settings.model_copy(update=urls))


def make(server: embedded.Server, data_dir: Path, *, template: str | None) -> Arena:
    """Make books: a copy of a migrated database, or one migrated anew where there is none."""
    return run(_make(server, data_dir, template=template))


def register_late_card(arena: Arena) -> None:
    """Register the card whose rows wait, unless it is."""
    run(late_card(arena))


def differences(arena: Arena, record: Record) -> list[str]:
    """Return where the books and the record disagree, in words; nothing where all that was sent is there once."""
    return run(compared(arena, record))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run in a loop of its own, which is gone before anything is forked."""
    return asyncio.run(work)


async def _make(server: embedded.Server, data_dir: Path, *, template: str | None) -> Arena:
    name = f"conservation_{uuid4().hex}"
    maintenance = databases.settings_for(server, name="postgres", data_dir=server.data_dir)
    async with databases.superuser(maintenance) as connection:
        await connection.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    settings = databases.settings_for(server, name=name, data_dir=data_dir)
    if template is None:
        await migrate.migrate(settings)
    async with databases.superuser(settings) as connection:
        await build.a_provider(connection)
        for card in CARDS:
            await build.an_account(connection, f"A-{card}", cards=[card])
        await build.an_account(connection, f"A-{LATE_CARD}")
    return Arena(settings)


async def late_card(arena: Arena) -> None:
    """The same within a loop."""
    async with databases.superuser(arena.settings) as connection:
        found = "SELECT id FROM account WHERE provider_account_ref = $1"
        account_id = await connection.fetchval(found, f"A-{LATE_CARD}")
        if not await connection.fetchval("SELECT count(*) FROM card WHERE provider_card_ref = $1", LATE_CARD):
            await build.a_card(connection, account_id, LATE_CARD)


async def compared(arena: Arena, record: Record) -> list[str]:
    """The same within a loop."""
    wanted = expected(record.deliveries)
    async with databases.superuser(arena.settings) as connection:
        found = [
            *await _accounts_differ(connection, wanted.accounts),
            *await _transactions_differ(connection, wanted.transactions),
        ]
        counted = await connection.fetchrow(_OUTCOMES)
        for name, check in proof.CHECKS.items():
            if failed := await connection.fetchval(check):
                found.append(f"the nightly proof finds {name}: {failed}")
    assert counted is not None
    outcomes = dict.fromkeys(("posted", "already_posted", "held", "no_money", "quarantined"), 0) | wanted.outcomes
    sent = {"deliveries": len(record.deliveries), "unfinished": 0, **outcomes}
    return found + [f"{name}: {counted[name]}, sent {sent[name]}" for name in sent if counted[name] != sent[name]]


async def stored(arena: Arena) -> set[str]:
    """Return the senders' own ids of every delivery that is stored."""
    async with databases.superuser(arena.settings) as connection:
        rows = await connection.fetch("SELECT external_id FROM feed_delivery WHERE external_id IS NOT NULL")
    return {row["external_id"] for row in rows}


async def together(arena: Arena) -> Together:
    """Return how many deliveries went into the books together with others, by the numbers of their transactions."""
    async with databases.superuser(arena.settings) as connection:
        row = await connection.fetchrow(_TOGETHER)
    assert row is not None
    return Together(row["commits"], int(row["deliveries"]), row["most"])


async def _accounts_differ(connection: driver.Connection, wanted: dict[str, Any]) -> list[str]:
    rows = {row["card"]: row for row in await connection.fetch(_ACCOUNTS)}
    names = ("posted_pence", "held_pence", "transactions")
    return [
        f"{card} {name}: {rows[card][name]}, sent {getattr(account, name)}"
        for card, account in wanted.items()
        for name in names
        if rows[card][name] != getattr(account, name)
    ]


async def _transactions_differ(connection: driver.Connection, wanted: dict[str, int]) -> list[str]:
    rows = await connection.fetch("SELECT provider_transaction_id AS id, amount_pence FROM card_transaction")
    found = {row["id"]: row["amount_pence"] for row in rows}
    missing, extra = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    other = sum(found[name] != pence for name, pence in wanted.items() if name in found)
    counts = {"lost": len(missing), "posted and never sent": len(extra), "of another amount": other}
    return [f"transactions {what}: {count}" for what, count in counts.items() if count]
