"""Which days a row can be booked on, and that the report of the months says what the account's ledger says."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import httpx
import pytest

from services.card_ingest import pipeline
from services.dp_api.reports import queries as reports
from services.dp_api.reports import schemas
from services.shared import dates
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.http import Clients

FIRST = date(1997, 4, 1)
LAST = build.NOW.date()


def booked(transaction_id: str, on: date, **changes: Any) -> dict[str, Any]:
    at = datetime.combine(on, time(12), UTC).isoformat()
    return build.an_event(transaction_id, booked_on=on.isoformat(), occurred_at=at, **changes)


@pytest.mark.parametrize("on", [date(1, 1, 1), date(26, 3, 2), date(1900, 1, 1), date(1996, 2, 29), date(1997, 3, 31)])
@pytest.mark.parametrize("status", ["posted", "authorised", "declined", "reversed"])
async def test_a_row_booked_before_there_were_direct_payments_waits(feed: Feed, on: date, status: str) -> None:
    receipt = await feed.send(booked("t1", on, status=status), booked("t2", FIRST))
    assert await feed.rows(receipt) == {1: ("quarantined", "bad_date")}
    assert (receipt.posted.rows, receipt.quarantined.pence, receipt.unread_amounts) == (1, 1234, 0)
    detail = await feed.connection.fetchval("SELECT detail FROM quarantined_row")
    assert detail == "the row is booked before 1997-04-01"


async def test_a_row_of_a_table_in_the_year_26_waits(feed: Feed) -> None:
    body = b"Account,Date,Type,Description,Reference,Amount,Transaction ID\nACC-1,02/03/0026,FPO,shop,,-10.00,T1\n"
    receipt = await build.receive(feed.database, body, profile="demo_bank_statement")
    assert [(each.code, each.pence) for each in receipt.waiting] == [("bad_date", -1000)]


async def test_a_row_before_its_providers_first_day_waits_also_when_it_has_waited_before(
    feed: Feed, clients: Clients
) -> None:
    await feed.send(booked("t0", date(2020, 5, 31), card_ref="CARD-9"))
    admin = clients.of(Role.ADMINISTRATOR)
    amended = await admin.patch("/v1/feeds/northbank", json={"first_day_on": "2020-06-01"})
    assert amended.status_code == 200, amended.json()
    assert amended.json()["first_day_on"] == "2020-06-01"
    receipt = await feed.send(booked("t1", date(2020, 5, 31)), booked("t2", date(2020, 6, 1)))
    assert await feed.rows(receipt) == {1: ("quarantined", "bad_date")}
    await build.a_card(feed.connection, feed.account_id, "CARD-9")
    await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW)
    codes = await feed.connection.fetch("SELECT code FROM quarantined_row WHERE status = 'waiting'")
    assert [row["code"] for row in codes] == ["bad_date", "bad_date"]
    assert await feed.books() == Books(-1234, 0, 1)


async def test_a_first_day_is_taken_at_registration_and_can_be_taken_back(clients: Clients) -> None:
    admin = clients.of(Role.ADMINISTRATOR)
    made = await admin.post("/v1/feeds", json={"code": "newbank", "name": "New Bank", "first_day_on": "2024-01-01"})
    assert (made.status_code, made.json()["first_day_on"]) == (201, "2024-01-01")
    amended = await admin.patch("/v1/feeds/newbank", json={"first_day_on": None})
    assert amended.json()["first_day_on"] is None


async def test_no_decision_posts_a_row_of_a_day_that_it_cannot_have(feed: Feed, clients: Clients) -> None:
    await feed.send(booked("t1", date(26, 3, 2)))
    row_id = await feed.connection.fetchval("SELECT id FROM quarantined_row")
    officer: httpx.AsyncClient = clients.of(Role.FINANCE_OFFICER)
    content = await officer.get(f"/v1/feeds/quarantine/{row_id}")
    assert content.json()["possible"] == ["already_posted", "no_money"]


def some_days() -> list[date]:
    choose = Random(8)
    edges = [FIRST, LAST, date(2000, 2, 29), date(2024, 2, 29), date(1999, 12, 31), date(2000, 1, 1), date(2026, 3, 29)]
    edges += [date(2026, 10, 25), date(2025, 10, 26), date(2025, 3, 30), date(1997, 4, 30), date(1997, 5, 1)]
    return edges + [FIRST + timedelta(days=choose.randrange((LAST - FIRST).days)) for _ in range(150)]


async def test_the_months_of_the_report_come_to_what_the_ledger_holds_for_any_days(feed: Feed) -> None:
    days = some_days()
    choose = Random(9)
    sent = []
    for number, on in enumerate(days):
        # London days by the moment alone: at midnight, an hour before and after it, in summer and in winter.
        at = datetime.combine(on, time(choose.choice([0, 1, 12, 22, 23]), choose.choice([0, 59])), UTC)
        sent.append(build.an_event(f"t{number}", occurred_at=at.isoformat(), amount_pence=choose.randint(1, 9_999)))
    sent = [event for event in sent if dates.london_date(datetime.fromisoformat(event["occurred_at"])) <= LAST]
    receipt = await feed.send(*sent)
    assert receipt.posted.rows == len(sent)
    months = "extract(year FROM booked_on)::integer * 100 + extract(month FROM booked_on)::integer"
    ledger = await feed.connection.fetch(
        f"SELECT {months} AS month, sum(amount_pence)::bigint AS pence FROM card_transaction GROUP BY 1"
    )
    nothing = schemas.SpendFilter(category=(), care_group=(), provider=())
    by = [schemas.Dimension.MONTH]
    async with feed.database.read() as session:
        report = await reports.spend(session, first_day=FIRST, last_day=LAST, by=by, filters=nothing)
    assert {row.month: row.amount_pence for row in report} == {row["month"]: row["pence"] for row in ledger}
    assert sum(row.amount_pence for row in report) == (await feed.books()).posted_pence
