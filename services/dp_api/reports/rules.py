"""How a period of days falls into whole accounting months, which the summary holds, and the days left over."""

import calendar
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.shared import dates
from services.shared.vocabulary.people import CareGroup

FEWEST_PEOPLE: Final = 5
"""Of fewer people than these no care group's cell is shown (council policy: small numbers are suppressed)."""


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


def hidden_groups(people: Mapping[CareGroup, int]) -> frozenset[CareGroup]:
    """Return the care groups whose cells beside each other are not shown; `people` counts who is in each cell.

    A cell of fewer than five people is hidden, and with it the next smallest, since the sum of all the groups can be
    had from a report that does not tell them apart. That one counts five people or more, if any does, so that what is
    left by subtraction is never of fewer. Where anything is hidden, so is that another cell is empty.

    Council policy: a care group tells of age and need, and is never told of fewer than five people.
    """
    by_size = sorted((count, group) for group, count in people.items() if count)
    small = [group for count, group in by_size if count < FEWEST_PEOPLE]
    if not small:
        return frozenset()
    hidden = {group for _, group in by_size[: len(small) + 1]}
    return frozenset(hidden | {group for group in CareGroup if not people.get(group)})


def may_be_combined(*, is_shown_names: bool, dimensions: AbstractSet[str]) -> bool:
    """Tell whether care groups may be told apart, or picked, beside the other dimensions that are.

    Council policy: whoever is shown names or accounts is not shown what ties a care group to one transaction.
    """
    return not is_shown_names or dimensions <= {"month"}


def are_whole_months(*, first_day: date, last_day: date) -> bool:
    """Tell whether a period has no days outside whole months, of which a caller could ask day by day.

    Council policy: a care group tells of age and need. By the day it could be tied to one person's transaction, so it
    is shown for whole months only.
    """
    return not period(first_day=first_day, last_day=last_day).parts


def _month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
