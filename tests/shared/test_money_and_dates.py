"""Money in whole pence, and days of Europe/London."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared import clock, dates, money


@pytest.mark.parametrize(
    ("text", "pence"),
    [
        ("1,234.56", 123_456),
        ("£1,234.56", 123_456),
        ("-£12.30", -1_230),
        ("+0.05", 5),
        ("7", 700),
        ("7.5", 750),
        (" 0.00 ", 0),
        ("1234567.89", 123_456_789),
        ("1,234,567.89", 123_456_789),
    ],
)
def test_an_amount_is_read_exactly(text: str, pence: int) -> None:
    assert money.pence_from_text(text) == pence


@pytest.mark.parametrize(
    "text", ["", "£", "1.234", "12,34.56", "1,2345", "1 234", "1_000", ".50", "5.", "1e3", "NaN", "--1", "١٢", "12.3.4"]
)
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an amount in pounds and pence$"):
        money.pence_from_text(text)


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_what_is_written_reads_back(pence: int) -> None:
    assert money.pence_from_text(money.pounds(pence)) == pence


def test_pounds_are_written_as_readers_expect() -> None:
    assert [money.pounds(pence) for pence in (0, 5, -5, 123_456_789)] == ["£0.00", "£0.05", "-£0.05", "£1,234,567.89"]


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 7, 1, 22, 59, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 23, 0, 0, tzinfo=UTC), date(2026, 7, 2)),
        (datetime(2026, 12, 1, 23, 59, 59, tzinfo=UTC), date(2026, 12, 1)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_a_moment_falls_on_the_london_day(at: datetime, day: date) -> None:
    assert dates.london_date(at) == day


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        dates.london_date(datetime(2026, 7, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2026, 3, 15), 12, date(2027, 3, 15)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
        (date(2026, 12, 1), 0, date(2026, 12, 1)),
    ],
)
def test_months_are_added_to_the_same_day_or_the_last(day: date, months: int, later: date) -> None:
    assert dates.add_months(day, months) == later


def test_the_accounting_month_is_yyyymm() -> None:
    assert dates.accounting_month(date(2026, 4, 30)) == 202_604


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2008, 5, 2), date(2026, 5, 1), 17),
        (date(2008, 5, 2), date(2026, 5, 2), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
    ],
)
def test_an_age_is_attained_on_its_anniversary(born: date, day: date, age: int) -> None:
    assert dates.age_on(born, day) == age


def test_the_clock_is_aware_and_in_utc() -> None:
    assert clock.now().tzinfo is UTC
