"""Every way in which a table may write its headings, amounts, dates and ids, through profiles alone."""

import json
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from services.card_ingest import reading
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import headings, mapping, profile
from services.card_ingest.profiles.headings import RepeatedHeading, WrongHeading
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.profiles.table import AnyTable, TableProfile

RECEIVED_ON = date(2026, 11, 20)
SIGNED = 'amount = {column = "Amount", written_in = "pounds", positive_is = "money_in"}'
TWO_COLUMNS = 'amount = {debit = "Paid out", credit = "Paid in", written_in = "pounds"}'
WORDS = (
    """amount = {column = "Amount", written_in = "pence", direction = "Dr/Cr", direction_words = {DR="out", CR="in"}}"""
)


def a_profile(*changes: str, format: str = "csv", amount: str = SIGNED) -> AnyTable:
    text = f"""
        format = "{format}"
        name = "any"
        version = 1
        title = "Any"
        {amount}
        identity.columns = ["Id"]
        dates = {{booked = "Date", formats = ["%d/%m/%Y", "excel_serial"]}}
        type = {{money_out = "faster_payment_out", money_in = "faster_payment_in"}}
        account.column = "Account"
    """
    found: AnyTable = msgspec.toml.decode("\n".join((*changes, text)), type=AnyTable)
    return found


def read(found: Profile, *lines: str, end: str = "\n") -> list[Row]:
    return read_bytes(found, ("\n".join(lines) + end).encode())


def read_bytes(found: Profile, body: bytes) -> list[Row]:
    rows = list(reading.rows(found, BytesIO(body), account_ref=None, received_on=RECEIVED_ON, is_redacted=False))
    assert reading.count(found, BytesIO(body), account_ref=None, received_on=RECEIVED_ON) == len(rows)
    return rows


def told(rows: Sequence[Row]) -> list[object]:
    """Return each row's effect on the balance, or why it waits."""
    return [row.reason.value if isinstance(row, BadRow) else row.effect_pence for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.50", 1250),
        ("-12.50", -1250),
        ("12.50-", -1250),
        ("(12.50)", -1250),
        ("(£1,012.50)", -101250),
        ("£(12.50)", -1250),
        ("£12.50-", -1250),
        ("(-12.50)", "not_a_number"),
        ("-(12.50)", "not_a_number"),
        ("(12.50", "not_a_number"),
        ("-12.50-", "not_a_number"),
        ("()", "not_a_number"),
        ("-", "not_a_number"),
        ("(12.505)", "amount_not_whole_pence"),
        ("0.30000000000000004", "amount_not_whole_pence"),
        ("1.25E+1", "not_a_number"),
    ],
)
def test_an_amount_in_pounds_is_read_exactly_or_refused(text: str, expected: object) -> None:
    assert told(read(a_profile(), "Id,Date,Account,Amount", f'1,01/11/2026,A,"{text}"')) == [expected]


def test_debit_and_credit_columns_each_have_their_way_and_only_one_is_filled() -> None:
    rows = read(
        a_profile(amount=TWO_COLUMNS),
        "Id,Date,Account,Paid out,Paid in",
        "1,01/11/2026,A,12.50,",
        "2,01/11/2026,A,0.00,3.00",
        "3,01/11/2026,A,1.00,1.00",
        "4,01/11/2026,A,-1.00,",
        "5,01/11/2026,A,,",
        "6,01/11/2026,A,0.00,",
    )
    assert told(rows) == [
        -1250, 300, "amount_stated_twice", "amount_is_negative", "amount_missing", "amount_is_zero"
    ]  # fmt: skip
    assert [row.delivered_pence for row in rows[:2]] == [-1250, 300]
    assert mapping.stated_sign(a_profile(amount=TWO_COLUMNS)) == 1


def test_a_word_says_which_way_the_money_goes() -> None:
    rows = read(
        a_profile(amount=WORDS),
        "Id,Date,Account,Amount,Dr/Cr",
        "1,01/11/2026,A,1250,DR",
        "2,01/11/2026,A,300,cr",
        "3,01/11/2026,A,300,XX",
        "4,01/11/2026,A,300,",
        "5,01/11/2026,A,-300,DR",
    )
    assert told(rows) == [-1250, 300, "unknown_word", "missing_field", "amount_is_negative"]


@pytest.mark.parametrize(
    "amount",
    [
        'amount = {written_in = "pounds"}',
        'amount = {column = "A", written_in = "pounds"}',
        'amount = {debit = "A", written_in = "pounds"}',
        'amount = {column = "A", debit = "B", credit = "C", positive_is = "spend", written_in = "pounds"}',
        'amount = {column = "A", direction = "B", written_in = "pounds"}',
        'amount = {column = "A", positive_is = "spend", direction_words = {A = "in"}, written_in = "pounds"}',
    ],
)
def test_a_profile_states_its_amounts_in_exactly_one_way(amount: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        a_profile(amount=amount)


@pytest.mark.parametrize("text", ["4.92E+15", "4.92e+15", "4E+15", "4.9212345678E15"])
def test_an_id_that_a_spreadsheet_rounded_is_refused_and_not_guessed(text: str) -> None:
    rows = read(a_profile(), "Id,Date,Account,Amount", f"{text},01/11/2026,A,1.00", f"1,01/11/2026,{text},1.00")
    assert told(rows) == ["id_in_exponent_form"] * 2
    assert all(isinstance(row, BadRow) and text not in row.detail for row in rows)


@pytest.mark.parametrize("text", ["12E45", "E15", "4E15", "49212345678901"])
def test_an_id_that_only_looks_a_little_like_a_number_stands(text: str) -> None:
    (row,) = read(a_profile(), "Id,Date,Account,Amount", f"{text},01/11/2026,A,1.00")
    assert isinstance(row, ReadRow)
    assert row.event.provider_transaction_id == text


def test_several_columns_make_one_id_that_no_other_columns_make() -> None:
    found = a_profile().identity
    both = msgspec.structs.replace(a_profile(), identity=msgspec.structs.replace(found, columns=["Id", "No"]))
    rows = read(both, "Id,No,Date,Account,Amount", "a:b,c,01/11/2026,A,1.00", "a,b:c,01/11/2026,A,1.00")
    assert len({row.event.provider_transaction_id for row in rows if isinstance(row, ReadRow)}) == 2


def test_dates_come_in_any_of_the_formats_also_as_a_spreadsheet_counts_days() -> None:
    rows = read(
        a_profile(), "Id,Date,Account,Amount", "1,01/11/2026,A,1.00", "2,46327,A,1.00", "3,46327.0,A,1", "4,60,A,1.00"
    )
    assert [row.booked_on for row in rows[:3] if isinstance(row, ReadRow)] == [date(2026, 11, 1)] * 3
    assert told(rows)[3] == "bad_date"


def test_headings_are_found_however_they_are_spelt_and_below_other_lines() -> None:
    found = a_profile("headings = {within_lines = 4}")
    rows = read(
        found,
        "Statement of November,,,",
        "",
        "Printed,on,01/11/2026,",
        " ID , date,ACCOUNT,Amount ",
        "1,01/11/2026,A,1.00",
    )
    assert told(rows) == [100]
    with pytest.raises(WrongHeading):
        read(a_profile(), "Statement of November,,,", "Id,Date,Account,Amount", "1,01/11/2026,A,1.00")


def test_a_reader_s_own_names_for_columns_are_none() -> None:
    found = a_profile()
    assert told(read(found, "Id,Date,Account,Amount,Amount.1,Unnamed: 5", "1,01/11/2026,A,1.00,2.00,x")) == [100]
    with pytest.raises(RepeatedHeading):
        read(found, "Id,Date,Account,Amount,amount ", "1,01/11/2026,A,1.00,2.00")
    first = a_profile('headings = {repeated = "first"}')
    assert told(read(first, "Id,Date,Account,Amount,Amount", "1,01/11/2026,A,1.00,2.00")) == [100]


def test_text_with_tabs_and_lines_in_another_encoding() -> None:
    found = a_profile('encoding = ["utf-8", "cp1252"]', 'merchant.name = "Text"', format="tsv")
    heading = b"Id\tDate\tAccount\tAmount\tText\n"
    row = "1\t01/11/2026\tA\t1.00\tCAFÉ\n"
    rows = read_bytes(found, heading + row.encode() + row.encode("cp1252"))
    assert [row.event.merchant_name for row in rows if isinstance(row, ReadRow)] == ["CAFÉ", "CAFÉ"]


def test_text_in_utf_16_is_made_utf_8_before_anything_reads_it() -> None:
    found = a_profile('encoding = "utf-16"', format="tsv")
    body = "Id\tDate\tAccount\tAmount\n1\t01/11/2026\tA\t1.00\n"
    assert told(read_bytes(found, reading.translated(found, body.encode("utf-16")))) == [100]
    with pytest.raises(UnreadableDelivery, match="UTF-16"):
        reading.translated(found, b"\xff\xfe\x00\xd8\x00")


@pytest.mark.parametrize("name", ["calderdale", "canonical", "canonical_json"])
@pytest.mark.parametrize(
    "start", [b"PK\x03\x04", b"\x1f\x8b\x08", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"7z\xbc\xaf'\x1c"]
)
def test_an_archive_is_refused_by_name(name: str, start: bytes) -> None:
    found = profile.load(name, own_folder=Path("nowhere"))
    with pytest.raises(UnreadableDelivery) as refused:
        reading.count(found, BytesIO(start + b"rest\n" * 3), account_ref=None, received_on=RECEIVED_ON)
    assert refused.value.code == "archive"


ENDS = "Id,Date,Account,Amount"


@pytest.mark.parametrize(
    ("before", "last", "expected"),
    [
        ("1,01/11/2026,A,1.00", "2,01/11/2026,A,12.50", 1250),
        ("1,01/11/2026,A,1.00", "2,01/11/2026,A,12.5", "cut_off"),
        ("1,01/11/2026,A,1.00", "2,01/11/2026,A,12", "cut_off"),
        ("1,01/11/2026,A,1.0", "2,01/11/2026,A,12.50", "cut_off"),
        ("1,01/11/2026,A,1.00-", "2,01/11/2026,A,12.50", "cut_off"),
        ("1,01/11/2026,A,(1.00)", "2,01/11/2026,A,12.50", "cut_off"),
        ("1,01/11/2026,A,1.0", '2,01/11/2026,A,"12.5"', 1250),
    ],
)
def test_a_last_amount_without_a_line_end_is_whole_where_the_rows_before_it_show_it(
    before: str, last: str, expected: object
) -> None:
    assert told(read(a_profile(), ENDS, before, last, end=""))[-1] == expected
    assert told(read(a_profile(), ENDS, last, end="")) == ["cut_off" if '"' not in last else expected]


@pytest.mark.parametrize(
    ("before", "last", "expected"),
    [("88378", "88379", 100), ("88378", "8837", "cut_off"), ("9", "10", "cut_off")],
)
def test_a_last_id_without_a_line_end_may_be_a_part_of_one(before: str, last: str, expected: object) -> None:
    lines = ("Date,Account,Amount,Id", f"01/11/2026,A,1.00,{before}", f"01/11/2026,A,1.00,{last}")
    assert told(read(a_profile(), *lines, end=""))[-1] == expected


def test_a_file_that_may_lack_a_column_is_read_without_it_and_the_amount_s_own_currency_counts() -> None:
    found = profile.load("birmingham", own_folder=Path("nowhere"))
    plain = "TRANS DATE,ORIGINAL GROSS AMT,MERCHANT NAME,CARD NUMBER"
    assert told(read(found, plain, "2016-05-03,12.50,cafe,****1234")) == [-1250]
    foreign = f"{plain},ORIGINAL CUR,BILLING CUR CODE"
    rows = read(found, foreign, "2021-05-03,12.50,cafe,****1234,EUR,GBP", "2021-05-03,1.00,cafe,****1234,GBP,GBP")
    assert told(rows) == ["currency_not_gbp", -100]


def test_each_of_the_twenty_headings_is_the_one_feed(reference_data: Path) -> None:
    found = profile.load("birmingham", own_folder=Path("nowhere"))
    assert isinstance(found, TableProfile)
    variants = json.loads((reference_data / "cards" / "birmingham_header_variants.json").read_text())
    assert len(variants) == 20
    for variant in variants:
        names = variant["header"]
        file = headings.find(found, names, account_ref=None, received_on=RECEIVED_ON)
        values = {
            "TRANS DATE": "03/05/2016",
            "CARD NUMBER": "****1234",
            "ORIGINAL CUR": "GBP",
            "BILLING CUR CODE": "GBP",
        }
        amounts = {"BILLING GROSS AMT": "12.50", "ORIGINAL GROSS AMT": "12.50"}
        (row,) = read(found, ",".join(names), ",".join((values | amounts).get(name, "") for name in names))
        assert isinstance(row, ReadRow), names
        assert (row.effect_pence, row.event.card_ref, file.heading("card")) == (-1250, "****1234", "CARD NUMBER")
