"""Days and months as the council counts them: business days are those of Europe/London."""

import calendar
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

LONDON: Final = ZoneInfo("Europe/London")


def london_date(at: datetime) -> date:
    """Return the Europe/London day on which the moment falls. Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone falls on no day")
    return at.astimezone(LONDON).date()


def add_months(day: date, months: int) -> date:
    """Return the same day of the month that many months on (back when negative), or the month's last if shorter."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(years, month + 1)[1]
    return date(years, month + 1, min(day.day, last))


def accounting_month(day: date) -> int:
    """Return the accounting month of a Europe/London day as the number yyyymm."""
    return day.year * 100 + day.month


def age_on(born: date, day: date) -> int:
    """Return the age in whole years on a day; somebody born on 29 February comes of age on 1 March of a common year.

    Source: Family Law Reform Act 1969, s.9 (an age is attained at the start of its anniversary).
    """
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
