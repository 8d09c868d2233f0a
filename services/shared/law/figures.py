"""The law's numbers and the council's, each by the day from which it holds; a day before the first value has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.shared.law import sources
from services.shared.law.sources import Source

CARE_ACT_IN_FORCE = date(2015, 4, 1)
DIRECT_PAYMENTS_IN_FORCE = date(1997, 4, 1)
"""The day from which councils could make direct payments at all.

Source: Community Care (Direct Payments) Act 1996, in force by SI 1997/756.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that changes by date: `values` are (first day, value), earliest first; each holds until the next."""

    name: str
    source: Source
    values: Sequence[tuple[date, int]]

    def on(self, day: date) -> int:
        """Return the value that holds on the day. Raises ValueError for a day before the first value."""
        for first_day, value in reversed(self.values):
            if first_day <= day:
                return value
        raise ValueError(f"{self.name} has no value on {day}")


YOUNGEST_RECIPIENT_YEARS = Figure(
    "the youngest age for a direct payment, in years", sources.PLAN_APPENDIX_A, ((CARE_ACT_IN_FORCE, 16),)
)
ADULT_YEARS = Figure("the age of an adult, in years", sources.CARE_ACT_S2, ((CARE_ACT_IN_FORCE, 18),))
OLDER_PEOPLE_YEARS = Figure(
    "the age from which need falls under older people, in years", sources.PLAN_S7, ((CARE_ACT_IN_FORCE, 65),)
)
