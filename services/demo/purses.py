"""An account lived through: payment cycle after payment cycle, what comes in, what is meant to be left, what is spent.

A healthy account ends each cycle with a small buffer and whatever tax it has put by; an account with a surplus climbs
to the figure that its award was given. Nothing is spent that is not there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from services.demo import income, outgoings, streams
from services.demo.accounts import KESTREL
from services.demo.awards import CYCLE_DAYS, Award, Temper
from services.demo.income import ContributionHabit
from services.demo.movements import Movement
from services.demo.outgoings import Oddity, Outgoing
from services.demo.spending import Spending
from services.shared.vocabulary.agreements import AgreementStatus

_TAX_MONTHS: Final = frozenset({1, 4, 7, 10})
_TAX_DAY: Final = 22
_LEAST_SPENT: Final = 0.03
_PATHS: Final = (0.7, 1.0, 1.0, 1.6)


@dataclass(slots=True)
class Purse:
    """One account's state while the county is made; `until` hands out its movements in the order of days."""

    award: Award
    outgoings: tuple[Outgoing, ...]
    oddities: tuple[Oddity, ...]
    today: date
    random: Random
    paying: ContributionHabit
    buffer_weeks: float
    path: float
    next_cycle_on: date
    balance_pence: int = 0
    tax_pence: int = 0
    last_number: int = 0
    pending: list[Movement] = field(default_factory=list)
    owed_in: list[tuple[date, int]] = field(default_factory=list)

    def until(self, day: date) -> list[Movement]:
        """Return the movements before `day` that were not returned yet, in order."""
        while self.next_cycle_on < day:
            self._live_a_cycle()
        self.pending.sort()
        ready = next((place for place, movement in enumerate(self.pending) if movement.on >= day), len(self.pending))
        movements, self.pending = self.pending[:ready], self.pending[ready:]
        return movements

    def _live_a_cycle(self) -> None:
        start, end = self.next_cycle_on, self.next_cycle_on + timedelta(days=CYCLE_DAYS)
        self.next_cycle_on = end
        award = self.award
        load = income.load_pence(self.random, award, start)
        self.owed_in += income.contributions(self.random, award, self.paying, start)
        arriving = [owed for owed in self.owed_in if owed[0] < end]
        self.owed_in = [owed for owed in self.owed_in if owed[0] >= end]
        spending = Spending(award, self.random, self.balance_pence, self.last_number, has_fees=_has_fees(award))
        spending.take_in(start, load, arriving)
        self._spend(spending, start, came_in=load + sum(pence for _, pence in arriving))
        self.pending += spending.movements
        self.balance_pence, self.last_number = spending.balance_pence, spending.last_number

    def _spend(self, spending: Spending, start: date, *, came_in: int) -> None:
        award, stopped_on = self.award, self.award.stopped_on
        if stopped_on is not None and start >= stopped_on:
            if award.status is AgreementStatus.ENDED and start >= stopped_on + timedelta(days=14):
                spending.take_back(start + timedelta(days=9))
            else:
                spending.settle()
            return
        tax = self._tax_due(start)
        meant = self.balance_pence + came_in - self._meant_to_be_left(start) - tax
        goal = max(round(came_in * _LEAST_SPENT), meant) if came_in else 0
        wages = round(goal * sum(paid.share for paid in self.outgoings if paid.is_wage))
        self.tax_pence += round(wages * outgoings.WAGE_TAX_SHARE) - tax
        if wages:
            goal -= round(wages * outgoings.WAGE_TAX_SHARE)
            spending.pay_employer_costs(start, tax_pence=tax, tax_on=_tax_day(start))
        spending.pay_money_manager(start)
        spending.spend(start, goal, self.outgoings, self.oddities)
        spending.settle()

    def _tax_due(self, start: date) -> int:
        return self.tax_pence if _tax_day(start) else 0

    def _meant_to_be_left(self, start: date) -> int:
        """Return the pence that this cycle is meant to end with."""
        award = self.award
        if award.temper is Temper.HEALTHY:
            return round(self.buffer_weeks * award.weekly_gross_pence) + self.tax_pence
        last_day = min(self.today, award.stopped_on or self.today)
        cycles = max(1, -(-(last_day - award.anchor_on).days // CYCLE_DAYS))
        lived = (start - award.anchor_on).days // CYCLE_DAYS + 1
        elapsed = ((last_day - award.anchor_on).days % CYCLE_DAYS or CYCLE_DAYS) / CYCLE_DAYS
        before = math.pow((cycles - 1) / cycles, self.path)
        wanted = (4 + award.surplus_weeks) * award.weekly_gross_pence
        loaded = 4 * award.rates[-1].weekly_net_pence
        final = max(0.0, wanted - (1 - elapsed) * loaded) / ((1 - elapsed) * before + elapsed)
        return round(final * math.pow(min(1.0, lived / cycles), self.path))


def purse(award: Award, *, seed: int, wages_to: tuple[str, ...], today: date) -> Purse:
    """Return an award's account as it stands before its first cycle."""
    random = streams.stream(seed, "purse", award.number)
    habits = streams.stream(seed, "habits", award.number)
    return Purse(
        award=award,
        outgoings=outgoings.outgoings(habits, award, wages_to=wages_to),
        oddities=outgoings.oddities(streams.stream(seed, "oddities", award.number), award),
        today=today,
        random=random,
        paying=income.habit(habits),
        buffer_weeks=habits.uniform(0.05, 0.4),
        path=habits.choice(_PATHS),
        next_cycle_on=award.anchor_on,
    )


def purses(awards: Sequence[Award], *, seed: int, wages_to: Mapping[int, tuple[str, ...]], today: date) -> list[Purse]:
    """Return the purse of every award that has an account."""
    return [
        purse(award, seed=seed, wages_to=wages_to.get(award.number, ()), today=today)
        for award in awards
        if award.account is not None
    ]


def _has_fees(award: Award) -> bool:
    return award.account is not None and award.account.provider_code == KESTREL


def _tax_day(start: date) -> date | None:
    """Return the day of the cycle on which a quarter's PAYE is due, if one falls into it."""
    for day in range(CYCLE_DAYS):
        on = start + timedelta(days=day)
        if on.day == _TAX_DAY and on.month in _TAX_MONTHS:
            return on
    return None
