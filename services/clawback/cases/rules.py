"""A calculation in figures and in words: what a stored snapshot says, worked out again by pure functions."""

from datetime import date
from enum import StrEnum
from typing import Final, Protocol

from services.clawback.grounds import surplus
from services.clawback.grounds.position import Position
from services.shared import money

CYCLE_DAYS: Final = 28
"""A payment cycle: money is loaded four weeks in advance (Direct Payments Development Plan 2018-2023, s.8)."""


class Reading(StrEnum):
    """What the cycle tells of a flag: money over on every day of it, or a load that has merely not been spent yet.

    It says which cases to look at first. A flag is a flag either way: the Plan's rule is about the day of the run.
    """

    SURPLUS_ALL_CYCLE = "surplus_all_cycle"
    OVER_ONLY_SINCE_LOAD = "over_only_since_load"


class Figures(Protocol):
    """The stored figures of one calculation; money in pence."""

    @property
    def as_of(self) -> date: ...
    @property
    def weekly_gross_pence(self) -> int: ...
    @property
    def threshold_weeks(self) -> int: ...
    @property
    def posted_pence(self) -> int: ...
    @property
    def held_pence(self) -> int: ...
    @property
    def low_point_pence(self) -> int: ...
    @property
    def low_point_on(self) -> date: ...
    @property
    def last_load_on(self) -> date | None: ...
    @property
    def last_load_pence(self) -> int | None: ...


def position(figures: Figures) -> Position:
    """Return the position that the figures stand on.

    Council policy: Direct Payments Development Plan 2018-2023, s.8.
    """
    return Position(
        weekly_gross_pence=figures.weekly_gross_pence,
        posted_pence=figures.posted_pence,
        held_pence=figures.held_pence,
    )


def weeks_of_cover_hundredths(counted_pence: int, weekly_gross_pence: int) -> int | None:
    """Return how many weeks of the gross payment the money covers, in hundredths of a week, rounded towards nil.

    None where the weekly gross is nil: money then covers no number of weeks.

    Council policy: Direct Payments Development Plan 2018-2023, s.8.
    """
    if weekly_gross_pence == 0:
        return None
    whole = abs(counted_pence) * 100 // weekly_gross_pence
    return -whole if counted_pence < 0 else whole


def reading(*, low_point_pence: int, threshold_pence: int) -> Reading:
    """Return what the lowest point of the cycle tells: money over all the time, or only since the last load.

    Council policy: Direct Payments Development Plan 2018-2023, s.8.
    """
    return Reading.SURPLUS_ALL_CYCLE if low_point_pence > threshold_pence else Reading.OVER_ONLY_SINCE_LOAD


def in_words(figures: Figures, *, recipient_has_died: bool) -> str:
    """Return the calculation as a person reads it: what was held, the threshold, what is over, what that means.

    Council policy: Direct Payments Development Plan 2018-2023, s.8.
    """
    meaning = _MEANING_AFTER_DEATH if recipient_has_died else _MEANING
    return " ".join((_held(figures), _over(figures), _cycle(figures), meaning))


_MEANING = (
    "This is a flag, not a debt: first somebody asks whether the person has the support that the money is for,"
    " and nothing is taken back unless the council then decides so and says so beforehand."
)
_MEANING_AFTER_DEATH = (
    "The person has died, and the direct payment ended with them. This is a flag, not a debt: the money that is left is"
    " not part of the estate; it first meets what was committed to, such as wages, notice and invoices for the support,"
    " and a person decides what happens to the rest."
)


def _held(figures: Figures) -> str:
    held = f"On {_day(figures.as_of)} the accounts held {money.pounds(figures.posted_pence)}"
    if figures.held_pence == 0:
        return f"{held}."
    counted = money.pounds(position(figures).counted_pence)
    return (
        f"{held}, of which {money.pounds(figures.held_pence)} is set aside for card payments that have not cleared:"
        f" {counted} counts."
    )


def _over(figures: Figures) -> str:
    weeks = "1 week" if figures.threshold_weeks == 1 else f"{figures.threshold_weeks} weeks"
    gross = figures.weekly_gross_pence
    excess = surplus.excess_pence(position(figures), figures.threshold_weeks)
    return (
        f"{weeks} of {money.pounds(gross)} gross a week is {money.pounds(figures.threshold_weeks * gross)},"
        f" so the balance is {money.pounds(excess)} over."
    )


def _cycle(figures: Figures) -> str:
    threshold = figures.threshold_weeks * figures.weekly_gross_pence
    lowest = (
        f"At its lowest in the {CYCLE_DAYS} days to that day, on {_day(figures.low_point_on)}, it stood at"
        f" {money.pounds(figures.low_point_pence)}"
    )
    if reading(low_point_pence=figures.low_point_pence, threshold_pence=threshold) is Reading.SURPLUS_ALL_CYCLE:
        return f"{lowest}, which is also over: more was held than the policy allows on every day of the payment cycle."
    if figures.last_load_on is None or figures.last_load_pence is None:
        return f"{lowest}, which is not over."
    load = f"{money.pounds(figures.last_load_pence)} on {_day(figures.last_load_on)}"
    return f"{lowest}, which is not over; the last load was {load}."


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
