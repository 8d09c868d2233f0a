"""A drafted profile reads the file it was drafted from, names headings, and says nothing of what stands in the rows."""

import io
import random
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from typer.testing import CliRunner

from services.card_ingest import reading
from services.card_ingest.events import BadRow, ReadRow
from services.card_ingest.profiles import profile
from services.card_ingest.profiles.table import CsvProfile, TsvProfile, XlsxProfile
from services.command import feed
from services.provider_kit import suggesting
from services.provider_kit.sampling import NoHeadingFound

RECEIVED_ON = date(2026, 11, 20)


def effects(draft: str, content: bytes, folder: Path) -> list[int]:
    """Keep the draft as a profile of the council's own, and return the effects of the rows read by it."""
    (folder / "draft.toml").write_text(draft)
    found = profile.load("draft", own_folder=folder)
    assert isinstance(found, CsvProfile | TsvProfile | XlsxProfile)
    body = reading.translated(found, content) if reading.is_translated(found) else content
    rows = list(reading.rows(found, io.BytesIO(body), account_ref="A", received_on=RECEIVED_ON, is_redacted=False))
    assert not [row for row in rows if isinstance(row, BadRow)]
    return [row.effect_pence for row in rows if isinstance(row, ReadRow)]


FILES = {
    "card spending": (
        "Posted,Transaction number,Supplier,MCC,Net Amount\n"
        "03/11/2026,881,CORNER SHOP,5411,12.50\n14/11/2026,882,BUS,4111,3.00\n15/11/2026,883,CORNER SHOP,780,-2.00\n",
        [-1250, -300, 200],
    ),
    "a bank's statement, newest first, below other lines": (
        "Statement\n\nSort code;20-00-00\nDate;Narrative;Amount;Balance\n"
        "05 Nov 2026;SHOP;4,00;x\n".replace("4,00;x", "-4.00;86.00")
        + "04 Nov 2026;COUNCIL;-(0)\n".replace("-(0)", "100.00;90.00")
        + "03 Nov 2026;RENT;(12.50);-10.00\n",
        [-400, 10000, -1250],
    ),
    "debit and credit columns": (
        "Date\tDetails\tPaid out\tPaid in\n2026-11-03\tSHOP\t1.25\t\n2026-11-04\tCOUNCIL\t\t7.00\n",
        [-125, 700],
    ),
    "a word for the way": (
        "Date|Ref|Amount|DR/CR\n20261103|a1|1.25|DR\n20261104|a2|7.00|CR\n",
        [-125, 700],
    ),
    "pence": ("Day,Id,Amount pence\n2026-11-03,x1,-125\n2026-11-04,x2,-700\n2026-11-05,x3,30\n", [-125, -700, 30]),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_simple_file_is_read_whole_by_its_draft(name: str, tmp_path: Path) -> None:
    text, expected = FILES[name]
    draft = suggesting.suggest(text.encode(), format="csv", name="draft")
    assert effects(draft, text.encode(), tmp_path) == expected
    for value in ("SHOP", "COUNCIL", "RENT", "12.5", "881", "20-00-00"):
        assert value not in draft


def test_a_draft_asks_a_person_to_confirm_what_it_guessed() -> None:
    draft = suggesting.suggest(FILES["card spending"][0].encode(), format="csv", name="draft")
    assert 'positive_is = "spend"  # CONFIRM' in draft
    assert 'columns = ["Transaction number"]  # CONFIRM' in draft
    assert "covers" not in draft


def test_rows_without_an_id_of_their_own_cover_days() -> None:
    rows = "".join(f"2026-11-{random.Random(1).randint(1, 9):02d},1.00,cafe\n" for _ in range(3))
    assert 'covers = "complete_days"' in suggesting.suggest(
        f"Date,Amount,Shop\n{rows}".encode(), format="csv", name="a"
    )


def test_the_command_drafts_from_a_workbook_too(tmp_path: Path) -> None:
    file = tmp_path / "november.xlsx"
    book = xlsxwriter.Workbook(file, {"default_date_format": "dd/mm/yyyy"})
    sheet = book.add_worksheet()
    for number, row in enumerate([("Date", "Text", "Value"), (date(2026, 11, 3), "SHOP", 12.5)]):
        sheet.write_row(number, 0, row)
    book.close()
    shown = CliRunner().invoke(feed.app, ["profile", "suggest", str(file), "--name", "draft"])
    assert shown.exit_code == 0
    assert effects(shown.stdout, file.read_bytes(), tmp_path) == [-1250]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "1,2,3\n4,5,6\n", "a,b\n", "one line", "2026-11-03,1.00,x\n2026-11-04,2.00,y\n"]
)
def test_a_file_without_a_heading_is_no_source_of_a_draft(text: str) -> None:
    with pytest.raises(NoHeadingFound):
        suggesting.suggest(text.encode(), format="csv", name="draft")


def test_a_published_file_s_draft_reads_it_whole(reference_data: Path, tmp_path: Path) -> None:
    content = (reference_data / "cards" / "calderdale-2022-05-card.csv").read_bytes()
    found = effects(suggesting.suggest(content, format="csv", name="draft"), content, tmp_path)
    assert (len(found), sum(found)) == (789, -2_930_894)
