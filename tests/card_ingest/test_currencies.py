"""Money in another currency never posts as pounds, however a feed says so and whether or not its layout reads it."""

import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iso4217 import Currency

from services.card_ingest import currencies, pipeline, reading, reasons
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.reasons import Reason
from services.provider_kit import suggesting
from tests.builders import deliveries as build
from tests.builders import statements
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_spreadsheets import xlsx

DAY = date(2026, 11, 20)
TABLE = """
format = "{format}"
name = "any"
version = 1
title = "Any"
identity.columns = ["Id"]
amount = {{column = "Amount", written_in = "pounds", positive_is = "money_in"}}
dates = {{booked = "Date", formats = ["%Y-%m-%d"]}}
type = {{money_out = "faster_payment_out", money_in = "faster_payment_in"}}
account.column = "Account"
{more}
"""
EVENTS = """
format = "json_events"
name = "any"
version = 1
title = "Any"
times = "rfc3339"

[[kinds]]
identity = ["id"]
currency = "billed_in"
occurred = "at"
account = "account"
amount = { path = "money.amount", written_in = "pounds", positive_is = "money_in" }
status = { always = "posted" }
type = { money_out = "faster_payment_out", money_in = "faster_payment_in" }
"""
POUNDS = ["GBP", "826", "gbp", "£", " GBP ", "826.0"]
OTHERS = ["EUR", "978", "usd", "840", "36", "€", "$", "GBp", "X" * 3, "036"]


def table(more: str = "", format: str = "csv") -> Profile:
    found: Profile = msgspec.toml.decode(TABLE.format(more=more, format=format), type=Profile)
    return found


def csv(heading: str, *cells: str) -> bytes:
    lines = [f"Id,Date,Account,Amount,{heading}"]
    lines += [f"T{number},2026-11-12,ACC-1,2.00,{cell}" for number, cell in enumerate(cells)]
    return ("\n".join(lines) + "\n").encode()


def read(found: Profile, body: bytes) -> list[Row]:
    return list(reading.rows(found, io.BytesIO(body), account_ref=None, received_on=DAY, is_redacted=False))


def told(row: Row) -> object:
    """Return what a row does to the balance, or why it waits."""
    if isinstance(row, BadRow):
        return row.reason
    return row.effect_pence if row.waits is None else row.waits.reason


READ: dict[str, Callable[[str], Row]] = {
    "csv": lambda said: read(table('currency.column = "Money"'), csv("Money", said))[0],
    "canonical": lambda said: read(
        profiles.load("canonical", own_folder=Path("nowhere")), build.ndjson([build.an_event("t1", currency=said)])
    )[0],
    "events": lambda said: read(
        msgspec.toml.decode(EVENTS, type=Profile),
        json.dumps([
            {"id": "1", "at": "2026-11-12T10:00:00Z", "account": "A", "billed_in": said, "money": {"amount": "2.00"}}
        ]).encode(),
    )[0],
    "camt053": lambda said: read(
        profiles.load("camt053", own_folder=Path("nowhere")),
        statements.camt(statements.statement(statements.entry("2.00", currency=said))),
    )[0],
}  # fmt: skip


@pytest.mark.parametrize("format", READ)
@pytest.mark.parametrize("said", ["GBP", "826"])
def test_pounds_are_read_by_letters_and_by_number(format: str, said: str) -> None:
    assert isinstance(told(READ[format](said)), int)


@pytest.mark.parametrize("format", READ)
@settings(deadline=None)
@given(currency=st.sampled_from([currency for currency in Currency if currency.code != "GBP"]), by_number=st.booleans())
def test_any_other_currency_waits_by_letters_and_by_number(format: str, currency: Currency, by_number: bool) -> None:
    said = f"{currency.number:03}" if by_number else currency.code
    assert told(READ[format](said)) == Reason.CURRENCY_NOT_GBP


def test_a_code_in_letters_or_digits_is_one_currency() -> None:
    assert {currencies.code(said) for said in POUNDS} == {"GBP"}
    assert "GBP" not in {currencies.code(said) for said in OTHERS}
    assert currencies.code("036") == currencies.code("36") == "AUD"


NAMES = ["Currency", "CCY", "Cur", "Txn Curr", "ISO code", "currency_code", "CurrencyCode", "Billing Ccy", "ISO 4217"]


@pytest.mark.parametrize("heading", NAMES)
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_column_of_currencies_that_the_layout_does_not_read_stops_what_is_not_in_pounds(
    heading: str, format: str
) -> None:
    found = table(format=format)
    body = csv(heading, "GBP", "826", "", "EUR", "978", "£", "€")
    if format == "xlsx":
        rows = [tuple(line.split(",")) for line in body.decode().splitlines()]
        body = reading.translated(found, xlsx(*rows))  # type: ignore[arg-type]
    rows_read = read(found, body)
    waits = Reason.CURRENCY_COLUMN_UNREAD
    assert [told(row) for row in rows_read] == [200, 200, 200, waits, waits, 200, waits]
    assert all(isinstance(row, ReadRow) and row.delivered_pence == 200 for row in rows_read)
    assert isinstance(rows_read[3], ReadRow)
    assert rows_read[3].waits is not None
    assert heading in rows_read[3].waits.detail
    assert "EUR" not in rows_read[3].waits.detail


@pytest.mark.parametrize("said", ["Euro", "US Dollar", "euros"])
def test_a_currency_in_words_stops_under_a_heading_that_leaves_no_doubt(said: str) -> None:
    assert told(read(table(), csv("Currency", said))[0]) == Reason.CURRENCY_COLUMN_UNREAD
    assert [told(row) for row in read(table(), csv("Currency", "Pounds sterling", "Sterling"))] == [200, 200]


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("Currency amount", ["978", "12.50"]),
        ("Exchange rate currency", ["1.17", "978"]),
        ("Current balance", ["978", "EUR"]),
        ("Curr", ["shop", "978 days"]),
        ("ISO country code", ["FRA", "IRL"]),
        ("Branch", ["978", "840"]),
        ("Town", ["ALL", "Leeds"]),
    ],
)
def test_a_column_of_something_else_stops_nothing(heading: str, cells: list[str]) -> None:
    assert [told(row) for row in read(table(), csv(heading, *cells))] == [200] * len(cells)


def test_a_column_in_which_only_currencies_stand_is_one_whatever_it_is_called() -> None:
    waits = Reason.CURRENCY_COLUMN_UNREAD
    assert [told(row) for row in read(table(), csv("Kind", "GBP", "", "EUR"))] == [200, 200, waits]
    assert [told(row) for row in read(table(), csv("Kind", "826", "978"))] == [200, waits]
    assert [told(row) for row in read(table(), csv("", "GBP", "USD"))] == [200, waits]


def test_a_column_of_pounds_says_otherwise_far_down_the_file() -> None:
    cells = ["GBP"] * 2_000 + ["EUR", "GBP"]
    assert [told(row) for row in read(table(), csv("Kind", *cells))][-2:] == [Reason.CURRENCY_COLUMN_UNREAD, 200]


def test_a_column_that_the_layout_reads_for_the_till_stops_nothing() -> None:
    assert told(read(table('merchant.currency = "Currency"'), csv("Currency", "EUR"))[0]) == 200


@pytest.mark.parametrize(
    ("beside", "path"),
    [
        ({"currency": "EUR"}, "money.currency"),
        ({"currencyCode": "978"}, "money.currencyCode"),
        ({"ccy": 978}, "money.ccy"),
        ({"currency": {"code": "EUR"}}, "money.currency.code"),
        ({"currency": "GBP", "scale": 2}, None),
    ],
)
def test_a_currency_beside_the_amount_that_the_layout_does_not_read_stops_the_event(
    beside: dict[str, object], path: str | None
) -> None:
    event = {"id": "1", "at": "2026-11-12T10:00:00Z", "account": "A", "billed_in": "GBP"}
    body = json.dumps([event | {"money": {"amount": "2.00", **beside}}]).encode()
    (row,) = read(msgspec.toml.decode(EVENTS, type=Profile), body)
    assert isinstance(row, ReadRow)
    expected = None if path is None else reasons.detail(Reason.CURRENCY_COLUMN_UNREAD, field=path)
    assert (None if row.waits is None else row.waits.detail) == expected


async def test_what_waits_for_its_currency_is_named_by_its_column_and_never_posts_by_itself(feed: Feed) -> None:
    folder = pipeline.own_profiles(feed.database)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "any.toml").write_text(TABLE.format(format="csv", more=""))
    receipt = await build.receive(feed.database, csv("Currency", "826", "978"), profile="any")
    assert (receipt.posted.rows, receipt.posted.pence, receipt.quarantined.pence) == (1, 200, 200)
    assert [each.code for each in receipt.waiting] == ["currency_column_unread"]
    detail = await feed.connection.fetchval("SELECT detail FROM quarantined_row")
    assert "Currency" in detail
    assert "978" not in detail
    await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW)
    assert (await feed.books()).posted_pence == 200


def drafted(heading: str, *rows: str) -> str:
    return suggesting.suggest(("\n".join((heading, *rows)) + "\n").encode(), format="csv", name="drafted")


def test_a_draft_names_a_column_of_numeric_codes() -> None:
    draft = drafted("Id,Day,Amount,Currency", "T1,2026-11-12,2.00,826", "T2,2026-11-13,3.00,978")
    assert '[currency]\ncolumn = "Currency"  # CONFIRM' in draft


@pytest.mark.parametrize(
    "heading",
    [
        "Id,Day,Original Currency,Original Amount,Billing Currency,Billing Amount",
        "Id,Day,Billing Amount,Original Currency,Original Amount,Billing Currency",
        "Id,Day,Original Amount,Original Currency,Billing Currency,Billing Amount",
    ],
)
def test_a_draft_pairs_the_amount_with_its_own_currency_and_marks_the_other(heading: str) -> None:
    said = {"Original Currency": "EUR", "Original Amount": "4.00", "Billing Currency": "GBP", "Billing Amount": "3.50"}
    rows = [
        ",".join(
            {"Id": f"T{number}", "Day": f"2026-11-1{number}"}.get(name) or said[name] for name in heading.split(",")
        )
        for number in range(3)
    ]
    draft = drafted(heading, *rows)
    assert 'column = "Billing Amount"  # CONFIRM' in draft
    assert '[currency]\ncolumn = "Billing Currency"  # CONFIRM' in draft
    assert '# not used: "Original Currency"  # CONFIRM' in draft


def test_a_draft_says_where_no_column_names_the_currency() -> None:
    draft = drafted("Id,Day,Amount", "T1,2026-11-12,2.00", "T2,2026-11-13,3.00")
    assert 'always = "GBP"  # CONFIRM' in draft
