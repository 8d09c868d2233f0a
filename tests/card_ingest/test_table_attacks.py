"""Tables as nobody should send them: what cannot be understood is told, row by row, and nothing is guessed."""

import csv
import random
import tomllib
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from services.card_ingest import events, reading
from services.card_ingest.events import ReadRow, Row, UnusableEvent
from services.card_ingest.formats import csv_file
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import amounts, columns, headings, profile
from services.card_ingest.profiles.profile import ProfileTrouble
from services.card_ingest.profiles.table import AnyTable
from services.card_ingest.reasons import Reason
from services.provider_kit import sampling, suggesting
from services.provider_kit.sampling import NoHeadingFound

RECEIVED_ON = date(2026, 11, 20)
FORM = """
format = "csv"
name = "any"
version = 1
title = "Any"
identity.columns = ["Id"]
amount = {column = "Amount", written_in = "pounds", positive_is = "money_in"}
dates = {booked = "Date", occurred = "At", formats = ["%d/%m/%Y", "%Y-%m-%dT%H:%M:%S%z"]}
type = {money_out = "faster_payment_out", money_in = "faster_payment_in"}
account.column = "Account"
merchant.name = "Name"
"""
HEADING = "Id,Date,Account,Amount,Name,At"


def a_profile(*changes: tuple[str, str]) -> AnyTable:
    text = FORM
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    found: AnyTable = msgspec.toml.decode(text, type=AnyTable)
    return found


def read(body: bytes, found: AnyTable | None = None) -> list[Row]:
    rows = reading.rows(
        found or a_profile(), BytesIO(body), account_ref=None, received_on=RECEIVED_ON, is_redacted=False
    )
    return list(rows)


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\n" for row in (HEADING, *rows)).encode()


def told(row: Row) -> object:
    return (row.event, row.delivered_pence, row.effect_pence) if isinstance(row, ReadRow) else (row.reason, row.detail)


def test_what_a_reader_remembers_changes_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MOST", 3)
    choose = random.Random(5)
    cells: Sequence[Sequence[str]] = (
        ("1", " 1 ", "", "1E+15"), ("01/11/2026", " 01/11/2026", "31/02/2026", ""), ("A", "B ", ""),
        ("1.00", "-1.00", "(1.00)", "1.0-", "x", "", "0.00"), ("shop", "shop ", "", "x" * 501, " " * 300),
        ("", "02/11/2026", "2026-07-01T23:30:00+0000", "bad"),
    )  # fmt: skip
    rows = [",".join(choose.choice(column) for column in cells) for _ in range(1_500)]
    no_sum_is_known = "1,01/11/2026,A,not a number,,"  # So that no row is the total of those above it.
    together = [told(row) for row in read(lines(no_sum_is_known, *rows))[1:]]
    alone = [told(row) for line in rows for row in read(lines(line))]
    assert together == alone
    assert sum(isinstance(each[0], events.CardEvent) for each in together if isinstance(each, tuple)) > 50


def test_plain_lines_are_cut_as_the_reader_of_quoted_ones_cuts_them() -> None:
    choose = random.Random(7)
    for _ in range(20_000):
        text = "".join(choose.choice('ab,"\r \t\u00a3') for _ in range(choose.randint(1, 10)))
        raw = f"a,{text}{choose.choice(['', chr(13)])}{choose.choice(['', chr(10)])}".encode()
        try:
            expected: list[str] | None = next(csv.reader((raw.decode(),), strict=True))
        except csv.Error:
            expected = None
        body = b"x,y\n" + raw
        _, found = csv_file.rows(
            BytesIO(body), encodings=["utf-8"], delimiter=",", within_lines=1, is_heading=lambda _: True
        )
        (line,) = found
        assert line.fields == (expected if expected is not None and len(expected) == 2 else None), raw


def test_amounts_are_read_quickly_as_they_are_read_slowly() -> None:
    choose = random.Random(3)
    file = headings.find(a_profile(), HEADING.split(","), account_ref=None, received_on=RECEIVED_ON)
    for _ in range(10_000):
        text = "".join(choose.choice("0123456789.,-+£ \u00b2\u0663e") for _ in range(choose.randint(1, 14)))
        text = (text + choose.choice(["", ".00", ".5", ".12"])).strip() or "0"

        def slowly(text: str = text) -> int | str:
            try:
                return events.pence_of_text(text)
            except UnusableEvent as trouble:
                return trouble.reason

        if text[-1] == "-":
            continue
        try:
            quick: int | str = amounts.stated_pence(file, ["1", "", "A", text, "", ""])
        except UnusableEvent as trouble:
            quick = trouble.reason
        assert quick == slowly(), text


def test_a_time_that_names_its_zone_is_in_that_zone() -> None:
    (row,) = read(lines("1,01/11/2026,A,1.00,shop,2026-07-01T23:30:00+0000"))
    assert isinstance(row, ReadRow)
    assert row.event.occurred_at.isoformat() == "2026-07-01T23:30:00+00:00"
    (row,) = read(lines("1,2026-07-01T23:30:00+0000,A,1.00,shop,"))
    assert isinstance(row, ReadRow)
    assert row.booked_on == date(2026, 7, 2)


@pytest.mark.parametrize("amount", ['"1.234,56"', "12.50 CR", "12.50 DR", "£ 12.50", '"12,50"', "--1", "\u221212.50"])
def test_an_amount_in_a_way_that_no_profile_says_is_told_and_not_guessed(amount: str) -> None:
    (row,) = read(lines(f"1,01/11/2026,A,{amount},shop,"))
    assert told(row) == (Reason.NOT_A_NUMBER, str(UnusableEvent(Reason.NOT_A_NUMBER)))


@pytest.mark.parametrize(
    "total", ["TOTAL,,,3.00,,", ",,,3.00,,", "TOTAL,,ACC-1,3.00,,", HEADING, "Closing,20/11/2026,A,,,"]
)
def test_a_line_of_totals_or_a_second_heading_posts_nothing(total: str) -> None:
    rows = read(lines("1,01/11/2026,A,1.00,shop,", total, "2,01/11/2026,A,2.00,shop,"))
    assert [isinstance(row, ReadRow) for row in rows] == [True, False, True]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_refused_by_name(encoding: str) -> None:
    found = a_profile(('format = "csv"', 'format = "csv"\nencoding = "utf-16"'))
    with pytest.raises(UnreadableDelivery, match="byte order mark"):
        reading.translated(found, lines("1,01/11/2026,A,1.00,shop,").decode().encode(encoding))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('"%d/%m/%Y"', '"%Q"', "dates"),
        ('"%d/%m/%Y"', '"%d/%m"', "dates"),
        ('format = "csv"', 'format = "csv"\ndelimiter = "\\n"', "delimiter"),
        ('format = "csv"', 'format = "csv"\ndelimiter = "\\""', "delimiter"),
        ("version = 1", 'version = 1\ncolour = "red"', "colour"),
        ('title = "Any"', "title = 7", "title"),
        ('title = "Any"', 'title = "Any', "line"),
    ],
)
def test_a_profile_that_is_wrong_is_refused_by_its_name_and_its_key(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    assert before in FORM
    (tmp_path / "any.toml").write_text(FORM.replace(before, after))
    with pytest.raises(ProfileTrouble) as refused:
        profile.load("any", own_folder=tmp_path)
    assert "any" in refused.value.detail
    assert says in refused.value.detail


def test_a_councils_own_profile_goes_before_a_shipped_one_of_its_name(tmp_path: Path) -> None:
    own = FORM.replace('name = "any"', 'name = "birmingham"')
    (tmp_path / "birmingham.toml").write_text(own)
    assert profile.load("birmingham", own_folder=tmp_path).title == "Any"


def test_a_draft_of_a_spoilt_file_is_a_profile_or_refused_and_says_nothing_of_its_rows() -> None:
    choose = random.Random(5)
    whole = "Date,Amount,Text\n" + "".join(f"{n:02}/11/2026,({n}.00),Wilhelmina Q\n" for n in range(1, 28))
    drafts = 0
    for _ in range(400):
        spoilt = bytearray(whole.encode())
        for _ in range(choose.randint(1, 6)):
            spoilt[choose.randrange(17, len(spoilt))] = choose.choice(b'",;\r\t\x00()-.\xff\xa3')
        try:
            draft = suggesting.suggest(bytes(spoilt), format="csv", name="draft")
        except NoHeadingFound:
            continue
        drafts += 1
        assert "Wilhelmina" not in draft
        msgspec.convert(tomllib.loads(draft), AnyTable)
    assert drafts > 20


def test_a_draft_of_a_file_with_a_cell_beyond_all_size_is_refused_or_drawn() -> None:
    rows = b"Date,Amount,Text\n01/11/2026,1.00," + b"x" * 200_000 + b"\n02/11/2026,1.00,x\n"
    assert sampling.take(rows).columns[0].heading == "Date"
