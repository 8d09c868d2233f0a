"""Looks at what is new find, settle and leave what a look at everything would, whatever comes in whichever order."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, TypeAlias

import pytest

from services.card_ingest import main, pipeline
from services.card_ingest.gathering import convoy
from services.card_ingest.reconciliation import operations
from services.shared import clock, jobs
from services.shared import database as databases
from services.shared.identity.actor import Actor
from services.shared.identity.roles import Role
from services.shared.vocabulary.feeds import DeliveryDoor
from tests.builders import deliveries as build
from tests.builders import statements
from tests.card_ingest.conftest import Feed

OFFICER = Actor(name="F100", roles=frozenset({Role.FINANCE_OFFICER}))
Act: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
REFS = ["ACC-1", "ACC-2", "ACC-3", "ACC-4"]
STEPS = 40
FINDINGS = """
SELECT key, kind, provider_code, account_id, account_ref, concerns_on, stated_pence, held_pence, detail,
    delivery_number, found_at, status, closed_at, closed_by, close_reason
FROM reconciliation_finding ORDER BY key, found_at, status, stated_pence, held_pence, closed_at
"""


@dataclass
class Council:
    """A random run of what may happen: what comes, what is registered, what people close, and time."""

    feed: Feed
    random: Random
    now: Any = build.NOW
    registered: list[str] = field(default_factory=lambda: ["ACC-1"])
    count: int = 0

    def day(self, *, ahead: int = 0) -> str:
        on = self.now.date() + timedelta(days=ahead - self.random.choice([0, 0, 1, 2, 3, 36]))
        return str(on.isoformat())

    def statement(self) -> tuple[str, bytes]:
        """A statement of few pounds and low numbers, so that it agrees with the books now and then."""
        self.count += 1
        pounds = self.random.randint(0, 3)
        on = self.day(ahead=self.random.choice([0, 0, 0, 2]))
        entries = [
            statements.entry(f"{self.random.randint(1, 2)}.00", booked=on, ref=f"R{self.count}-{place}")
            for place in range(self.random.randint(0, 2))
        ]
        stated = [statements.balance("OPBD", "0.00", on=on)] * self.random.randint(0, 1)
        stated.append(statements.balance("CLBD", f"{pounds}.00", on=on))
        number = str(self.random.randint(1, 4))
        body = statements.camt(statements.statement(*entries, balances=stated, id=f"S{number}", sequence=number))
        return self.random.choice(REFS), body

    async def state(self) -> None:
        ref, body = self.statement()
        await build.receive(self.feed.database, body, profile="camt053", account_ref=ref, now=self.now)

    async def store_only(self) -> None:
        ref, body = self.statement()
        delivery = build.a_delivery(body, profile="camt053", account_ref=ref)
        await pipeline.receive(self.feed.database, delivery, now=self.now, at_once=0)

    async def post_what_is_stored(self) -> None:
        await pipeline.resume(self.feed.database, actor=build.ACTOR, now=self.now + timedelta(days=1))

    async def post_late(self) -> None:
        self.count += 1
        ref = self.random.choice(self.registered)
        came = {"type": self.random.choice(["refund", "purchase_pos"]), "amount_pence": 100, "booked_on": self.day()}
        event = build.an_event(f"late-{self.count}", card_ref=None, account_ref=ref, **came)
        await self.feed.send(event, now=self.now, sequence=self.random.choice([None, self.count]))

    async def register(self) -> None:
        unknown = [ref for ref in REFS if ref not in self.registered]
        if unknown:
            self.registered.append(self.random.choice(unknown))
            await build.an_account(self.feed.connection, self.registered[-1])

    async def release(self) -> None:
        await pipeline.release_waiting(self.feed.database, actor=build.ACTOR, now=self.now)

    async def close(self) -> None:
        open_ones = "SELECT id FROM reconciliation_finding WHERE status = 'open' ORDER BY key"
        found = [row["id"] for row in await self.feed.connection.fetch(open_ones)]
        if found:
            async with self.feed.database.write(actor=OFFICER) as session:
                chosen = self.random.choice(found)
                await operations.close_finding(session, finding_id=chosen, reason="looked into", now=self.now)

    async def wait(self) -> None:
        self.now += timedelta(days=self.random.choice([1, 1, 2, 5, 20]))

    async def step(self) -> None:
        often: list[Act] = [self.state] * 5
        often += [self.post_late] * 4
        seldom: list[Act] = [self.wait, self.wait, self.register, self.release, self.close]
        seldom += [self.store_only, self.post_what_is_stored]
        await self.random.choice([*often, *seldom])()


async def by_everything(council: Council) -> list[tuple[Any, ...]]:
    """What a look at everything would leave, from here; it is taken back."""
    async with council.feed.database.write(actor=build.ACTOR) as session:
        await operations.reconcile_everything(session, now=council.now)
        found = await (await databases.raw(session)).fetch(FINDINGS)
        await session.rollback()
    return [tuple(row) for row in found]


async def by_what_is_new(council: Council) -> list[tuple[Any, ...]]:
    await operations.reconcile_feeds(council.feed.database, actor=build.ACTOR, now=council.now)
    return [tuple(row) for row in await council.feed.connection.fetch(FINDINGS)]


@pytest.mark.parametrize("seed", range(6))
async def test_after_every_step_the_findings_are_those_of_a_look_at_everything(feed: Feed, seed: int) -> None:
    council = Council(feed, Random(seed))
    for _ in range(STEPS):
        await council.step()
        if council.random.random() < 0.7:
            wanted = await by_everything(council)
            assert await by_what_is_new(council) == wanted
    kinds = {row["kind"] for row in await feed.connection.fetch("SELECT kind FROM reconciliation_finding")}
    assert kinds >= {"balance_differs", "statement_does_not_add_up", "sequence_gap"}
    assert await feed.connection.fetchval("SELECT count(*) FROM reconciliation_finding WHERE status = 'closed'") > 0


async def stated(feed: Feed, *, ref: str = "ACC-1", closing: str = "9.00", day: str = "2026-11-12") -> None:
    ends = [statements.balance("CLBD", closing, on=day)]
    await build.receive(
        feed.database, statements.camt(statements.statement(balances=ends)), profile="camt053", account_ref=ref
    )


async def looked(feed: Feed, **moved: float) -> dict[str, int]:
    now = build.NOW + timedelta(**moved)
    return dict(await operations.reconcile_feeds(feed.database, actor=build.ACTOR, now=now))


async def test_a_look_goes_over_the_accounts_of_which_something_is_new_and_over_no_others(feed: Feed) -> None:
    await build.an_account(feed.connection, "ACC-2")
    await stated(feed)
    await stated(feed, ref="ACC-2", closing="0.00")
    assert await looked(feed) == {"taken": 2, "accounts": 2, "opened": 1, "closed": 0}
    assert await looked(feed) == {"taken": 0, "accounts": 0, "opened": 0, "closed": 0}
    await feed.send(build.an_event("a", card_ref=None, account_ref="ACC-2"))
    assert await looked(feed) == {"taken": 1, "accounts": 1, "opened": 1, "closed": 0}


async def test_rows_of_accounts_that_nothing_is_stated_about_are_taken_note_of_and_not_looked_at(feed: Feed) -> None:
    await feed.send(build.an_event("a"))
    assert await looked(feed) == {"taken": 1, "accounts": 0, "opened": 0, "closed": 0}
    assert await feed.count("reconciliation_due") == 0


async def test_a_statement_waits_for_its_account_and_for_its_day(feed: Feed) -> None:
    await stated(feed, ref="ACC-9")
    await stated(feed, day="2026-11-22")
    assert (await looked(feed))["opened"] == 0
    assert await looked(feed, days=1) == {"taken": 0, "accounts": 0, "opened": 0, "closed": 0}
    assert await looked(feed, days=2) == {"taken": 0, "accounts": 1, "opened": 1, "closed": 0}
    await build.an_account(feed.connection, "ACC-9")
    assert await looked(feed, days=2) == {"taken": 0, "accounts": 1, "opened": 1, "closed": 0}
    assert await feed.count("statement_waiting") == 0


async def test_a_statement_is_compared_once_its_rows_are_done_though_none_of_them_posts(feed: Feed) -> None:
    await feed.send(build.an_event("a", type="refund", card_ref=None, account_ref="ACC-1", booked_on="2026-11-12"))
    entry, ends = statements.entry("12.34", ref="R"), [statements.balance("CLBD", "12.35")]
    quarantined = statements.camt(statements.statement(entry, balances=ends))
    delivery = build.a_delivery(quarantined, profile="camt053", account_ref="ACC-1")
    await pipeline.receive(feed.database, delivery, now=build.NOW, at_once=0)
    await feed.connection.execute("UPDATE account SET closed_on = '2026-01-01', status = 'closed'")
    assert await looked(feed) == {"taken": 1, "accounts": 1, "opened": 0, "closed": 0}
    assert await looked(feed) == {"taken": 0, "accounts": 1, "opened": 0, "closed": 0}
    await pipeline.resume(feed.database, actor=build.ACTOR, now=build.NOW + timedelta(days=1))
    assert await feed.count("reconciliation_due") == 0
    assert await looked(feed) == {"taken": 1, "accounts": 1, "opened": 1, "closed": 0}
    assert await feed.count("statement_due") == 0


async def test_pushes_that_go_together_make_their_accounts_due(feed: Feed) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    await stated(feed, closing="0.00")
    await stated(feed, ref="ACC-2", closing="0.00")
    assert (await looked(feed))["opened"] == 0
    bodies = [build.ndjson([build.an_event(f"p{card}", card_ref=f"CARD-{card}")]) for card in (1, 2)]
    pushes = [
        build.a_delivery(body, door=DeliveryDoor.SIGNED_PUSH, external_id=f"m{place}")
        for place, body in enumerate(bodies)
    ]
    await asyncio.gather(*(convoy.receive(feed.database, each, now=build.NOW) for each in pushes))
    assert (await looked(feed))["opened"] == 2


async def test_two_looks_never_overlap(feed: Feed) -> None:
    await stated(feed)
    async with feed.database.write(actor=build.ACTOR) as session:
        assert (await operations.reconcile_everything(session, now=build.NOW))["opened"] == 1
        assert await looked(feed) == {"taken": 0, "accounts": 0, "opened": 0, "closed": 0}
        waiting = asyncio.create_task(everything(feed))
        await is_waiting(feed)
        assert not waiting.done()
    assert await waiting == {"taken": 0, "accounts": 1, "opened": 0, "closed": 0}
    assert await feed.count("reconciliation_finding") == 1


async def test_what_commits_while_a_look_goes_on_is_new_to_the_next(feed: Feed) -> None:
    await stated(feed, closing="0.00")
    async with feed.database.write(actor=build.ACTOR) as session:
        await operations.reconcile_everything(session, now=build.NOW)
        await feed.send(build.an_event("a"))
        await build.an_account(feed.connection, "ACC-2")
        await stated(feed, ref="ACC-2")
    assert await looked(feed) == {"taken": 2, "accounts": 2, "opened": 2, "closed": 0}


async def test_all_is_looked_at_once_a_day_whatever_the_queues_say(feed: Feed) -> None:
    await stated(feed)
    await feed.connection.execute("DELETE FROM statement_due")
    assert (await looked(feed))["opened"] == 0
    assert await jobs.run(main.RECONCILE_EVERYTHING, feed.database, now=clock.now())
    assert not await jobs.run(main.RECONCILE_EVERYTHING, feed.database, now=clock.now())
    assert await feed.count("reconciliation_finding") == 1


async def everything(feed: Feed) -> dict[str, int]:
    async with feed.database.write(actor=build.ACTOR) as session:
        return dict(await operations.reconcile_everything(session, now=build.NOW))


async def is_waiting(feed: Feed) -> None:
    """Return once somebody waits for an advisory lock of this database; fails after five seconds."""
    waits = """SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"""
    async with asyncio.timeout(5):
        while not await feed.connection.fetchval(waits):  # noqa: ASYNC110 (the database has no event)
            await asyncio.sleep(0.01)
