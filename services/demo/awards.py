"""What an award is, as plain values: the agreement, its rates by the day they start, the account with its cards, and
its temper.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.demo.population import Person
from services.shared.vocabulary.agreements import AccountKind, AgreementKind, AgreementStatus, LegalBasis
from services.shared.vocabulary.people import CareGroup

# Budgets of 2017/18 by care group, in pence a year for 2,700 people (Direct Payments Development Plan 2018-2023, s.7).
PUBLISHED_RECIPIENTS: Final = 2_700
YEAR_GROSS_PENCE: Final[Mapping[CareGroup, int]] = MappingProxyType(
    {
        CareGroup.LEARNING_DISABILITIES: 328_482_500,
        CareGroup.PHYSICAL_DISABILITIES: 924_544_500,
        CareGroup.MENTAL_HEALTH: 344_766_500,
        CareGroup.OLDER_PEOPLE: 1_923_776_700,
        CareGroup.CARERS: 103_650_800,
    }
)
# Surplus over four weeks' gross that the Plan's table counts in 2017/18 (the same table).
PUBLISHED_SURPLUS_PENCE: Final = 252_572_400
CYCLE_DAYS: Final = 28


class Temper(StrEnum):
    """How an account is lived with: most spend each payment, some hold money back, for a reason that a person can
    find.
    """

    HEALTHY = "healthy"
    VACANCY = "personal assistant vacancy"
    STEPPED_DOWN = "needs less than it was set up for"
    OVER_COMMISSIONED = "more was awarded than is bought"
    AWAY = "hospital or away"


@dataclass(frozen=True, slots=True)
class Rate:
    """What the award is worth a week from a day on, in pence."""

    effective_from: date
    weekly_gross_pence: int
    weekly_contribution_pence: int
    weekly_nhs_pence: int
    reason: str

    @property
    def weekly_net_pence(self) -> int:
        """What the council pays out a week."""
        return self.weekly_gross_pence - self.weekly_contribution_pence


@dataclass(frozen=True, slots=True)
class CardPlan:
    """One card as its provider names it."""

    provider_card_ref: str
    last_four: str
    opened_on: date
    closed_on: date | None


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """Where the award is paid to; only prepaid accounts have cards, the newest last."""

    kind: AccountKind
    provider_code: str
    provider_account_ref: str
    last_four: str
    opened_on: date
    cards: tuple[CardPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """One person's direct payment; `anchor_on` is the first day of the window on which money is loaded."""

    person: Person
    kind: AgreementKind
    legal_basis: LegalBasis
    status: AgreementStatus
    holder_name: str | None
    money_manager: str | None
    cash_reason: str | None
    started_on: date
    first_payment_on: date
    anchor_on: date
    stopped_on: date | None
    stop_reason: str | None
    rates: tuple[Rate, ...]
    account: AccountPlan | None
    is_employer: bool
    temper: Temper
    surplus_weeks: float

    @property
    def number(self) -> int:
        """The person's place in the county's list, which is the award's too."""
        return self.person.number

    @property
    def weekly_gross_pence(self) -> int:
        """Today's rate: the last of the rates."""
        return self.rates[-1].weekly_gross_pence

    def rate_on(self, day: date) -> Rate:
        """Return the rate in force on a day; a day before the first rate has the first."""
        return next((rate for rate in reversed(self.rates) if rate.effective_from <= day), self.rates[0])

    def entitled_pence(self, first: date, *, days: int) -> int:
        """Return the net money for the days from `first` on, summed a day at a time at a seventh of the weekly net."""
        if self.rate_on(first) is self.rate_on(first + timedelta(days=days - 1)):
            return round(self.rate_on(first).weekly_net_pence * days / 7)
        return round(sum(self.rate_on(first + timedelta(days=day)).weekly_net_pence for day in range(days)) / 7)
