from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dp_api.reports import rules
from services.shared import dates


@pytest.mark.parametrize(
    ("first", "last", "months", "parts"),
    [
        (date(2026, 4, 1), date(2026, 4, 30), (202604, 202604), []),
        (date(2026, 4, 1), date(2026, 4, 29), None, [("04-01", "04-29")]),
        (date(2026, 4, 2), date(2026, 4, 30), None, [("04-02", "04-30")]),
        (date(2026, 4, 7), date(2026, 4, 7), None, [("04-07", "04-07")]),
        (date(2026, 1, 1), date(2026, 3, 31), (202601, 202603), []),
        (date(2026, 1, 2), date(2026, 3, 30), (202602, 202602), [("01-02", "01-31"), ("03-01", "03-30")]),
        (date(2026, 1, 31), date(2026, 2, 1), None, [("01-31", "01-31"), ("02-01", "02-01")]),
        (date(2026, 1, 15), date(2026, 2, 28), (202602, 202602), [("01-15", "01-31")]),
        (date(2026, 2, 1), date(2026, 3, 5), (202602, 202602), [("03-01", "03-05")]),
    ],
)
def test_a_period_is_whole_months_and_the_days_left_over(
    first: date, last: date, months: tuple[int, int] | None, parts: list[tuple[str, str]]
) -> None:
    found = rules.period(first_day=first, last_day=last)
    assert found.whole_months == months
    assert [(f"{a:%m-%d}", f"{b:%m-%d}") for a, b in found.parts] == parts


@given(first=st.dates(date(2015, 1, 1), date(2030, 1, 1)), days=st.integers(0, 900))
def test_every_day_of_a_period_is_counted_once(first: date, days: int) -> None:
    last = first + timedelta(days=days)
    found = rules.period(first_day=first, last_day=last)
    low, high = found.whole_months or (1, 0)
    for day in (first + timedelta(days=n) for n in range(-40, days + 41)):
        counted = (low <= dates.accounting_month(day) <= high) + sum(a <= day <= b for a, b in found.parts)
        assert counted == (first <= day <= last)
