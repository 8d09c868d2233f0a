"""A card number is found within one value of every format, and never in two values that only stand side by side."""

import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import msgspec
import pytest
import xlsxwriter
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum import luhn

from services.card_ingest import keeping, pipeline, reading, scanning, surveying
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.reasons import Reason
from tests.builders import deliveries as build
from tests.builders import statements
from tests.card_ingest.conftest import Feed

DAY = date(2026, 11, 20)
DELIMITERS = {
    "comma": ",",
    "semicolon": ";",
    "bar": "|",
    "tab": "\t",
    "blank": " ",
    "dash": "-",
    "stroke": "/",
    "dot": ".",
}
TABLE = """
format = "{format}"
name = "{name}"
version = 1
title = "Any"
identity.columns = ["Id"]
amount = {{column = "Pence", written_in = "pence", positive_is = "money_in"}}
dates = {{booked = "Day", formats = ["%Y%m%d"]}}
type = {{money_out = "faster_payment_out", money_in = "faster_payment_in"}}
account.column = "Account"
merchant.name = "Text"
reference = "More"
{more}
"""


def table(name: str, delimiter: str) -> str:
    more = f"delimiter = {json.dumps(delimiter)}" if delimiter != "\t" else ""
    return TABLE.format(format="tsv" if delimiter == "\t" else "csv", name=name, more="").replace(
        "version = 1", f"version = 1\n{more}"
    )


def cells(delimiter: str) -> Callable[[str, str], bytes]:
    """Return a file of one row with these two texts in neighbouring cells, quoted only where they must be."""

    def written(text: str, more: str) -> bytes:
        quoted = [f'"{cell}"' if delimiter in cell or "\n" in cell else cell for cell in (text, more)]
        lines = (("Id", "Day", "Account", "Text", "More", "Pence"), ("T1", "20261112", "ACC1", *quoted, "799"))
        return "".join(delimiter.join(line) + "\n" for line in lines).encode()

    return written


def ndjson(text: str, more: str) -> bytes:
    return build.ndjson([build.an_event("t1", merchant_name=text, reference=more)])


def ndjson_escaped(text: str, more: str) -> bytes:
    line = ndjson("TEXT", "MORE").decode()
    for mark, value in (("TEXT", text), ("MORE", more)):
        line = line.replace(mark, "".join(f"\\u{ord(character):04x}" for character in value))
    return line.encode()


def json_array(text: str, more: str) -> bytes:
    return json.dumps([build.an_event("t1", merchant_name=text, reference=more)], indent=1).encode()


def camt(text: str, more: str) -> bytes:
    told = f"<RmtInf><Ustrd>{escape(text)}</Ustrd><Ustrd>{escape(more)}</Ustrd></RmtInf>"
    return statements.camt(statements.statement(statements.entry("7.99", details=statements.details(told), ref="R1")))


def mt940(text: str, more: str) -> bytes:
    return statements.mt940(":61:261112C7,99NTRFR1", f":86:?20{text}?21{more}?32SHOP")


def mt940_line(text: str, more: str) -> bytes:
    return statements.mt940(f":61:261112C7,99NTRF{text}//{more}", ":86:SHOP")


def workbook(text: str, more: str) -> bytes:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ("Id", "Day", "Account", "Text", "More", "Pence"))
    sheet.write_row(1, 0, ("T1", "20261112", "ACC1", text, more, 799))
    book.close()
    return content.getvalue()


FORMATS: dict[str, tuple[str, Callable[[str, str], bytes]]] = {
    **{f"table_{name}": (table(f"table_{name}", mark), cells(mark)) for name, mark in DELIMITERS.items()},
    "table_workbook": (TABLE.format(format="xlsx", name="table_workbook", more=""), workbook),
    "canonical": ("", ndjson),
    "canonical_json": ("", json_array),
    "camt053": ("", camt),
    "mt940": ("", mt940),
}
EVERY = pytest.mark.parametrize("name", FORMATS)


def layout(name: str) -> Profile:
    text, _ = FORMATS[name]
    return msgspec.toml.decode(text, type=Profile) if text else profiles.load(name, own_folder=Path("nowhere"))


def scanned(name: str, body: bytes) -> tuple[scanning.Scanned, list[Row]]:
    """Return a file as it is kept, and its rows."""
    found = layout(name)
    text = surveying.as_text(found, body)[0] if surveying.is_translated(found) else body
    kept = scanning.redact(text, form=reading.form(found))
    rows = reading.rows(
        found, io.BytesIO(kept.content), account_ref="ACC-1", received_on=DAY, is_redacted=kept.is_redacted
    )
    return kept, list(rows)


def reason(row: Row) -> Reason | None:
    if isinstance(row, BadRow):
        return Reason(row.reason)
    return None if row.waits is None else row.waits.reason


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    issuer, length = draw(
        st.sampled_from(
            [("4", 16), ("51", 16), ("2221", 16), ("34", 15), ("36", 14), ("6011", 16), ("6759", 18), ("4", 13)]
        )
    )
    rest = draw(st.text("0123456789", min_size=length - len(issuer) - 1, max_size=length - len(issuer) - 1))
    return issuer + rest + str(luhn.calc_check_digit(issuer + rest))


def in_fours(number: str, between: str) -> str:
    return between.join(number[place : place + 4] for place in range(0, len(number), 4))


@EVERY
@settings(max_examples=40, deadline=None)
@given(number=card_numbers(), place=st.integers(1, 15), space=st.sampled_from(["", " "]))
def test_two_values_side_by_side_are_never_one_card_number(name: str, number: str, place: int, space: str) -> None:
    assume(len(number) > place)
    left, right = number[:place].strip(), number[place:].strip()
    assume(all(not scanning.redact(part.encode()).is_redacted for part in (left, right)))
    kept, rows = scanned(name, FORMATS[name][1](left, right))
    assert not kept.is_redacted
    assert [(type(row), reason(row)) for row in rows] == [(ReadRow, None)]


@settings(deadline=None)
@given(
    number=card_numbers(),
    place=st.integers(1, 15),
    name=st.sampled_from(["table_tab", "table_blank", "table_workbook"]),
)
def test_groups_of_four_in_two_cells_are_no_card_number_and_the_row_posts(number: str, place: int, name: str) -> None:
    groups = in_fours(number, "-").split("-")
    left, right = "-".join(groups[:2]), "-".join(groups[2:])
    kept, rows = scanned(name, FORMATS[name][1](left, right))
    assert not kept.is_redacted
    assert [reason(row) for row in rows] == [None]


@pytest.mark.parametrize("name", ["camt053", "mt940"])
@given(number=card_numbers())
def test_what_two_values_of_a_statement_make_together_is_no_card_number_either(name: str, number: str) -> None:
    groups = in_fours(number, " ").split(" ")
    left, right = " ".join(groups[:2]), " ".join(groups[2:])
    kept, rows = scanned(name, FORMATS[name][1](left, right))
    assert not kept.is_redacted
    (row,) = rows
    assert isinstance(row, ReadRow)
    assert row.waits is None
    assert not scanning.redact((row.event.reference or "").encode()).is_redacted


@settings(deadline=None)
@given(number=card_numbers(), place=st.integers(1, 15))
def test_a_reference_and_the_banks_own_are_two_values(number: str, place: int) -> None:
    left, right = number[:place], number[place:]
    assume(all(part and not scanning.redact(part.encode()).is_redacted for part in (left, right)))
    _, rows = scanned("mt940", mt940_line(left, right))
    assert [reason(row) for row in rows] == [None]


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda number: number,
    "blanks": lambda number: in_fours(number, " "),
    "dashes": lambda number: in_fours(number, "-"),
    "full stops": lambda number: in_fours(number, "."),
    "strokes": lambda number: in_fours(number, "/"),
    "low lines": lambda number: in_fours(number, "_"),
    "no-break spaces": lambda number: in_fours(number, "\N{NO-BREAK SPACE}"),
    "thin spaces": lambda number: in_fours(number, "\N{THIN SPACE}"),
    "no-break hyphens": lambda number: in_fours(number, "\N{NON-BREAKING HYPHEN}"),
    "en dashes": lambda number: in_fours(number, "\N{EN DASH}"),
    "full width": lambda number: "".join(chr(0xFF10 + int(digit)) for digit in number),
    "within words": lambda number: f"PAID BY CARD {in_fours(number, ' ')} EXP 1226",
    "zero width": lambda number: in_fours(number, "\N{ZERO WIDTH SPACE}"),
    "pairs": lambda number: " ".join(number[place : place + 2] for place in range(0, len(number), 2)),
}


@EVERY
@settings(max_examples=60, deadline=None)
@given(number=card_numbers(), spelling=st.sampled_from(sorted(SPELLINGS)))
def test_a_card_number_in_any_one_value_stops_its_row_and_leaves_its_amount_true(
    name: str, number: str, spelling: str
) -> None:
    assume(spelling != "pairs" or len(number) % 2 == 0)
    text = SPELLINGS[spelling](number)
    kept, (row,) = scanned(name, FORMATS[name][1](text, "more"))
    assert kept.is_redacted
    assert isinstance(row, ReadRow)
    assert (reason(row), row.delivered_pence) == (Reason.CARD_NUMBER_IN_ROW, 1234 if "canonical" in name else 799)
    assert number[6:] not in "".join(filter(str.isdigit, kept.content.decode()))


@settings(deadline=None)
@given(number=card_numbers())
def test_escapes_and_references_hide_no_digit(number: str) -> None:
    _, (row,) = scanned("canonical", ndjson_escaped(in_fours(number, "\N{NO-BREAK SPACE}"), "more"))
    assert reason(row) == Reason.CARD_NUMBER_IN_ROW
    body = camt(in_fours(number, "@"), "more").replace(b"@", b"&#160;")
    _, (row,) = scanned("camt053", body)
    assert reason(row) == Reason.CARD_NUMBER_IN_ROW


@pytest.mark.parametrize(
    "body",
    [
        statements.mt940(":61:261112C7,99NTRFR1", ":86:CARD 41111111", "11111111 VISA"),
        statements.mt940(":61:261112C7,99NTRFR1", ":86:?20CARD 41111111", "11111111?32SHOP"),
        statements.mt940(":61:261112C7,99NTRFR1", ":86:?204111111111111111?32SHOP"),
        statements.mt940(":61:261112C7,99N1234111111111111111", ":86:SHOP"),
        statements.mt940(":61:261112C7,99NTRFR1", "4111111111111111", ":86:SHOP"),
    ],
    ids=["wrapped", "wrapped in a sub-field", "behind the sign of a sub-field", "behind a type", "supplement"],
)
def test_a_card_number_in_a_field_of_a_bank_is_found_however_the_field_is_cut(body: bytes) -> None:
    kept, (row,) = scanned("mt940", body)
    assert (kept.is_redacted, reason(row), row.delivered_pence) == (True, Reason.CARD_NUMBER_IN_ROW, 799)
    assert b"11111111" not in kept.content


@pytest.mark.parametrize(
    "text",
    [
        "60-16-13 31926813",
        "601613 31926813",
        "GB29 NWBK 6016 1331 9268 19",
        "BE68 5390 0754 7034",
        "ORDER 41111111 11111111",
        "INV 6759 649826438 453",
        "411111 1111111111",
    ],
)
def test_words_of_a_remittance_are_no_card_number(text: str) -> None:
    kept, (row,) = scanned("camt053", camt(text, "x"))
    assert (kept.is_redacted, reason(row)) == (False, None)


def test_a_fraction_is_no_card_number() -> None:
    text = b'{"latitude":51.50735091234567,"paid":3.3000000000000003}'
    assert luhn.is_valid("50735091234567")
    assert not scanning.redact(text).is_redacted
    assert scanning.redact(b'{"latitude":50735091234567}').is_redacted


async def test_a_published_layout_of_tabs_posts_what_only_looks_like_a_number_across_its_cells(feed: Feed) -> None:
    folder = pipeline.own_profiles(feed.database)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table_tab.toml").write_text(FORMATS["table_tab"][0])
    body = b"Id\tDay\tAccount\tText\tMore\tPence\nT1\t20261112\tACC-1\t980428070\t5968\t799\n"
    assert luhn.is_valid("9804280705968") is False
    left, right = "411111111", "1111111"
    body += f"T2\t20261112\tACC-1\t{left}\t{right}\t799\n".encode()
    receipt = await build.receive(feed.database, body, profile="table_tab")
    assert (receipt.posted.rows, receipt.posted.pence, receipt.quarantined.rows) == (2, 1598, 0)


@pytest.mark.parametrize(
    "name", ["table_tab", "table_comma", "table_workbook", "canonical", "canonical_json", "camt053", "mt940"]
)
async def test_a_row_with_a_card_number_keeps_all_but_the_number(
    feed: Feed, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = "4111111111111111"
    text, body = FORMATS[name]
    folder = pipeline.own_profiles(feed.database)
    folder.mkdir(parents=True, exist_ok=True)
    if text:
        (folder / f"{name}.toml").write_text(text)
    receipt = await build.receive(feed.database, body(f"CARD {number}", "more"), profile=name, account_ref="ACC-1")
    assert [(each.code, each.rows) for each in receipt.waiting] == [("card_number_in_row", 1)]
    pence = 1234 if "canonical" in name else 799
    assert (receipt.quarantined.pence, receipt.delivered_pence, receipt.unread_amounts) == (pence, pence, 0)
    kept = await feed.connection.fetchrow("SELECT content_encrypted, transaction_id, detail FROM quarantined_row")
    assert kept is not None
    content = feed.database.ciphers.decrypt(kept["content_encrypted"])
    assert kept["transaction_id"]
    whole = keeping.unsealed(
        await feed.connection.fetchval("SELECT content FROM feed_content"), ciphers=feed.database.ciphers
    )
    shown = capsys.readouterr()
    for place in (
        content,
        whole,
        kept["detail"].encode(),
        receipt.model_dump_json().encode(),
        shown.out.encode(),
        shown.err.encode(),
    ):
        assert number.encode() not in place
    assert b"9999999999999999" in content
