import io
import logging
from datetime import date
from pathlib import Path

import pytest

from services.card_ingest import reading
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.formats import mt940
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles import statement_mapping
from services.card_ingest.reasons import Reason
from services.card_ingest.statements import StatementEnd
from tests.builders import statements as build

PROFILE = profiles.load("mt940", own_folder=Path("/nonexistent"))
DAY = date(2026, 11, 20)


def read(body: bytes) -> list[Row]:
    count = reading.count(PROFILE, io.BytesIO(body), account_ref=None, received_on=DAY)
    rows = list(reading.rows(PROFILE, io.BytesIO(body), account_ref=None, received_on=DAY, is_redacted=False))
    assert [row.number for row in rows] == list(range(1, count + 1))
    return rows


def ends(body: bytes) -> list[StatementEnd]:
    return [item for item in mt940.items(io.BytesIO(body)) if isinstance(item, StatementEnd)]


@pytest.mark.parametrize(
    ("line", "kind", "effect", "booked"),
    [
        (":61:2611121112D12,50NTRFNONREF//B1", "faster_payment_out", -1250, "2026-11-12"),
        (":61:261112C12,5NTRFNONREF//B1", "faster_payment_in", 1250, "2026-11-12"),
        (":61:2611121113DD12,NDDTREF//B1", "direct_debit", -1200, "2026-11-13"),
        (":61:261112D0,20NCHGREF//B1", "fee", -20, "2026-11-12"),
        (":61:261112RD9,99NDDTREF//B1", "reversal", 999, "2026-11-12"),
        (":61:261112RC9,99NTRFREF//B1", "adjustment", -999, "2026-11-12"),
        (":61:2601021231D1,00NTRFREF//B1", "faster_payment_out", -100, "2025-12-31"),
    ],
)
def test_a_line_says_how_much_which_way_and_when(line: str, kind: str, effect: int, booked: str) -> None:
    (row,) = read(build.mt940(line, ":86:PAYEE LTD INVOICE 7"))
    assert isinstance(row, ReadRow)
    assert (row.event.type, row.effect_pence, row.booked_on) == (kind, effect, date.fromisoformat(booked))
    token = statement_mapping.account_token(build.IBAN)
    assert (row.event.account_ref, row.event.provider_transaction_id) == (token, f"{token}:B1")
    assert row.event.reference == "PAYEE LTD INVOICE 7"


def test_details_in_sub_fields_name_the_other_side() -> None:
    text = ":86:166?00GUTSCHRIFT?20wages of?21 October?30BANK?31ACCOUNT?32ANN?33 CARER"
    (row,) = read(build.mt940(":61:261112C5,00NTRFNONREF", text))
    assert isinstance(row, ReadRow)
    assert (row.event.merchant_name, row.event.reference) == ("ANN CARER", "wages of October")


def test_rows_without_a_type_are_not_lost_and_a_broken_one_waits_alone() -> None:
    lines = (":61:261112C1,00", ":61:261112C2,00", ":61:garbage", ":61:261331C3,00NTRF", ":61:261112C4,00NTRF")
    body = build.mt940(*lines)
    rows = read(body)
    assert [row.effect_pence if isinstance(row, ReadRow) else row.reason for row in rows] == [
        100, 200, Reason.UNREADABLE_ROW, Reason.UNREADABLE_ROW, 400,
    ]  # fmt: skip
    (end,) = ends(body)
    assert (end.entries, end.unread) == (5, 2)


@pytest.mark.parametrize("amount", ["1.234,50", "10.50", "10,50.", "10", "1,234,50", "-10,00", "10,505"])
def test_what_is_no_amount_of_the_standard_is_none(amount: str) -> None:
    body = build.mt940(f":61:261112D{amount}NTRFREF//B1", closing=f"C261112GBP{amount}")
    (row,) = read(body)
    assert isinstance(row, BadRow)
    assert (row.reason, row.delivered_pence) == (Reason.UNREADABLE_ROW, None)
    (end,) = ends(body)
    assert (end.unread, end.balances[-1].amount) == (1, None)


def test_a_statement_that_names_no_currency_waits() -> None:
    (row,) = read(b":20:X\r\n:25:1\r\n:61:261112D10,00NTRFREF//B1\r\n:62F:C261112EUR90,00\r\n")
    assert isinstance(row, BadRow)
    assert (row.reason, row.delivered_pence) == (Reason.MISSING_FIELD, -1000)


def test_equal_rows_of_one_statement_are_two_and_the_same_statement_again_is_the_same() -> None:
    line = ":61:261112D5,00NTRFNONREF"

    def ids(body: bytes) -> list[str]:
        return [row.event.provider_transaction_id for row in read(body) if isinstance(row, ReadRow)]

    first = ids(build.mt940(line, line))
    assert len(set(first)) == 2
    assert ids(build.mt940(line, line).replace(b"\r\n", b"\n")) == first
    assert ids(build.mt940(line, number="2")) == first[:1]


def test_a_last_line_that_is_cut_off_is_not_believed() -> None:
    (row,) = read(b":20:X\r\n:25:1\r\n:60F:C261111GBP1,00\r\n:61:261112D1")
    assert isinstance(row, BadRow)
    assert (row.reason, row.delivered_pence) == (Reason.CUT_OFF, None)


def test_what_stands_around_the_statements_is_left_out() -> None:
    plain = build.mt940(":61:261112D5,00NTRFNONREF", ":86:A")
    wrapped = b"{1:F01X}{2:O940X}{3:}{4:\r\n" + plain.removesuffix(b"-\r\n") + b"-}{5:}\r\nBANK\r\n940\r\n" + plain
    assert [row.effect_pence for row in read(wrapped) if isinstance(row, ReadRow)] == [-500, -500]
    assert [len(end.balances) for end in ends(wrapped)] == [2, 2]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "wrong_layout"),
        (b"a,b,c\n1,2,3\n", "wrong_layout"),
        (b":61:261112D5,00NTRF\r\n", "wrong_layout"),
        (b":20:X\r\n:86:\0\r\n", "wrong_encoding"),
        (b":20:X\r\n:86:" + b"x\r\n" * 40_000, "too_large"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_whole(body: bytes, code: str) -> None:
    with pytest.raises(UnreadableDelivery) as refused:
        read(body)
    assert refused.value.code == code


def test_nothing_of_a_row_is_written_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        read(build.mt940(":61:SECRET NAME"))
    assert "SECRET" not in caplog.text


def test_the_name_of_a_file_is_not_taken_for_a_file(tmp_path: Path) -> None:
    file = tmp_path / "statement"
    file.write_bytes(build.mt940(":61:261112D5,00NTRF"))
    with pytest.raises(UnreadableDelivery):
        read(str(file).encode())
