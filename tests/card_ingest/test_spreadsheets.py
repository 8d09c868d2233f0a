"""Workbooks: read cell by cell to the penny, and refused by name where they could do or hide more than state rows."""

import contextlib
import io
import random
import struct
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import xlwt

from services.card_ingest import keeping, pipeline, reading
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.formats import compound_file, open_xml, spreadsheet
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import profile
from services.card_ingest.profiles.table import AnyTable, XlsProfile, XlsxProfile
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed

PROFILE = """
format = "{format}"
name = "book_{format}"
version = 1
title = "A bank that writes workbooks"
{more}
identity.columns = ["Id"]
amount = {{column = "Amount", written_in = "pounds", positive_is = "money_in"}}
dates = {{booked = "Date", formats = ["%d/%m/%Y"]}}
type = {{money_out = "faster_payment_out", money_in = "faster_payment_in"}}
account.column = "Account"
merchant.name = "Text"
"""
HEADING = ("Id", "Date", "Account", "Amount", "Text")
DAY = date(2026, 11, 3)
CARD_NUMBER = "4111111111111111"


def xlsx(*rows: tuple[object, ...], sheets: tuple[str, ...] = ("One",)) -> bytes:
    """Return a workbook with these rows on the last of its sheets."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"default_date_format": "dd/mm/yyyy"})
    for sheet in [book.add_worksheet(name) for name in sheets][-1:]:
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    return content.getvalue()


def xls(*rows: tuple[object, ...]) -> bytes:
    content = io.BytesIO()
    book = xlwt.Workbook()
    style = xlwt.easyxf(num_format_str="DD/MM/YYYY")
    sheet = book.add_sheet("One")
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell, *([style] if isinstance(cell, date) else []))
    book.save(content)
    return content.getvalue()


def a_profile(folder: Path, format: str, more: str = "") -> AnyTable:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"book_{format}.toml").write_text(PROFILE.format(format=format, more=more))
    found = profile.load(f"book_{format}", own_folder=folder)
    assert isinstance(found, XlsxProfile | XlsProfile)
    return found


def read(found: AnyTable, raw: bytes) -> list[Row]:
    content = io.BytesIO(reading.translated(found, raw))
    return list(reading.rows(found, content, account_ref=None, received_on=date(2026, 11, 20), is_redacted=False))


def rezipped(raw: bytes, **parts: bytes) -> bytes:
    """Return a workbook with parts added or replaced; two underscores stand for a slash and one for a dot."""
    content = io.BytesIO()
    new = {name.replace("__", "/").replace("_", "."): part for name, part in parts.items()}
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as book:
        for name in old.namelist():
            if name not in new:
                book.writestr(name, old.read(name))
        for name, part in new.items():
            book.writestr(name, part)
    return content.getvalue()


def sheet_xml(*cells: str) -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rows = f"<x:sheetData><x:row>{''.join(cells)}</x:row></x:sheetData>"
    return f'<x:worksheet xmlns:x="{space}">{rows}</x:worksheet>'.encode()


@pytest.mark.parametrize("format", ["xlsx", "xls"])
def test_numbers_dates_and_text_of_a_workbook_become_rows_to_the_penny(tmp_path: Path, format: str) -> None:
    write: Any = xlsx if format == "xlsx" else xls
    rows = (
        HEADING,
        (7001, DAY, 88, 12.34, "a\tb\nc"),
        (7002, datetime(2026, 11, 3, 10, 30), 88, -97.49, 'say "hi"'),  # noqa: DTZ001 (cells have no zone)
        ("7003", "04/11/2026", "88", "(3.00)", ""),
        ("", "", "", "", ""),
        (7004, DAY, 88, 0.125, "half a penny"),
        (4.92e15, DAY, 88, 1.0, "a long id"),
    )
    first, second, third, half, long = read(a_profile(tmp_path, format), write(*rows))
    assert isinstance(first, ReadRow)
    assert isinstance(second, ReadRow)
    assert isinstance(third, ReadRow)
    assert (first.event.provider_transaction_id, first.event.account_ref, first.effect_pence) == ("7001", "88", 1234)
    assert (first.booked_on, first.event.merchant_name) == (DAY, "a b c")
    assert (second.effect_pence, second.event.merchant_name, second.booked_on) == (-9749, 'say "hi"', DAY)
    assert (third.effect_pence, third.booked_on) == (-300, date(2026, 11, 4))
    assert [row.reason.value for row in (half, long) if isinstance(row, BadRow)] == [
        "amount_not_whole_pence", "id_in_exponent_form"
    ]  # fmt: skip


def test_the_sheet_is_the_first_or_the_named_one(tmp_path: Path) -> None:
    raw = xlsx(HEADING, (1, DAY, 88, 1, "x"), sheets=("Cover", "Rows"))
    assert len(read(a_profile(tmp_path, "xlsx", 'sheet = "Rows"'), raw)) == 1
    for more, code in (("", "empty_file"), ('sheet = "Elsewhere"', "no_such_sheet")):
        with pytest.raises(UnreadableDelivery) as refused:
            read(a_profile(tmp_path, "xlsx", more), raw)
        assert refused.value.code == code


def with_formula(format: str) -> bytes:
    if format == "xls":
        return xls(HEADING, (1, DAY, 88, xlwt.Formula("1+1"), "x"))
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    book.add_worksheet().write_formula(0, 0, "=1+1", None, 2)
    book.close()
    return content.getvalue()


def renamed_stream(raw: bytes, name: str) -> bytes:
    old, new = ("Workbook\0".encode("utf-16-le"), f"{name}\0".encode("utf-16-le"))
    place = raw.index(old)
    entry = new.ljust(64, b"\0") + struct.pack("<H", len(new))
    return raw[:place] + entry + raw[place + len(entry) :]


def test_what_a_workbook_may_not_hold_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_xml, "MOST_UNPACKED_BYTES", 2**20)
    plain, old = xlsx(HEADING, (1, DAY, 88, 1, "x")), xls(HEADING, (1, DAY, 88, 1.0, "x"))
    far = sheet_xml('<x:c r="A1"/>', '<x:c r="XFD1048576"/>')
    shared = b'<sst xmlns="x"><si><t>' + b"x" * 300_000 + b"</t></si></sst>"
    same = sheet_xml(*['<x:c t="s"><x:v>0</x:v></x:c>'] * 4_000)
    bomb = b"<a>" + b" " * (open_xml.MOST_UNPACKED_BYTES + 1) + b"</a>"
    kind = b'<Types xmlns="x" ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/>'
    refusals: list[tuple[Any, bytes, str]] = [
        ("xlsx", with_formula("xlsx"), "formulas_in_workbook"),
        ("xls", with_formula("xls"), "formulas_in_workbook"),
        (
            "xlsx",
            rezipped(plain, xl__worksheets__sheet1_xml=sheet_xml("<x:c><x:f>A1</x:f></x:c>")),
            "formulas_in_workbook",
        ),
        ("xlsx", rezipped(plain, xl__vbaProject_bin=b"x"), "macros_in_workbook"),
        ("xlsx", rezipped(plain, xl__other_xml=kind), "macros_in_workbook"),
        ("xls", renamed_stream(old, "_VBA_PROJECT_CUR"), "macros_in_workbook"),
        ("xlsx", renamed_stream(old, "EncryptedPackage"), "encrypted_workbook"),
        ("xls", renamed_stream(old, "EncryptedPackage"), "encrypted_workbook"),
        ("xlsx", rezipped(plain, xl__worksheets__sheet1_xml=far), "workbook_too_large"),
        ("xlsx", rezipped(plain, xl__bomb_xml=bomb), "workbook_too_large"),
        ("xlsx", rezipped(plain, xl__sharedStrings_xml=shared, xl__worksheets__sheet1_xml=same), "workbook_too_large"),
        ("xlsx", rezipped(plain, xl__x_xml=b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "broken_workbook"),
        ("xlsx", old, "broken_workbook"),
        ("xls", plain, "broken_workbook"),
        ("xlsx", b"", "broken_workbook"),
        ("xls", old[:700], "broken_workbook"),
        ("xlsx", plain[:-40], "broken_workbook"),
        ("xlsx", rezipped(plain, xl__workbook_xml=b"<a/>"), "broken_workbook"),
    ]
    for number, (kind_of_book, raw, code) in enumerate(refusals):
        with pytest.raises(UnreadableDelivery) as refused:
            spreadsheet.as_text(raw, kind=kind_of_book, sheet=None)
        assert refused.value.code == code, number


def test_an_old_workbook_whose_cells_span_too_much_is_refused() -> None:
    content = io.BytesIO()
    book = xlwt.Workbook()
    book.add_sheet("One").write(65_535, 255, "far")
    book.save(content)
    whole = content.getvalue()
    said = whole.index(struct.pack("<HH", 0x200, 14)) + 4
    for raw in (whole, whole[:said] + bytes(14) + whole[said + 14 :]):  # It may say so, or say that it is small.
        with pytest.raises(UnreadableDelivery) as refused:
            compound_file.checked(raw)
        assert refused.value.code == "workbook_too_large"


def test_a_part_in_an_encoding_that_nobody_knows_is_refused() -> None:
    part = b'<?xml version="1.0" encoding="UTF1e999-8"?><worksheet/>'
    with pytest.raises(UnreadableDelivery) as refused:
        spreadsheet.as_text(rezipped(xlsx(HEADING), **{"xl/worksheets/sheet1.xml": part}), kind="xlsx", sheet=None)
    assert refused.value.code == "broken_workbook"


def with_record(raw: bytes, kind: bytes, place: int, content: bytes) -> bytes:
    """Write something else over a record's content; `kind` is the record's number and length."""
    start = raw.index(kind) + len(kind) + place
    return raw[:start] + content + raw[start + len(content) :]


@pytest.mark.parametrize(
    ("kind", "place", "content"),
    [
        (b"\x00\x02\x0e\x00", 0, struct.pack("<I", 0x3B000000)),
        (b"\x00\x02\x0e\x00", 8, struct.pack("<H", 0x3B00)),
        (b"\xfc\x00", 6, struct.pack("<I", 0x7FFFFFFF)),
    ],
    ids=["first row", "first column", "shared strings"],
)
def test_an_old_workbook_that_says_it_is_larger_than_it_can_be_is_refused(
    kind: bytes, place: int, content: bytes
) -> None:
    spoilt = with_record(xls(HEADING, (1, DAY, 88, "A", "x")), kind, place, content)
    with pytest.raises(UnreadableDelivery) as refused:  # Its reader would end the whole process.
        spreadsheet.as_text(spoilt, kind="xls", sheet=None)
    assert refused.value.code == "broken_workbook"


def an_old_book(sheets: int, cells: Sequence[tuple[int, int, str]]) -> bytes:
    content = io.BytesIO()
    book = xlwt.Workbook()
    for number in range(sheets):
        sheet = book.add_sheet(f"Sheet {number}")
        for row, column, text in cells:
            sheet.write(row, column, text)
    book.save(content)
    return content.getvalue()


def test_the_sheets_of_an_old_workbook_together_span_no_more_than_one_may() -> None:
    corners = [(0, 0, "near"), (9_999, 99, "far")]
    assert compound_file.checked(an_old_book(3, corners))
    with pytest.raises(UnreadableDelivery) as refused:
        compound_file.checked(an_old_book(5, corners))
    assert refused.value.code == "workbook_too_large"


@pytest.mark.parametrize("text", ["x" * 32_000, "\N{POUND SIGN}\N{SNOWMAN}" * 16_000])
def test_one_long_text_in_many_cells_of_an_old_workbook_is_refused(text: str) -> None:
    rest = [(0, number, f"{number} {text[:number]}") for number in range(200)]  # Its records are cut within strings.
    few = an_old_book(1, [*rest, *((row, 1, text) for row in range(1, 4_000))])
    assert compound_file.checked(few)
    with pytest.raises(UnreadableDelivery) as refused:
        compound_file.checked(an_old_book(1, [*rest, *((row, 1, text) for row in range(1, 4_300))]))
    assert refused.value.code == "workbook_too_large"


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_a_spoilt_workbook_is_refused_or_read_and_nothing_else(kind: Any) -> None:
    whole = (xlsx if kind == "xlsx" else xls)(HEADING, *((n, DAY, 88, n / 100, f"text {n}") for n in range(1, 40)))
    choose = random.Random(11)
    for _ in range(300):
        spoilt = bytearray(whole)
        for _ in range(choose.randint(1, 8)):
            spoilt[choose.randrange(len(spoilt))] = choose.randrange(256)
        del spoilt[choose.choice([len(spoilt), choose.randrange(len(spoilt))]) :]
        with contextlib.suppress(UnreadableDelivery):
            assert spreadsheet.as_text(bytes(spoilt), kind=kind, sheet=None).decode()


@pytest.mark.parametrize("cell", [CARD_NUMBER, "4111 1111\n1111 1111", int(CARD_NUMBER)])
async def test_a_card_number_in_a_cell_is_stored_nowhere_and_its_row_waits(feed: Feed, cell: object) -> None:
    a_profile(pipeline.own_profiles(feed.database), "xlsx")
    raw = xlsx(HEADING, (1, DAY, "ACC-1", 1.25, cell), (2, DAY, "ACC-1", 2.5, "fine"))
    receipt = await build.receive(feed.database, raw, profile="book_xlsx")
    assert (receipt.posted.rows, receipt.posted.pence, receipt.quarantined.rows) == (1, 250, 1)
    assert {code for _, code in (await feed.rows(receipt)).values()} == {"card_number_in_row"}
    sealed = await feed.connection.fetchval("SELECT content FROM feed_content")
    kept = keeping.unsealed(sealed, ciphers=feed.database.ciphers)
    assert kept.count(b"9999") >= 1
    assert b"1111" not in kept


@pytest.mark.parametrize("cell", [4.111111111111111e18, 4111111111111110])
def test_of_a_number_too_long_for_a_workbook_only_two_digits_are_taken(cell: float) -> None:
    assert spreadsheet.as_text(xlsx(("Id",), (cell,)), kind="xlsx", sheet=None).splitlines()[1][:4] == b"4.1E"


async def test_a_workbook_sent_twice_posts_once_under_the_fingerprint_of_what_came(feed: Feed, tmp_path: Path) -> None:
    a_profile(pipeline.own_profiles(feed.database), "xlsx")
    raw = xlsx(HEADING, (1, DAY, "ACC-1", 1.25, "x"))
    path = tmp_path / "book.xlsx"
    path.write_bytes(raw)
    first = await build.receive(feed.database, raw, profile="book_xlsx")
    again = await build.receive(feed.database, path, profile="book_xlsx")
    assert again == first.model_copy(update={"already_received": True})
    assert (await feed.books()).transactions == 1
