"""What is wrong with one row stays that row's trouble, and no row is made of what is none."""

import json
from codecs import BOM_UTF8
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest

from services.card_ingest import batches, events, json_events, reading
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.profiles import mapping, profile
from services.card_ingest.profiles.headings import RepeatedHeading
from services.card_ingest.reasons import Note, Reason
from services.card_ingest.surveying import CardNumberInReference
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed

RECEIVED_ON = date(2026, 11, 20)
HEADING = b"Transaction Date,Transaction number,Supplier Name,Merchant Category,Net Amount\n"
CARD_NUMBER = "4111111111111111"


def read(name: str, body: bytes) -> list[Row]:
    found = profile.load(name, own_folder=Path("nowhere"))
    rows = list(reading.rows(found, BytesIO(body), account_ref=None, received_on=RECEIVED_ON, is_redacted=False))
    assert reading.count(found, BytesIO(body), account_ref=None, received_on=RECEIVED_ON) == len(rows)
    return rows


def told(rows: list[Row]) -> list[Reason | Note | None]:
    return [row.reason if isinstance(row, BadRow) else None for row in rows]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00"])
def test_a_moment_beyond_the_calendar_is_that_rows_trouble(moment: str) -> None:
    body = build.ndjson([build.an_event("t1", occurred_at=moment), build.an_event("t2")])
    assert told(read("canonical", body)) == [Reason.BAD_DATE, None]


@pytest.mark.parametrize(
    ("name", "module", "act"), [("canonical", json_events, "read"), ("calderdale", mapping.Reader, "read")]
)
def test_a_fault_of_our_own_reading_stops_one_row_only(
    name: str, module: object, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = getattr(module, act)

    def faulty(*args: object, number: int, **rest: object) -> object:
        if number == 2:
            raise ZeroDivisionError
        return ours(*args, number=number, **rest)

    monkeypatch.setattr(module, act, faulty)
    line = b"2018-05-31,%d,SHOP,Grocery Stores,1.00\n"
    bodies = {
        "canonical": build.ndjson([build.an_event(f"t{number}") for number in range(3)]),
        "calderdale": HEADING + line % 1 + line % 2 + line % 3,
    }
    assert told(read(name, bodies[name])) == [None, Reason.UNREADABLE_ROW, None]


async def test_nothing_is_stored_where_the_first_rows_cannot_be_prepared(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(batches, "prepared", failing)
        with pytest.raises(ZeroDivisionError):
            await feed.send(build.an_event("t1"))
    assert await feed.count("feed_delivery") == 0
    assert (await feed.send(build.an_event("t1"))).posted.rows == 1


@pytest.mark.parametrize("changes", [{"account_ref": CARD_NUMBER}, {"external_id": f"msg {CARD_NUMBER}"}])
async def test_a_card_number_as_the_deliverys_id_or_account_is_refused(feed: Feed, changes: dict[str, str]) -> None:
    with pytest.raises(CardNumberInReference) as refused:
        await feed.send(build.an_event("t1"), **changes)
    assert refused.value.code == "card_number_in_reference"
    assert CARD_NUMBER not in str(refused.value)
    assert await feed.count("feed_delivery") == 0


def test_a_row_under_a_made_id_has_the_digest_of_its_content_when_it_is_released() -> None:
    heading = b"TRANS DATE,TRANS POST DATE,BILLING CUR CODE,BILLING GROSS AMT,MERCHANT NAME,MCC CODE,CARD NUMBER\n"
    row = b"2019-12-05,2019-12-09,GBP,1.00,cafe,5812,************6985\n"
    found = read("birmingham", heading + row + row)
    assert len({one.digest for one in found if isinstance(one, ReadRow)}) == 2
    for one in found:
        assert isinstance(one, ReadRow)
        assert events.decode(events.encode(one), number=one.number) == one


def test_a_line_break_in_a_quoted_field_makes_no_row() -> None:
    body = HEADING + b'2018-05-31,1,"SHOP\n2018-05-31,666,MADE UP,Grocery Stores,99.00\n",Grocery Stores,1.00\n'
    rows = read("calderdale", body + b"2018-05-31,2,SHOP,Grocery Stores,1.00\n")
    assert told(rows) == [Reason.UNREADABLE_ROW] * 3 + [None]


def test_a_stray_quotation_mark_that_nothing_closes_spoils_its_own_row_only() -> None:
    body = HEADING + b'2018-05-31,1,"SHOP,Grocery Stores,1.00\n' + b"2018-05-31,2,SHOP,Grocery Stores,1.00\n" * 2
    assert told(read("calderdale", body)) == [Reason.UNREADABLE_ROW, None, None]


def test_an_amount_at_the_very_end_without_a_line_end_may_be_cut_off() -> None:
    whole = HEADING + b"2018-05-31,1,SHOP,Grocery Stores,1.00\n2018-05-31,2,SHOP,Grocery Stores,12.5"
    first, last = read("calderdale", whole)
    assert told([first, last]) == [None, Reason.CUT_OFF]
    assert last.delivered_pence is None
    assert told(read("calderdale", whole + b"0\n")) == [None, None]


def test_two_columns_of_one_heading_are_refused_where_it_matters() -> None:
    row = b"2018-05-31,1,SHOP,Grocery Stores,1.00,2.00\n"
    assert told(read("calderdale", HEADING.strip() + b",Other\n" + row)) == [None]
    with pytest.raises(RepeatedHeading):
        read("calderdale", HEADING.strip() + b",Net Amount\n" + row)


@pytest.mark.parametrize("name", ["canonical", "canonical_json", "calderdale"])
def test_a_byte_order_mark_is_no_part_of_the_first_row(name: str) -> None:
    event = build.an_event("t1")
    bodies = {
        "canonical": json.dumps(event).encode() + b"\n",
        "canonical_json": json.dumps([event]).encode(),
        "calderdale": b'"Transaction Date"' + HEADING[16:] + b"2018-05-31,1,SHOP,Grocery Stores,1.00\n",
    }
    assert told(read(name, BOM_UTF8 + bodies[name])) == [None]
