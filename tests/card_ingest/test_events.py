import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.card_ingest import events, json_events
from services.card_ingest.events import BadRow, ReadRow
from services.shared.vocabulary.money import SIGN, TransactionType
from tests.builders import deliveries as build

RECEIVED_ON = date(2026, 11, 20)


def read(raw: bytes) -> events.Row:
    return json_events.read(raw, number=7, received_on=RECEIVED_ON)


def read_event(**changes: Any) -> events.Row:
    return read(json.dumps(build.an_event("t1", **changes)).encode())


def test_a_good_row_states_its_pence_and_moves_the_balance_by_its_sign() -> None:
    row = read_event()
    assert isinstance(row, ReadRow)
    assert (row.number, row.delivered_pence, row.effect_pence) == (7, 1234, -1234)
    assert row.booked_on == date(2026, 11, 12)


@pytest.mark.parametrize("stated", [None, "ACC-9"])
def test_the_account_that_the_sender_named_for_the_whole_delivery_goes_before_the_rows_own(stated: str | None) -> None:
    raw = json.dumps(build.an_event("t1", account_ref=stated, card_ref=None)).encode()
    row = json_events.read(raw, number=7, received_on=RECEIVED_ON, account_ref="trial")
    assert isinstance(row, ReadRow)
    assert row.event.account_ref == "trial"


@pytest.mark.parametrize("kind", sorted(SIGN))
def test_every_type_has_its_sign(kind: TransactionType) -> None:
    row = read_event(type=kind.value, amount_pence=5)
    assert isinstance(row, ReadRow)
    assert row.effect_pence == 5 * SIGN[kind]


@pytest.mark.parametrize(("direction", "effect"), [("in", 1234), ("out", -1234)])
def test_an_adjustment_goes_the_way_it_states(direction: str, effect: int) -> None:
    row = read_event(type="adjustment", direction=direction)
    assert isinstance(row, ReadRow)
    assert row.effect_pence == effect


@pytest.mark.parametrize(
    ("text", "pence"), [("12.34", 1234), ("12.340", 1234), ("1,000.5", 100_050), ("7", 700), ("0.01", 1)]
)
def test_a_decimal_amount_is_read_exactly(text: str, pence: int) -> None:
    row = read_event(amount_pence=None, amount=text)
    assert isinstance(row, ReadRow)
    assert row.delivered_pence == pence


def test_the_booking_day_is_londons_unless_the_row_states_it() -> None:
    midnight_in_london = read_event(occurred_at="2026-07-31T23:30:00Z")
    stated = read_event(occurred_at="2026-07-31T23:30:00Z", booked_on="2026-08-03")
    elsewhere = read_event(occurred_at="2026-08-01T04:45:00+05:30")
    assert isinstance(midnight_in_london, ReadRow)
    assert isinstance(stated, ReadRow)
    assert isinstance(elsewhere, ReadRow)
    assert [row.booked_on.day for row in (midnight_in_london, stated, elsewhere)] == [1, 3, 1]
    assert elsewhere.event.occurred_at == datetime(2026, 7, 31, 23, 15, tzinfo=UTC)


def test_the_same_content_has_the_same_digest_however_it_is_written() -> None:
    rows = [
        read_event(),
        read_event(amount_pence=None, amount="12.34"),
        read_event(currency=None),
        read_event(booked_on="2026-11-12"),
        read_event(occurred_at="2026-11-12T11:30:00+01:00"),
        read(json.dumps(dict(reversed(build.an_event("t1").items())), indent=1).encode()),
        read(json.dumps({**build.an_event("t1"), "reference": None}).encode()),
    ]
    assert len({row.digest for row in rows if isinstance(row, ReadRow)}) == 1
    assert all(isinstance(row, ReadRow) for row in rows)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_pence": 1235},
        {"type": "purchase_ecom"},
        {"merchant_name": "OTHER SHOP"},
        {"mcc": "5412"},
        {"occurred_at": "2026-11-12T10:30:01Z"},
        {"card_ref": "CARD-2"},
        {"reference": "x"},
    ],
)
def test_other_content_has_another_digest(changes: dict[str, Any]) -> None:
    one, other = read_event(), read_event(**changes)
    assert isinstance(one, ReadRow)
    assert isinstance(other, ReadRow)
    assert one.digest != other.digest


BAD = [
    ({"amount_pence": None}, "amount_missing", None),
    ({"amount": "12.34"}, "amount_stated_twice", None),
    ({"amount_pence": 12.5}, "amount_not_whole_pence", None),
    ({"amount_pence": 1.0}, "amount_not_whole_pence", None),
    ({"amount_pence": None, "amount": "12.345"}, "amount_not_whole_pence", None),
    ({"amount_pence": None, "amount": "twelve"}, "not_a_number", None),
    ({"amount_pence": None, "amount": 12.34}, "wrong_type", 1234),
    ({"amount_pence": True}, "wrong_type", None),
    ({"amount_pence": "1234"}, "wrong_type", None),
    ({"amount_pence": 0}, "amount_is_zero", 0),
    ({"amount_pence": -1}, "amount_is_negative", -1),
    ({"amount_pence": 10**12 + 1}, "amount_out_of_range", None),
    ({"amount_pence": 10**40}, "amount_out_of_range", None),
    ({"merchant_pence": 10**40}, "amount_out_of_range", 1234),
    ({"currency": "EUR"}, "currency_not_gbp", 1234),
    ({"occurred_at": "2026-02-30T10:00:00Z"}, "bad_date", 1234),
    ({"occurred_at": "2026-11-12T10:00:00"}, "bad_date", 1234),
    ({"occurred_at": 1762943400}, "wrong_type", 1234),
    ({"booked_on": "12/11/2026"}, "bad_date", 1234),
    ({"booked_on": "2026-11-21"}, "future_date", 1234),
    ({"occurred_at": "2026-11-21T00:00:00Z"}, "future_date", 1234),
    ({"mcc": "54"}, "bad_mcc", 1234),
    ({"mcc": "5411.5"}, "bad_mcc", 1234),
    ({"mcc": "54I1"}, "bad_mcc", 1234),
    ({"mcc": 5411}, "wrong_type", 1234),
    ({"status": "pending"}, "unknown_word", 1234),
    ({"type": "gift"}, "unknown_word", 1234),
    ({"status": None}, "missing_field", 1234),
    ({"provider_transaction_id": None}, "missing_field", 1234),
    ({"provider_transaction_id": ""}, "wrong_length", 1234),
    ({"card_ref": None}, "missing_field", 1234),
    ({"merchant_name": "x" * 501}, "wrong_length", 1234),
    ({"pan": "4242"}, "unknown_field", 1234),
    ({"type": "adjustment"}, "missing_field", 1234),
    ({"direction": "in"}, "direction_contradicts_type", 1234),
    ({"merchant_name": "A\0B"}, "unreadable_row", 1234),
]


@pytest.mark.parametrize(
    ("changes", "reason", "pence"), BAD, ids=[f"{case[1]}-{number}" for number, case in enumerate(BAD)]
)
def test_a_bad_row_says_why_and_still_counts_its_pence(changes: dict[str, Any], reason: str, pence: int | None) -> None:
    row = read_event(**changes)
    assert isinstance(row, BadRow)
    assert (row.reason.value, row.delivered_pence) == (reason, pence)
    assert row.content is not None
    for value in changes.values():
        if isinstance(value, str) and len(value) > 3:
            assert value not in row.detail


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"provider_transaction_id": "t1"', "broken_json_line"),
        (b"not json", "broken_json_line"),
        (b'{"amount_pence": NaN}', "broken_json_line"),
        (b'{"merchant_name": "\xff"}', "broken_json_line"),
        (b"[1]", "wrong_type"),
        (b"[" * 100_000, "wrong_type"),
        (b'{"a":' * 100_000, "unknown_field"),
    ],
)
def test_what_is_no_event_is_a_bad_row(raw: bytes, reason: str) -> None:
    row = read(raw)
    assert isinstance(row, BadRow)
    assert (row.reason.value, row.delivered_pence, row.content) == (reason, None, raw)


@pytest.mark.parametrize(
    "twice", [b'"mcc":"5411"', b'"mcc" : "5411"', b'"m\\u0063c":"5411"', b'"currency":"GBP"', b'"merchant_name":null']
)
def test_a_key_named_twice_is_never_guessed_at(twice: bytes) -> None:
    raw = json.dumps(build.an_event("t1")).encode()
    row = read(raw[:-1] + b"," + twice + b"}")
    assert isinstance(row, BadRow)
    assert (row.reason.value, row.delivered_pence) == ("duplicate_key", 1234)


def test_an_amount_named_twice_is_not_counted() -> None:
    raw = json.dumps(build.an_event("t1")).encode()
    row = read(raw[:-1] + b',"amount_pence":1}')
    assert isinstance(row, BadRow)
    assert (row.reason.value, row.delivered_pence) == ("duplicate_key", None)


def test_quotation_marks_within_a_text_are_no_key_named_twice() -> None:
    row = read_event(merchant_name='THE "CORNER" SHOP', reference="null")
    assert isinstance(row, ReadRow)
    assert row.event.merchant_name == 'THE "CORNER" SHOP'


def test_a_row_that_waits_is_read_again_as_it_was() -> None:
    row = read_event(type="refund")
    assert isinstance(row, ReadRow)
    assert events.decode(events.encode(row), number=7) == row
