"""Events of a provider's own shape through the shipped profile of Stripe Issuing, and through one written here."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.card_ingest import reading
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.event_form import JsonEventsProfile
from services.card_ingest.reasons import Note, Reason
from services.shared.vocabulary.money import EventStatus, TransactionType
from tests.card_ingest.conftest import Feed

STRIPE = profiles.load("stripe_issuing", own_folder=Path("nowhere"))
TODAY = date(2026, 11, 20)
CREATED = int(datetime(2026, 11, 12, 23, 30, tzinfo=UTC).timestamp())

MODULR_LIKE = """
format = "json_events"
name = "own_bank"
version = 1
title = "An account's own events"
times = "rfc3339"
events = "Data.Items"

[[kinds]]
identity = ["TransactionId", "Leg"]
currency = "Currency"
occurred = "PostedDate"
booked = "BookedOn"
account = "AccountId"
amount = { path = "Amount", written_in = "pounds", positive_is = "spend" }
status = { path = "State", words = { SETTLED = "posted" } }
type = { money_out = "faster_payment_out", money_in = "faster_payment_in" }
"""


def transaction(**changes: Any) -> dict[str, Any]:
    return {
        "id": "ipi_1",
        "object": "issuing.transaction",
        "amount": -1234,
        "currency": "gbp",
        "created": CREATED,
        "type": "capture",
        "card": {"id": "CARD-1"},
        "authorization": "iauth_1",
        "merchant_amount": -1500,
        "merchant_currency": "eur",
        "merchant_data": {"name": " Corner Shop ", "category": "grocery_stores_supermarkets", "category_code": "5411"},
    } | changes


def authorisation(**changes: Any) -> dict[str, Any]:
    return {
        "id": "iauth_1",
        "object": "issuing.authorization",
        "amount": 1234,
        "approved": True,
        "status": "pending",
        "currency": "gbp",
        "created": CREATED,
        "card": "CARD-1",
        "merchant_data": {"name": "Corner Shop", "category_code": "5411"},
        "request_history": [{"reason": "webhook_approved"}, {"reason": "insufficient_funds"}],
    } | changes


def event(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "type": kind, "created": CREATED, "data": {"object": fields}}


def rows(body: object, *, profile: profiles.Profile = STRIPE) -> list[Row]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    read = reading.rows(profile, io.BytesIO(content), account_ref=None, received_on=TODAY, is_redacted=False)
    found = list(read)
    counted = reading.count(profile, io.BytesIO(content), account_ref=None, received_on=TODAY)
    assert counted == len(found)
    return found


def one(kind: str, fields: Mapping[str, Any]) -> Row:
    (found,) = rows(event(kind, fields))
    return found


def read(kind: str, fields: Mapping[str, Any]) -> ReadRow:
    found = one(kind, fields)
    assert isinstance(found, ReadRow), found
    return found


def reason(kind: str, fields: Mapping[str, Any]) -> Reason | Note:
    found = one(kind, fields)
    assert isinstance(found, BadRow), found
    return found.reason


def test_a_capture_is_a_posted_purchase_that_settles_its_authorisation() -> None:
    found = read("issuing_transaction.created", transaction())
    assert (found.effect_pence, found.delivered_pence, found.booked_on) == (-1234, 1234, date(2026, 11, 12))
    card_event = found.event
    assert (card_event.status, card_event.type) == (EventStatus.POSTED, TransactionType.PURCHASE_POS)
    assert (card_event.provider_transaction_id, card_event.authorisation_id) == ("ipi_1", "iauth_1")
    assert (card_event.card_ref, card_event.mcc, card_event.merchant_name) == ("CARD-1", "5411", "Corner Shop")
    assert (card_event.merchant_pence, card_event.merchant_currency) == (1500, "EUR")
    assert card_event.occurred_at == datetime(2026, 11, 12, 23, 30, tzinfo=UTC)


def test_a_refund_comes_in_and_cash_is_known_by_its_code() -> None:
    refund = read("issuing_transaction.created", transaction(type="refund", amount=500, card="CARD-1"))
    assert (refund.event.type, refund.effect_pence) == (TransactionType.REFUND, 500)
    cash = read("issuing_transaction.created", transaction(merchant_data={"category_code": "6011"}))
    assert (cash.event.type, cash.effect_pence) == (TransactionType.ATM_WITHDRAWAL, -1234)
    back = read("issuing_transaction.created", transaction(type="refund", amount=500, merchant_data={
        "category_code": "6011"}))  # fmt: skip
    assert back.event.type is TransactionType.REFUND


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, EventStatus.AUTHORISED),
        ({"status": "reversed", "amount": 0}, EventStatus.REVERSED),
        ({"status": "expired"}, EventStatus.EXPIRED),
        ({"approved": False, "status": "closed"}, EventStatus.DECLINED),
    ],
)
def test_an_authorisation_is_a_hold_its_end_or_a_decline(changes: dict[str, Any], status: EventStatus) -> None:
    found = read("issuing_authorization.updated", authorisation(**changes))
    assert (found.event.status, found.event.provider_transaction_id) == (status, "iauth_1")
    assert found.event.decline_reason == "insufficient_funds"
    assert found.event.authorisation_id is None


def test_a_dispute_moves_money_once_it_is_won_and_names_what_it_disputes() -> None:
    dispute = {"id": "idp_1", "object": "issuing.dispute", "amount": 1234, "currency": "gbp", "created": CREATED}
    assert reason("issuing_dispute.created", dispute | {"transaction": "ipi_1"}) is Note.TELLS_NO_MONEY
    whole = dispute | {"transaction": transaction()}
    won = read("issuing_dispute.funds_reinstated", whole)
    lost = read("issuing_dispute.funds_rescinded", whole)
    assert (won.event.type, won.effect_pence) == (TransactionType.CHARGEBACK, 1234)
    assert (lost.event.type, lost.effect_pence) == (TransactionType.REPRESENTMENT, -1234)
    assert {won.event.reverses_transaction_id, lost.event.reverses_transaction_id} == {"ipi_1"}
    assert won.event.provider_transaction_id != lost.event.provider_transaction_id
    bare = reason("issuing_dispute.funds_reinstated", dispute | {"transaction": "ipi_1"})
    assert bare is Reason.MISSING_FIELD


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("issuing_transaction.created", {"currency": "usd"}, Reason.CURRENCY_NOT_GBP),
        ("issuing_transaction.created", {"amount": None}, Reason.AMOUNT_MISSING),
        ("issuing_transaction.created", {"amount": 12.5}, Reason.AMOUNT_NOT_WHOLE_PENCE),
        ("issuing_transaction.created", {"amount": 1e300}, Reason.AMOUNT_NOT_WHOLE_PENCE),
        ("issuing_transaction.created", {"amount": True}, Reason.AMOUNT_MISSING),
        ("issuing_transaction.created", {"amount": "12"}, Reason.NOT_A_NUMBER),
        ("issuing_transaction.created", {"amount": -(10**13)}, Reason.AMOUNT_OUT_OF_RANGE),
        ("issuing_transaction.created", {"amount": 0}, Reason.AMOUNT_IS_ZERO),
        ("issuing_transaction.created", {"amount": 1234}, Reason.DIRECTION_CONTRADICTS_TYPE),
        ("issuing_transaction.created", {"type": "gift"}, Reason.UNKNOWN_WORD),
        ("issuing_transaction.created", {"created": "yesterday"}, Reason.BAD_DATE),
        ("issuing_transaction.created", {"created": 10**18}, Reason.BAD_DATE),
        ("issuing_transaction.created", {"created": None}, Reason.MISSING_FIELD),
        ("issuing_transaction.created", {"created": CREATED + 864_000}, Reason.FUTURE_DATE),
        ("issuing_transaction.created", {"id": None}, Reason.MISSING_FIELD),
        ("issuing_transaction.created", {"id": "x" * 201}, Reason.WRONG_LENGTH),
        ("issuing_transaction.created", {"id": 1.5}, Reason.WRONG_TYPE),
        ("issuing_transaction.created", {"id": "a\0b"}, Reason.UNREADABLE_ROW),
        ("issuing_transaction.created", {"card": None}, Reason.MISSING_FIELD),
        ("issuing_transaction.created", {"merchant_data": {"category_code": "54x1"}}, Reason.BAD_MCC),
        ("issuing_transaction.created", {"type": ["refund"]}, Reason.WRONG_TYPE),
        ("issuing_transaction.created", {"id": " "}, Reason.MISSING_FIELD),
        ("issuing_authorization.created", {"status": "sleeping"}, Reason.UNKNOWN_WORD),
        ("issuing_authorization.created", {"amount": -1}, Reason.AMOUNT_IS_NEGATIVE),
        ("issuing_authorization.updated", {"status": "closed"}, Note.TELLS_NO_MONEY),
        ("issuing_card.created", {}, Note.TELLS_NO_MONEY),
        ("payout.paid", {}, Reason.UNKNOWN_WORD),
    ],
)
def test_what_cannot_be_used_says_why(kind: str, changes: dict[str, Any], expected: Reason | Note) -> None:
    fields = authorisation(**changes) if "authorization" in kind else transaction(**changes)
    assert reason(kind, fields) is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"type": "issuing_transaction.created", "type": "issuing_card.created"}', Reason.DUPLICATE_KEY),
        (b'{"type": "\xff"}', Reason.BROKEN_JSON_LINE),
        (b'{"type": 1e99999999999999999999}', Reason.BROKEN_JSON_LINE),
        (b'{"type": ' + b"9" * 5_000 + b"}", Reason.BROKEN_JSON_LINE),
        (b"{}", Reason.MISSING_FIELD),
        (b'{"type": 7}', Reason.MISSING_FIELD),
        (b'{"type": "issuing_transaction.created"}', Reason.AMOUNT_MISSING),
        (b'{"type": "issuing_transaction.created", "data": []}', Reason.AMOUNT_MISSING),
    ],
)
def test_an_event_that_is_no_event_waits_alone(raw: bytes, expected: Reason) -> None:
    good = json.dumps(event("issuing_transaction.created", transaction())).encode()
    first, second = rows(b"[" + raw + b", " + good + b"]")
    assert isinstance(first, BadRow)
    assert first.reason is expected
    assert isinstance(second, ReadRow)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "broken_json"),
        (b'[{"type": NaN}]', "broken_json"), (b'{"type": "\\ud800"}', "broken_json"),
        (b"{", "broken_json"), (b"\xff\xfe{}", "broken_json"), (b"[" * 100_000, "broken_json"),
        (b"7", "wrong_shape"), (b'"text"', "wrong_shape"), (b"[]", "empty_delivery"),
    ],
)  # fmt: skip
def test_a_body_without_events_is_refused_whole(body: bytes, code: str) -> None:
    with pytest.raises(UnreadableDelivery) as refused:
        reading.count(STRIPE, io.BytesIO(body), account_ref=None, received_on=TODAY)
    assert refused.value.code == code


def test_a_council_writes_a_layout_of_its_own() -> None:
    profile = msgspec.toml.decode(MODULR_LIKE, type=JsonEventsProfile)
    item = {
        "TransactionId": 77, "Leg": "a", "Amount": "100.50", "Currency": "GBP", "State": "SETTLED",
        "PostedDate": "2026-11-03T15:11:44+0000", "BookedOn": "2026-11-04", "AccountId": "ACC-1",
    }  # fmt: skip
    items = [
        item,
        item | {"Leg": "b", "Amount": "-5.00"},
        item | {"Amount": 100.5},
        item | {"PostedDate": "2026-11-03"},
        item | {"TransactionId": "a:b", "Leg": "c"},
        item | {"TransactionId": "a", "Leg": "b:c"},
        item | {"TransactionId": "a" * 101, "Leg": "b" * 100},
    ]
    *read, first, second, too_long = rows({"Data": {"Items": items}}, profile=profile)
    out, back, as_float, without_zone = read
    assert isinstance(first, ReadRow)
    assert isinstance(second, ReadRow)
    assert first.event.provider_transaction_id != second.event.provider_transaction_id
    assert isinstance(too_long, BadRow)
    assert too_long.reason is Reason.WRONG_LENGTH
    assert isinstance(out, ReadRow)
    assert isinstance(back, ReadRow)
    assert (out.event.provider_transaction_id, out.effect_pence, out.booked_on) == ("77:a", -10_050, date(2026, 11, 4))
    assert (back.event.type, back.effect_pence) == (TransactionType.FASTER_PAYMENT_IN, 500)
    assert isinstance(as_float, BadRow)
    assert as_float.reason is Reason.WRONG_TYPE
    assert isinstance(without_zone, BadRow)
    assert (without_zone.reason, without_zone.delivered_pence) == (Reason.BAD_DATE, 10_050)
    with pytest.raises(UnreadableDelivery):
        rows({"Data": {"Other": []}}, profile=profile)


async def test_published_fixtures_become_events_and_none_is_lost(feed: Feed, reference_data: Path) -> None:
    fixtures = json.loads((reference_data / "webhooks/stripe_issuing_fixtures.json").read_text())
    sent = [event(f"{name.replace('.', '_')}.created", fixture) for name, fixture in fixtures.items()]
    found = {name: row for name, row in zip(fixtures, rows(sent), strict=True) if isinstance(row, BadRow)}
    assert len(found) == len(fixtures) == 9
    waiting = {name for name, row in found.items() if row.reason is Reason.CURRENCY_NOT_GBP}
    assert waiting == {"issuing.authorization", "issuing.transaction"}
    assert {row.reason for name, row in found.items() if name not in waiting} == {Note.TELLS_NO_MONEY}
    in_pounds = [one["data"]["object"] | {"currency": "gbp"} for one in sent]
    again = rows([one | {"data": {"object": each}} for one, each in zip(sent, in_pounds, strict=True)])
    posted = [row for row in again if isinstance(row, ReadRow) and row.event.status is EventStatus.POSTED]
    assert [(row.event.provider_transaction_id, row.effect_pence) for row in posted] == [
        ("ipi_1Pgc78B7WZ01zgkWm0QxtFzQ", -100)
    ]
    receipt = await feed.send(json.dumps(sent).encode(), profile="stripe_issuing")
    assert (receipt.rows, receipt.quarantined.rows, receipt.no_money.rows) == (9, 2, 7)
    assert receipt.waiting[0].code == "currency_not_gbp"


async def test_a_hold_its_capture_and_a_refund_end_in_the_books(feed: Feed) -> None:
    held = await feed.send(
        json.dumps(event("issuing_authorization.created", authorisation())).encode(), profile="stripe_issuing"
    )
    assert held.held.rows == 1
    assert (await feed.books()).held_pence == 1234
    sent = [
        event("issuing_transaction.created", transaction()),
        event("issuing_transaction.created", transaction(id="ipi_2", type="refund", amount=200, authorization=None)),
    ]
    receipt = await feed.send(json.dumps(sent).encode(), profile="stripe_issuing")
    assert receipt.posted.rows == 2
    books = await feed.books()
    assert (books.posted_pence, books.held_pence, books.transactions) == (-1034, 0, 2)
