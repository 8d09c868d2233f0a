"""What comes into an account: four-weekly loads in advance, net of the person's contribution, and the contributions
themselves.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from services.demo.awards import CYCLE_DAYS, Award

_WAYS: Final = {"weekly": 0.3, "four-weekly": 0.7}
_LATE: Final = 0.1
_CARELESS: Final = 0.07
_MISSED: Final = 0.45


@dataclass(frozen=True, slots=True)
class ContributionHabit:
    """How a person pays their contribution: every week or once a cycle, and whether payments tend to be left out."""

    is_weekly: bool
    is_careless: bool


def habit(random: Random) -> ContributionHabit:
    """Return a person's way of paying their contribution."""
    return ContributionHabit(is_weekly=random.random() < _WAYS["weekly"], is_careless=random.random() < _CARELESS)


def load_pence(random: Random, award: Award, start: date) -> int:
    """Return what is loaded for the cycle from `start`; after a death every other load still goes out once, by
    mistake.
    """
    stopped_on = award.stopped_on
    if stopped_on is None or start < stopped_on:
        return award.entitled_pence(start, days=CYCLE_DAYS)
    is_unnoticed = award.person.died_on is not None and (start - stopped_on).days < CYCLE_DAYS and random.random() < 0.5
    return award.entitled_pence(start, days=CYCLE_DAYS) if is_unnoticed else 0


def contributions(random: Random, award: Award, paying: ContributionHabit, start: date) -> list[tuple[date, int]]:
    """Return the day and pence of each contribution paid for the cycle from `start`; some come weeks late, some
    never.
    """
    step = 7 if paying.is_weekly else CYCLE_DAYS
    paid: list[tuple[date, int]] = []
    for first_day in range(0, CYCLE_DAYS, step):
        due_on = start + timedelta(days=first_day)
        pence = award.rate_on(due_on).weekly_contribution_pence * step // 7
        is_stopped = award.stopped_on is not None and due_on >= award.stopped_on
        if not pence or is_stopped or (paying.is_careless and random.random() < _MISSED):
            continue
        late = random.randint(6, 21) if random.random() < _LATE else random.randint(0, 2)
        paid.append((due_on + timedelta(days=late), pence))
    return paid
