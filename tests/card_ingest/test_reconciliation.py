"""Findings: what the books and the providers disagree about, opened once, closed by the facts or by a person."""

import asyncio
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.card_ingest import pipeline
from services.card_ingest.profiles import statement_mapping
from services.card_ingest.reconciliation import operations
from services.card_ingest.schemas import Receipt
from services.shared.errors import Conflict
from services.shared.identity.actor import Actor
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.builders import statements
from tests.card_ingest.conftest import Feed

NOW = build.NOW
OFFICER = Actor(name="F100", roles=frozenset({Role.FINANCE_OFFICER}))
HOURS = timedelta(hours=24)
INSTANT = timedelta(microseconds=1)
OPENING = statements.balance("OPBD", "0.00", on="2026-11-11")


async def take_in(feed: Feed, *each: str, account_ref: str | None = "ACC-1", **changes: Any) -> Receipt:
    body = statements.camt(*each)
    return await build.receive(feed.database, body, profile="camt053", account_ref=account_ref, **changes)


async def reconcile(feed: Feed, *, after: timedelta = timedelta()) -> tuple[int, int]:
    done = await operations.reconcile_feeds(feed.database, actor=build.ACTOR, now=NOW + after)
    return done["opened"], done["closed"]


async def watch(feed: Feed, *, after: timedelta) -> tuple[int, int]:
    done = await operations.watch_feeds(feed.database, actor=build.ACTOR, now=NOW + after)
    return done["opened"], done["closed"]


async def standing(feed: Feed) -> list[tuple[Any, ...]]:
    found = await feed.connection.fetch(
        """SELECT kind, account_id, concerns_on, stated_pence, held_pence, detail FROM reconciliation_finding
           WHERE status = 'open' ORDER BY key"""
    )
    return [tuple(row) for row in found]


async def close(feed: Feed) -> None:
    async with feed.database.write(actor=OFFICER) as session:
        found: UUID = await feed.connection.fetchval("SELECT id FROM reconciliation_finding WHERE status = 'open'")
        await operations.close_finding(session, finding_id=found, reason="looked into", now=NOW)


def day(number: int) -> str:
    return f"2026-11-{number}"


def a_day(number: int, amount: str, closing: str, **parts: str) -> str:
    return statements.statement(
        statements.entry(amount, booked=day(number), ref=f"R{number}"),
        balances=[statements.balance("CLBD", closing, on=day(number))],
        id=f"S{number}",
        sequence=str(number),
        **parts,
    )


async def test_a_balance_that_agrees_is_no_finding(feed: Feed) -> None:
    receipt = await take_in(feed, a_day(12, "50.00", "50.00"), a_day(13, "7.00", "57.00"))
    assert (receipt.posted.rows, receipt.posted.pence) == (2, 5_700)
    assert [await reconcile(feed) for _ in range(3)] == [(0, 0)] * 3
    told = "SELECT count(*) FROM audit_entry WHERE action = 'reconcile_feeds'"
    assert await feed.connection.fetchval(told) == 1, "what a look takes out of the queues is an act, nothing is none"


async def test_a_penny_of_difference_is_found_once_on_the_day_on_which_it_begins(feed: Feed) -> None:
    days = [a_day(12, "50.00", "50.00"), a_day(13, "7.00", "57.01"), a_day(14, "1.00", "58.01")]
    await take_in(feed, *days)
    assert await reconcile(feed) == (1, 0)
    ((kind, account_id, on, stated, held, _),) = await standing(feed)
    assert (kind, account_id, on, stated, held) == ("balance_differs", feed.account_id, date(2026, 11, 13), 5701, 5700)
    assert await reconcile(feed) == (0, 0)
    assert (await feed.books()).posted_pence == 5_800


async def test_a_difference_that_goes_closes_by_itself_and_says_so(feed: Feed) -> None:
    await take_in(feed, a_day(12, "50.00", "62.34"))
    assert await reconcile(feed) == (1, 0)
    await feed.send(build.an_event("late", type="refund", booked_on=day(12)))
    assert await reconcile(feed) == (0, 1)
    closed = await feed.connection.fetchrow("SELECT closed_by, close_reason, held_pence FROM reconciliation_finding")
    assert closed is not None
    assert tuple(closed) == (build.ACTOR.name, operations.NO_LONGER_HOLDS, 5_000)


async def test_other_figures_are_another_finding(feed: Feed) -> None:
    await take_in(feed, a_day(12, "50.00", "60.00"))
    await reconcile(feed)
    await feed.send(build.an_event("late", type="refund", booked_on=day(12)))
    assert await reconcile(feed) == (1, 1)
    assert [row[4] for row in await standing(feed)] == [6_234]


async def test_what_a_person_has_closed_stays_closed_until_its_figures_change(feed: Feed) -> None:
    await take_in(feed, a_day(12, "50.00", "60.00"))
    await reconcile(feed)
    await close(feed)
    assert await reconcile(feed) == (0, 0)
    await feed.send(build.an_event("late", type="refund", booked_on=day(12)))
    assert await reconcile(feed) == (1, 0)


async def test_a_finding_closes_once(feed: Feed) -> None:
    await take_in(feed, a_day(12, "50.00", "60.00"))
    await reconcile(feed)
    found = await feed.connection.fetchval("SELECT id FROM reconciliation_finding")
    await close(feed)
    async with feed.database.write(actor=OFFICER) as session:
        with pytest.raises(Conflict):
            await operations.close_finding(session, finding_id=found, reason="again", now=NOW)
        await session.rollback()
    entry = await feed.connection.fetchrow("SELECT actor, subject_kind FROM audit_entry WHERE action = 'close_finding'")
    assert entry is not None
    assert tuple(entry) == (OFFICER.name, "finding")


async def test_the_newest_statement_of_a_day_is_the_one_that_counts(feed: Feed) -> None:
    await take_in(feed, a_day(12, "50.00", "60.00"))
    await reconcile(feed)
    await take_in(feed, a_day(12, "50.00", "50.00"))
    assert await reconcile(feed) == (0, 1)


async def test_a_statement_that_does_not_add_up_is_found_until_one_that_does_comes(feed: Feed) -> None:
    wrong = [OPENING, statements.balance("CLBD", "50.01")]
    await take_in(feed, statements.statement(statements.entry("50.00", ref="R"), balances=wrong), account_ref=None)
    assert await reconcile(feed) == (1, 0)
    ((kind, account_id, on, stated, held, detail),) = await standing(feed)
    assert (kind, account_id, on, stated, held) == ("statement_does_not_add_up", None, date(2026, 11, 12), 5001, 5000)
    assert statements.IBAN not in detail
    assert await reconcile(feed) == (0, 0)
    right = [OPENING, statements.balance("CLBD", "50.00")]
    await take_in(feed, statements.statement(statements.entry("50.00", ref="R"), balances=right), account_ref=None)
    assert await reconcile(feed) == (0, 1)


async def test_missing_statements_are_a_gap_until_they_come_and_a_new_year_is_none(feed: Feed) -> None:
    await take_in(feed, a_day(12, "1.00", "1.00"), a_day(15, "1.00", "4.00"))
    await reconcile(feed)
    gaps = [row[5] for row in await standing(feed) if row[0] == "sequence_gap"]
    assert gaps == ["statements 13 to 14 of the account have not come"]
    await take_in(feed, a_day(13, "1.00", "2.00"), a_day(14, "1.00", "3.00"))
    assert await reconcile(feed) == (0, 2)
    again = statements.statement(balances=[statements.balance("CLBD", "4.00", on=day(16))], id="N", sequence="1")
    await take_in(feed, again)
    assert await reconcile(feed) == (0, 0)


async def test_missing_deliveries_are_a_gap(feed: Feed) -> None:
    await feed.send(build.an_event("a"), sequence=4)
    await feed.send(build.an_event("b"), sequence=6)
    assert await reconcile(feed) == (1, 0)
    assert [row[5] for row in await standing(feed)] == ["delivery 5 of the provider has not come"]
    await feed.send(build.an_event("c"), sequence=5)
    assert await reconcile(feed) == (0, 1)


async def test_a_feed_is_late_after_its_hours_and_not_an_instant_before(feed: Feed) -> None:
    await feed.connection.execute("UPDATE feed_provider SET expected_every_hours = 24")
    await feed.send(build.an_event("a"))
    assert await watch(feed, after=HOURS) == (0, 0)
    assert await watch(feed, after=HOURS + INSTANT) == (1, 0)
    assert await watch(feed, after=2 * HOURS) == (0, 0)
    assert [row[5] for row in await standing(feed)] == [
        "a delivery is expected every 24 hours, and the last one came on 20 November 2026 at 12:00"
    ]
    assert await reconcile(feed, after=2 * HOURS) == (0, 0)
    await feed.send(build.an_event("b"), now=NOW + 2 * HOURS)
    assert await watch(feed, after=2 * HOURS) == (0, 1)


async def test_the_same_file_once_more_tells_nothing_new_and_its_feed_stays_late(feed: Feed) -> None:
    await feed.connection.execute("UPDATE feed_provider SET expected_every_hours = 24")
    await feed.send(build.an_event("a"))
    assert await watch(feed, after=2 * HOURS) == (1, 0)
    await feed.send(build.an_event("a"), now=NOW + 2 * HOURS)
    assert await watch(feed, after=2 * HOURS) == (0, 0)


async def test_a_statement_that_says_nothing_at_all_is_not_kept(feed: Feed) -> None:
    await take_in(feed, "<Stmt/>" * 3, a_day(12, "1.00", "1.00"))
    assert await feed.count("feed_statement") == 1


async def test_a_statement_without_entries_is_taken_in_and_compared(feed: Feed) -> None:
    receipt = await take_in(feed, statements.statement(balances=[OPENING, statements.balance("CLBD", "0.01")]))
    assert (receipt.rows, receipt.status.value, receipt.finished_at) == (0, "posted", NOW)
    assert await reconcile(feed) == (2, 0)
    assert sorted(row[0] for row in await standing(feed)) == ["balance_differs", "statement_does_not_add_up"]


async def test_rows_of_an_account_opened_later_post_and_the_difference_goes(feed: Feed) -> None:
    receipt = await take_in(feed, a_day(12, "50.00", "50.00"), account_ref=None)
    assert receipt.quarantined.rows == 1
    assert await reconcile(feed) == (0, 0)
    await build.an_account(feed.connection, statement_mapping.account_token(statements.IBAN))
    assert await reconcile(feed) == (1, 0)
    await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=NOW)
    assert await reconcile(feed) == (0, 1)


async def test_two_at_once_open_it_once(feed: Feed) -> None:
    await take_in(feed, a_day(12, "50.00", "60.00"))
    await asyncio.gather(*(reconcile(feed) for _ in range(4)))
    assert len(await standing(feed)) == 1


CSV = """format = "csv"
name = "running"
version = 1
title = "Statement with a running balance"
balance = "Balance"
[identity]
columns = ["Id"]
[amount]
column = "Amount"
written_in = "pounds"
positive_is = "money_in"
[dates]
booked = "Date"
formats = ["%Y-%m-%d"]
[type]
money_out = "faster_payment_out"
money_in = "faster_payment_in"
[account]
column = "Account"
"""
ROWS = ["1,2026-11-12,10.00,10.00", "2,2026-11-12,-4.00,6.00", "3,2026-11-13,1.00,7.00", "4,2026-11-13,2.00,9.00"]


def write_profile(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "running.toml").write_text(CSV)


@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
async def test_a_running_balance_is_compared_at_the_end_of_each_day(feed: Feed, order: int) -> None:
    write_profile(feed.database.settings.data_dir / "profiles")
    lines = ["Id,Date,Amount,Balance,Account", *(f"{row},ACC-1" for row in ROWS[::order])]
    await build.receive(feed.database, "\n".join(lines).encode() + b"\n", profile="running")
    kept = await feed.connection.fetch("SELECT closing_on, opening_pence, closing_pence FROM feed_statement ORDER BY 1")
    assert [tuple(row) for row in kept] == [(date(2026, 11, 12), 0, 600), (date(2026, 11, 13), 600, 900)]
    assert await reconcile(feed) == (0, 0)
    await feed.send(build.an_event("x", type="refund", booked_on=day(13)))
    assert await reconcile(feed) == (1, 0)
    assert [row[2:5] for row in await standing(feed)] == [(date(2026, 11, 13), 900, 2_134)]


UNDONE = ["2,2026-11-12,10.00,110.00", "3,2026-11-12,-10.00,100.00"]


@pytest.mark.parametrize(
    ("rows", "closing"),
    [
        (UNDONE, None),
        (["1,2026-11-11,100.00,100.00", *UNDONE], 10_000),
        ([*UNDONE, "1,2026-11-11,110.00,110.00"], 11_000),
    ],
    ids=["alone", "a day before stands above", "a day before stands below"],
)
async def test_a_day_whose_rows_undo_each_other_closes_as_the_days_around_it_tell(
    feed: Feed, rows: list[str], closing: int | None
) -> None:
    write_profile(feed.database.settings.data_dir / "profiles")
    lines = ["Id,Date,Amount,Balance,Account", *(f"{row},ACC-1" for row in rows)]
    await build.receive(feed.database, "\n".join(lines).encode() + b"\n", profile="running")
    kept = await feed.connection.fetch("SELECT closing_pence FROM feed_statement WHERE closing_on = '2026-11-12'")
    assert [row["closing_pence"] for row in kept] == ([] if closing is None else [closing])


async def test_an_account_named_by_a_card_number_is_no_statement(feed: Feed) -> None:
    write_profile(feed.database.settings.data_dir / "profiles")
    lines = ["Id,Date,Amount,Balance,Account", "1,2026-11-12,1.00,1.00,4111 1111 1111 1111"]
    receipt = await build.receive(feed.database, "\n".join(lines).encode() + b"\n", profile="running")
    assert receipt.quarantined.rows == 1
    assert await feed.connection.fetchval("SELECT count(*) FROM feed_statement") == 0
