"""How a period of days falls into whole accounting months, which the summary holds, and the days left over."""

import calendar
from dataclasses import dataclass
from datetime import date

from services.shared import dates


@dataclass(frozen=True, slots=True)
class Period:
    """A period's whole accounting months (first and last as yyyymm, None without any) and its other days."""

    whole_months: tuple[int, int] | None
    parts: tuple[tuple[date, date], ...]


def period(*, first_day: date, last_day: date) -> Period:
    """Divide the days from `first_day` to `last_day`, both included, into whole months and the parts at either end.

    Council policy: money is reported by the Europe/London month in which it was booked.
    """
    head_ends, tail_begins = _month_end(first_day), last_day.replace(day=1)
    is_head_whole, is_tail_whole = first_day.day == 1, last_day == _month_end(last_day)
    if first_day.replace(day=1) == tail_begins:
        if is_head_whole and is_tail_whole:
            return Period((dates.accounting_month(first_day),) * 2, ())
        return Period(None, ((first_day, last_day),))
    first_whole = first_day if is_head_whole else dates.add_months(first_day.replace(day=1), 1)
    last_whole = tail_begins if is_tail_whole else dates.add_months(tail_begins, -1)
    whole = (dates.accounting_month(first_whole), dates.accounting_month(last_whole))
    parts = ((first_day, head_ends), (tail_begins, last_day))
    left_over = tuple(
        part for part, is_whole in zip(parts, (is_head_whole, is_tail_whole), strict=True) if not is_whole
    )
    return Period(whole if whole[0] <= whole[1] else None, left_over)


def tells_one_apart(*, first_day: date, last_day: date, is_by_care_group: bool) -> bool:
    """Tell whether a report by care group has days outside whole months, of which the caller may ask day by day.

    Council policy: a care group tells of age and need. By the day it could be tied to one person's transaction; outside
    the care pathway it is shown for whole months only.
    """
    return is_by_care_group and bool(period(first_day=first_day, last_day=last_day).parts)


def _month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
