"""Whether statements add up: a table of cases, both sides of a penny."""

import io

import pytest

from services.card_ingest.formats import camt, mt940
from services.card_ingest.reconciliation import rules
from services.card_ingest.reconciliation.rules import Stated
from services.card_ingest.statements import StatementEnd
from tests.builders import statements as build


def judged(*entries: str, balances: list[str]) -> Stated:
    body = build.camt(build.statement(*entries, balances=balances))
    (end,) = [item for item in camt.items(io.BytesIO(body), message="053") if isinstance(item, StatementEnd)]
    return rules.stated(end, account_ref="A")


OPEN, CLOSE = build.balance("OPBD", "100.00", on="2026-11-11"), build.balance("CLBD", "95.00")
FIVE_OUT = build.entry("5.00", "DBIT")
LATER = build.entry("7.00", "DBIT", valued="2026-11-14")


@pytest.mark.parametrize(
    ("entries", "balances", "proved"),
    [
        ([FIVE_OUT], [OPEN, CLOSE], True),
        ([build.entry("5.01", "DBIT")], [OPEN, CLOSE], False),
        ([build.entry("4.99", "DBIT")], [OPEN, CLOSE], False),
        ([FIVE_OUT, build.entry("9.00", status="<Sts>PDNG</Sts>")], [OPEN, CLOSE], True),
        ([build.entry("2.00", "DBIT"), LATER], [OPEN, build.balance("CLBD", "91.00")], True),
        ([FIVE_OUT], [build.balance("PRCD", "100.00", on="2026-11-10"), CLOSE], True),
        ([FIVE_OUT], [build.balance("ITBD", "100.00"), CLOSE], True),
        ([FIVE_OUT], [OPEN, build.balance("ITBD", "95.00")], True),
        ([FIVE_OUT], [build.balance("ITBD", "100.00"), build.balance("ITBD", "95.00")], True),
        ([FIVE_OUT], [build.balance("OPBD", "3.00"), build.balance("CLBD", "2.00", way="DBIT")], True),
        ([FIVE_OUT], [OPEN], None),
        ([FIVE_OUT], [CLOSE], None),
        ([FIVE_OUT], [], None),
        ([], [OPEN, build.balance("CLBD", "100.00")], True),
        ([build.entry("x", "DBIT")], [OPEN, CLOSE], None),
        ([FIVE_OUT], [OPEN, build.balance("CLBD", "x")], None),
        ([FIVE_OUT], [OPEN, build.balance("CLBD", "95.00", currency="EUR")], False),
        ([build.entry("5.00", "DBIT", currency="EUR")], [OPEN, CLOSE], None),
        ([build.entry("5.005", "DBIT")], [OPEN, build.balance("CLBD", "94.995")], True),
        ([FIVE_OUT, LATER], [build.balance("OPAV", "100.00"), build.balance("CLAV", "95.00")], True),
        ([FIVE_OUT, LATER], [build.balance("OPAV", "100.00"), build.balance("CLAV", "88.00")], None),
        ([FIVE_OUT], [OPEN, CLOSE, build.balance("CLAV", "1095.00"), build.balance("FWAV", "1.00")], True),
    ],
)
def test_opening_and_booked_entries_make_closing(entries: list[str], balances: list[str], proved: bool | None) -> None:
    assert judged(*entries, balances=balances).is_proved is proved


def test_what_is_kept_is_what_was_stated() -> None:
    kept = judged(FIVE_OUT, LATER, balances=[OPEN, CLOSE])
    assert (kept.opening_pence, kept.closing_pence, kept.entries, kept.entries_pence) == (10_000, 9_500, 2, -1_200)
    assert (str(kept.opening_on), str(kept.closing_on), kept.sequence, kept.statement_ref) == (
        "2026-11-11", "2026-11-12", 1, "S1",
    )  # fmt: skip
    assert (kept.currency, kept.is_proved) == ("GBP", False)


@pytest.mark.parametrize(("closing", "proved"), [("C261112GBP95,00", True), ("C261112GBP95,01", False)])
def test_an_mt940_is_judged_alike(closing: str, proved: bool) -> None:
    body = build.mt940(":61:261112D5,00NTRFX", closing=closing)
    (end,) = [item for item in mt940.items(io.BytesIO(body)) if isinstance(item, StatementEnd)]
    assert rules.stated(end, account_ref="A").is_proved is proved


def test_figures_beyond_reason_are_not_stated() -> None:
    kept = judged(build.entry("9" * 20, "CRDT"), balances=[OPEN, build.balance("CLBD", "9" * 20)])
    assert (kept.closing_pence, kept.entries_pence) == (None, 0)


def test_a_closing_time_counts_for_its_day_in_london() -> None:
    at_night = "<DtTm>2026-06-29T23:30:00Z</DtTm>"
    late = build.balance("CLBD", "95.00", on="2026-06-29").replace("<Dt>2026-06-29</Dt>", at_night)
    assert str(judged(FIVE_OUT, balances=[OPEN, late]).closing_on) == "2026-06-30"


def test_the_closing_of_a_page_is_proved_and_is_no_closing_of_the_day() -> None:
    body = build.mt940(":61:261112D5,00NTRFX", closing="C261112GBP95,00").replace(b":62F:", b":62M:")
    (end,) = [item for item in mt940.items(io.BytesIO(body)) if isinstance(item, StatementEnd)]
    kept = rules.stated(end, account_ref="A")
    assert (kept.is_proved, kept.closing_pence, kept.closing_on) == (True, 9_500, None)
