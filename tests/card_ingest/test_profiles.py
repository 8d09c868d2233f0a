from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pytest

from services.card_ingest import reading
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import mapping, profile
from services.card_ingest.profiles.headings import WrongHeading
from services.card_ingest.profiles.table import CsvProfile, Dates
from services.card_ingest.reasons import Reason
from services.shared.errors import NotFound
from services.shared.vocabulary.money import TransactionType

RECEIVED_ON = date(2026, 11, 20)
HEADING = "Transaction Date,Transaction number,Supplier Name,Net Amount,Merchant Category"
BIRMINGHAM = (
    "TRANS DATE,TRANS POST DATE,ORIGINAL GROSS AMT,ORIGINAL CUR,BILLING CUR CODE,BILLING GROSS AMT,MERCHANT NAME"
)
BIRMINGHAM += ",MCC CODE,CARD NUMBER"


def load(name: str, folder: Path = Path("nowhere")) -> CsvProfile:
    found = profile.load(name, own_folder=folder)
    assert isinstance(found, CsvProfile)
    return found


def read(name: str, *lines: str | bytes, account_ref: str | None = None, folder: Path = Path("nowhere")) -> list[Row]:
    body = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    found = reading.rows(
        load(name, folder), BytesIO(body), account_ref=account_ref, received_on=RECEIVED_ON, is_redacted=False
    )
    return list(found)


def good(row: Row) -> ReadRow:
    assert isinstance(row, ReadRow), row
    return row


def test_calderdale_rows_carry_their_number_account_category_and_sign() -> None:
    bought, returned = read(
        "calderdale",
        HEADING,
        "2018-05-31,88378,CORNER SHOP,88.34,Grocery Stores",
        "2018-06-01,88379,SHOP,-5.00,Unheard of",
    )
    event = good(bought).event
    assert (event.provider_transaction_id, event.account_ref, event.mcc) == (
        "88378",
        "calderdale-purchase-card",
        "5411",
    )
    assert (event.type, good(bought).delivered_pence, good(bought).effect_pence) == ("purchase_pos", 8834, -8834)
    assert (good(returned).event.type, good(returned).delivered_pence, good(returned).effect_pence) == (
        "refund",
        -500,
        500,
    )
    assert (good(returned).event.mcc, good(returned).event.merchant_category) == (None, "Unheard of")


def test_the_senders_account_goes_before_the_files() -> None:
    (row,) = read("calderdale", HEADING, "2018-05-31,1,SHOP,1.00,", account_ref="trial")
    assert good(row).event.account_ref == "trial"


def test_birmingham_rows_have_a_masked_card_both_dates_the_till_amount_and_a_mended_mcc() -> None:
    abroad, short, none = read(
        "birmingham",
        BIRMINGHAM,
        "2019-12-05T00:00:00,2019-12-09T00:00:00,182.35,EUR,GBP,158.97,bnb bologna,7011.0,************6985",
        "2019-12-05,2019-12-09,1,GBP,GBP,1.0,gardener,780,************6985",
        "05/12/2019,09/12/2019,1,GBP,GBP,1.0,nobody,,************6985",
    )
    event = good(abroad).event
    assert (event.card_ref, event.mcc, event.merchant_pence, event.merchant_currency) == (
        "************6985", "7011", 18235, "EUR"
    )  # fmt: skip
    assert (good(abroad).booked_on, event.occurred_at) == (date(2019, 12, 9), datetime(2019, 12, 5, tzinfo=UTC))
    assert [good(row).event.mcc for row in (short, none)] == ["0780", None]


def test_equal_rows_are_told_apart_the_same_way_in_any_order() -> None:
    row = "2019-12-05,2019-12-09,1.00,GBP,GBP,1.00,cafe,5812,************6985"
    other = row.replace("cafe", "tea room")
    one = read("birmingham", BIRMINGHAM, row, other, row)
    again = read("birmingham", BIRMINGHAM, row, row, other)
    ids = [good(each).event.provider_transaction_id for each in one]
    assert len(set(ids)) == 3
    assert {good(each).event.provider_transaction_id for each in again} == set(ids)


def test_a_bank_statements_words_decide_the_type_and_the_sign_must_agree() -> None:
    heading = "Account,Date,Type,Description,Reference,Amount,Transaction ID"
    paid, loaded, twisted, unheard = read(
        "demo_bank_statement",
        heading,
        "20-00-00-1,03/11/2026,DD,HMRC,PAYE,-120.50,B1",
        "20-00-00-1,03/11/2026,LOAD,COUNTY COUNCIL,,400.00,B2",
        "20-00-00-1,03/11/2026,LOAD,COUNTY COUNCIL,,-400.00,B3",
        "20-00-00-1,03/11/2026,XYZ,COUNTY COUNCIL,,-400.00,B4",
    )
    assert (good(paid).event.type, good(paid).effect_pence, good(paid).event.reference) == (
        "direct_debit",
        -12050,
        "PAYE",
    )
    assert (good(loaded).event.type, good(loaded).effect_pence) == ("load", 40000)
    assert isinstance(twisted, BadRow)
    assert isinstance(unheard, BadRow)
    assert [(row.reason.value, row.delivered_pence) for row in (twisted, unheard)] == [
        ("direction_contradicts_type", -40000),
        ("unknown_word", -40000),
    ]
    assert "XYZ" not in unheard.detail


@pytest.mark.parametrize(
    ("line", "reason", "pence"),
    [
        ("2018-05-31,1,SHOP,,", "amount_missing", None),
        ("2018-05-31,1,SHOP,1.234,", "amount_not_whole_pence", None),
        ("2018-05-31,1,SHOP,one,", "not_a_number", None),
        ("2018-05-31,1,SHOP,0.00,", "amount_is_zero", 0),
        ("2018-02-30,1,SHOP,1.00,", "bad_date", 100),
        (",1,SHOP,1.00,", "missing_field", 100),
        ("2018-05-31,,SHOP,1.00,", "missing_field", 100),
        ("2026-11-21,1,SHOP,1.00,", "future_date", 100),
        ("2018-05-31,1,SHOP,1.00", "unreadable_row", None),
        ("2018-05-31,1,SHOP,1.00,,", "unreadable_row", None),
        ('2018-05-31,1,"SHOP,1.00,', "unreadable_row", None),
        ('2018-05-31,1,"SH"OP",1.00,', "unreadable_row", None),
        (b"2018-05-31,1,CAF\xc9,1.00,", "unreadable_row", None),
        ("2018-05-31,1,SH\0P,1.00,", "unreadable_row", None),
        (f"2018-05-31,1,{'x' * 501},1.00,", "wrong_length", 100),
        (f"2018-05-31,{'1' * 201},x,1.00,", "wrong_length", 100),
    ],
)
def test_a_bad_row_stands_alone(line: str | bytes, reason: str, pence: int | None) -> None:
    before, bad, after = read("calderdale", HEADING, "2018-05-31,8,A,1.00,", line, "2018-05-31,9,B,2.00,")
    assert isinstance(bad, BadRow)
    assert (bad.number, bad.reason.value, bad.delivered_pence) == (2, reason, pence)
    assert bad.content == (line.encode() if isinstance(line, str) else line) + b"\n"
    assert [good(row).delivered_pence for row in (before, after)] == [100, 200]


def test_a_file_that_breaks_off_says_so_at_its_last_row() -> None:
    rows = reading.rows(
        load("calderdale"),
        BytesIO(f"{HEADING}\n2018-05-31,1,A,1.00,\n2018-05-31,2,B,2.0".encode()),
        account_ref=None,
        received_on=RECEIVED_ON,
        is_redacted=False,
    )
    whole, cut = rows
    assert good(whole).delivered_pence == 100
    assert isinstance(cut, BadRow)
    assert (cut.reason.value, cut.delivered_pence) == ("cut_off", None)


def test_a_last_row_without_a_line_end_is_whole() -> None:
    body = BytesIO(f"\ufeff{HEADING}\r\n\r\n2018-05-31,1,A,1.00,".encode())
    (row,) = reading.rows(load("calderdale"), body, account_ref=None, received_on=RECEIVED_ON, is_redacted=False)
    assert good(row).delivered_pence == 100


def test_a_missing_column_is_named() -> None:
    with pytest.raises(WrongHeading) as refused:
        read("birmingham", BIRMINGHAM.replace("GROSS AMT", "Betrag").replace("CARD NUMBER", "Karte"))
    assert "BILLING GROSS AMT" in refused.value.detail
    assert "CARD NUMBER" in refused.value.detail
    assert "Betrag" not in refused.value.detail


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_file"),
        (b"\n \n", "empty_file"),
        (HEADING.encode() + b"\n", "empty_delivery"),
        (f"{HEADING}\n2018-05-31,1,A,1.00,\n".encode("utf-16"), "wrong_encoding"),
        (b'"Transaction Date,\n1', "wrong_encoding"),
    ],
)
def test_a_file_without_a_readable_heading_or_row_is_refused_whole(body: bytes, code: str) -> None:
    with pytest.raises(UnreadableDelivery) as refused:
        reading.count(load("calderdale"), BytesIO(body), account_ref=None, received_on=RECEIVED_ON)
    assert refused.value.code == code
    assert "nothing of it was stored" in refused.value.detail


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("canonical", b"", "empty_delivery"),
        ("canonical", b"\n\n", "empty_delivery"),
        ("canonical", b'[{"a": 1}]', "wrong_layout"),
        ("canonical", b'{"a": "\xff"}\n', "wrong_encoding"),
        ("canonical", '{"a": 1}\n'.encode("utf-16"), "wrong_encoding"),
        ("canonical_json", b"", "broken_json"),
        ("canonical_json", b"[]", "empty_delivery"),
        ("canonical_json", b'{"events": []}', "empty_delivery"),
        ("canonical_json", b'{"rows": [1]}', "wrong_shape"),
        ("canonical_json", b"7", "wrong_shape"),
        ("canonical_json", b'[{"a": 1}', "broken_json"),
        ("canonical_json", b'[{"a": 1},]', "broken_json"),
        ("canonical_json", b"[" * 100_000, "broken_json"),
    ],
)
def test_json_that_cannot_be_read_as_a_whole_is_refused(name: str, body: bytes, code: str) -> None:
    found = profile.load(name, own_folder=Path("nowhere"))
    with pytest.raises(UnreadableDelivery) as refused:
        reading.count(found, BytesIO(body), account_ref=None, received_on=RECEIVED_ON)
    assert refused.value.code == code


def test_every_shipped_profile_loads_and_an_unknown_one_is_not_found() -> None:
    folder = Path(profile.__file__).parent
    names = sorted(path.stem for path in folder.glob("*.toml"))
    assert {"canonical", "canonical_json", "calderdale", "birmingham", "demo_bank_statement"} <= set(names)
    assert [profile.load(name, own_folder=folder).name for name in names] == names
    for name in ("elsewhere", "../calderdale", ""):
        with pytest.raises(NotFound):
            profile.load(name, own_folder=folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"x = [", "broken"),
        (b'format = "ndjson"\nname = "broken"\nversion = 1\ntitle = "x"\ncolour = 1', "colour"),
        (b'format = "ndjson"\nname = "other"\nversion = 1\ntitle = "x"', "broken"),
        (b"\xff", "broken"),
        (b"", "format"),
    ],
)
def test_a_profile_that_is_not_of_its_form_is_told_as_such(tmp_path: Path, text: bytes, told: str) -> None:
    (tmp_path / "broken.toml").write_bytes(text)
    with pytest.raises(profile.ProfileTrouble) as trouble:
        profile.load("broken", own_folder=tmp_path)
    assert trouble.value.code == "profile_not_of_its_form"
    assert told in trouble.value.detail


def test_a_council_adds_a_layout_as_a_file_and_not_as_code(tmp_path: Path) -> None:
    (tmp_path / "pennybank.toml").write_text(
        """
        format = "csv"
        name = "pennybank"
        version = 3
        title = "A bank that writes whole pence and semicolons"
        encoding = "cp1252"
        delimiter = ";"
        identity.columns = ["Day", "No"]
        amount = {column = "Pence", written_in = "pence", positive_is = "money_in"}
        dates = {booked = "Day", formats = ["%d.%m.%Y"]}
        type = {money_out = "adjustment", money_in = "adjustment"}
        status = {column = "State", words = {open = "authorised", done = "posted"}}
        account.column = "Account"
        merchant.name = "Text"
        """
    )
    lines: list[str | bytes] = [
        "Day;No;Pence;State;Account;Text",
        b"01.11.2026;1;-250;done;A1;CAF\xc9",
        "01.11.2026;2;2.5;open;A1;x",
    ]
    spent, broken = read("pennybank", *lines, folder=tmp_path)
    row = good(spent)
    assert (row.effect_pence, row.event.provider_transaction_id, row.event.merchant_name) == (
        -250,
        "01.11.2026:1",
        "CAFÉ",
    )
    assert row.event.direction == "out"
    assert isinstance(broken, BadRow)
    assert broken.reason is Reason.AMOUNT_NOT_WHOLE_PENCE
    assert mapping.stated_sign(load("pennybank", tmp_path)) == 1
    assert row.event.type is TransactionType.ADJUSTMENT


@pytest.mark.parametrize(
    ("form", "is_one"),
    [("%d/%m/%Y", True), ("%d%b%y", True), ("%x", True), ("%d/%m", False), ("%%Y %d/%m", False), ("%Y", False)],
)
def test_a_date_format_says_where_day_month_and_year_stand(form: str, is_one: bool) -> None:
    if is_one:
        assert Dates(booked="Day", formats=[form]).formats == [form]
    else:
        with pytest.raises(ValueError, match="day, month and year"):
            Dates(booked="Day", formats=[form])
