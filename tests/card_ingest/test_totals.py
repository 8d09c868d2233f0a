"""A totals line never posts: it waits with a reason of its own, and nothing that may be a payment is taken for one."""

from pathlib import Path

import pytest

from services.card_ingest import pipeline
from services.card_ingest.profiles import profile
from services.card_ingest.schemas import Receipt
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_tables import TWO_COLUMNS, WORDS, a_profile, read, told
from tests.http import Clients

HEADING = "Id,Date,Account,Amount"
ROWS = ("a,10/11/2026,ACC-1,-3.50", "b,10/11/2026,ACC-1,-2.00", "c,11/11/2026,ACC-1,1.00")


@pytest.mark.parametrize(
    "line",
    [
        ",,,-4.50",
        "Total,,,-4.50",
        ",Total,,-4.50",
        ",,Grand Total:,(4.50)",
        ",11/11/2026,,-4.50",
        "d,,ACC-1,-4.50",
        ",11/11/2026,Total,-4.50",
        "Totals,11/11/2026,ACC-1,-4.50",
        "Totals,11/11/2026,ACC-1,4.50",
    ],
)
def test_a_line_with_the_sum_of_the_rows_above_and_without_what_a_row_has_is_a_totals_line(line: str) -> None:
    assert told(read(a_profile(), HEADING, *ROWS, line)) == [-350, -200, 100, "totals_line"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (",,,-4.51", "missing_field"),
        ("Total,,,", "amount_missing"),
        ("d,11/11/2026,,-4.49", "missing_field"),
        ("d,11/11/2026,ACC-1,-4.50", -450),
        ("Total,11/11/2026,ACC-1,-4.49", -449),
        (",11/11/2026,ACC-1,-4.50", "missing_field"),
    ],
)
def test_what_is_no_total_with_certainty_is_read_as_any_row(line: str, expected: object) -> None:
    assert told(read(a_profile(), HEADING, *ROWS, line))[-1] == expected


def test_a_second_payment_of_the_same_amount_is_no_total() -> None:
    assert told(read(a_profile(), HEADING, ROWS[0], "Total,10/11/2026,ACC-1,-3.50")) == [-350, -350]
    assert told(read(a_profile(), HEADING, ROWS[0], "b,10/11/2026,,-3.50")) == [-350, "missing_field"]
    assert told(read(a_profile(), HEADING, ROWS[0], "Total,,,-3.50")) == [-350, "totals_line"]


def test_a_row_whose_amount_cannot_be_read_leaves_every_total_unproved() -> None:
    lines = (*ROWS, "d,10/11/2026,ACC-1,four pounds", ",,,-4.50")
    assert told(read(a_profile(), HEADING, *lines))[-2:] == ["not_a_number", "missing_field"]


def test_totals_of_parts_and_of_the_whole_are_told_and_count_in_no_other() -> None:
    lines = (*ROWS, "Sub-total,,,-4.50", "d,12/11/2026,ACC-1,-7.00", "e,12/11/2026,ACC-1,-1.00", "Sub-total,,,-8.00")
    found = told(read(a_profile(), HEADING, *lines, "Grand total,,,-12.50"))
    assert found == [-350, -200, 100, "totals_line", -700, -100, "totals_line", "totals_line"]


def test_totals_of_parts_that_have_all_that_a_row_has_are_told_too() -> None:
    lines = (*ROWS, "Sub-total,11/11/2026,ACC-1,-4.50", "d,12/11/2026,ACC-1,-7.00", "e,12/11/2026,ACC-1,-1.00")
    last = ("Sub-total,12/11/2026,ACC-1,-8.00", "Grand total,12/11/2026,ACC-1,-12.50")
    found = told(read(a_profile(), HEADING, *lines, *last))
    assert found == [-350, -200, 100, "totals_line", -700, -100, "totals_line", "totals_line"]
    assert told(read(a_profile(), HEADING, *lines[:5], "Total,12/11/2026,ACC-1,-7.00"))[-1] == -700


def test_columns_of_money_out_and_in_each_have_their_sum() -> None:
    heading = "Id,Date,Account,Paid out,Paid in"
    rows = ("a,10/11/2026,ACC-1,3.50,", "b,10/11/2026,ACC-1,2.00,", "c,11/11/2026,ACC-1,,1.00")
    own = a_profile(amount=TWO_COLUMNS)
    assert told(read(own, heading, *rows, "Total,,,5.50,1.00"))[-1] == "totals_line"
    assert told(read(own, heading, *rows, ",,,5.50,"))[-1] == "totals_line"
    assert told(read(own, heading, *rows, "Total,,,5.50,1.01"))[-1] == "amount_stated_twice"
    assert told(read(own, heading, *rows, "Total,11/11/2026,ACC-1,5.50,"))[-1] == "totals_line"


def test_a_total_has_no_word_for_its_way() -> None:
    rows = ("a,10/11/2026,ACC-1,350,DR", "b,10/11/2026,ACC-1,200,DR", "c,11/11/2026,ACC-1,100,CR")
    for total in (450, 650):
        found = told(read(a_profile(amount=WORDS), "Id,Date,Account,Amount,Dr/Cr", *rows, f"Total,,,{total},"))
        assert found == [-350, -200, 100, "totals_line"]


def keep_one_accounts_profile(feed: Feed) -> None:
    """Keep a layout without ids and accounts, as a council's own files may have: the sender names the account."""
    folder = pipeline.own_profiles(feed.database)
    folder.mkdir(parents=True, exist_ok=True)
    shipped = (Path(profile.__file__).parent / "birmingham.toml").read_text()
    (folder / "one_account.toml").write_text(shipped.replace('name = "birmingham"', 'name = "one_account"'))


async def sent(feed: Feed, *rows: str) -> Receipt:
    body = "".join(f"{line}\n" for line in ("TRANS DATE,BILLING GROSS AMT,MERCHANT NAME,CARD NUMBER", *rows))
    return await build.receive(feed.database, body.encode(), profile="one_account", account_ref="ACC-1")


async def test_a_total_that_has_all_that_a_row_needs_moves_no_money_and_is_no_part_of_its_day(
    feed: Feed, clients: Clients
) -> None:
    keep_one_accounts_profile(feed)
    rows = ("2026-11-10,3.50,cafe,x", "2026-11-10,2.00,tea room,x")
    receipt = await sent(feed, *rows, "2026-11-10,5.50,TOTAL,x")
    assert await feed.rows(receipt) == {3: ("quarantined", "totals_line")}
    assert await feed.books() == Books(-550, 0, 2)
    assert (await sent(feed, *reversed(rows))).already_posted.rows == 2
    row_id = await feed.connection.fetchval("SELECT id FROM quarantined_row")
    shown = (await clients.of(Role.FINANCE_OFFICER).get(f"/v1/feeds/quarantine/{row_id}")).json()
    assert shown["possible"] == ["already_posted", "no_money"]
    assert shown["text"] == "2026-11-10,5.50,TOTAL,x\n"


@pytest.mark.parametrize("name", ["calderdale-2018-07-card.csv", "calderdale-2022-05-card.csv"])
def test_no_row_of_a_real_file_is_taken_for_a_total(reference_data: Path, name: str) -> None:
    found = profile.load("calderdale", own_folder=Path("nowhere"))
    rows = (reference_data / "cards" / name).read_text().rstrip().split("\n")
    assert "totals_line" not in told(read(found, *rows))
