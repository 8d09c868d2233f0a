"""How each person spends: a main kind of support by care group or personal assistants' wages, and a few things beside
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

from services.demo import streams
from services.demo.awards import CYCLE_DAYS, Award
from services.demo.payees import CASH_MACHINE, QUERIED, TRADES, Payee
from services.shared.vocabulary.money import SpendCategory, TransactionType
from services.shared.vocabulary.people import CareGroup

WAGE_TAX_SHARE: Final = 0.06
_PURCHASES: Final = frozenset({TransactionType.PURCHASE_POS, TransactionType.PURCHASE_ECOM})
_MAIN: Final[Mapping[CareGroup, Mapping[SpendCategory, float]]] = MappingProxyType(
    {
        CareGroup.OLDER_PEOPLE: {
            SpendCategory.HOME_CARE: 70,
            SpendCategory.DAY_CARE: 15,
            SpendCategory.DOMESTIC: 12,
            SpendCategory.SUPPORTED_LIVING: 3,
        },
        CareGroup.LEARNING_DISABILITIES: {
            SpendCategory.DAY_CARE: 50,
            SpendCategory.SUPPORTED_LIVING: 20,
            SpendCategory.SOCIAL_ACTIVITIES: 12,
            SpendCategory.HOME_CARE: 10,
            SpendCategory.RESPITE: 8,
        },
        CareGroup.PHYSICAL_DISABILITIES: {
            SpendCategory.HOME_CARE: 65,
            SpendCategory.DOMESTIC: 15,
            SpendCategory.DAY_CARE: 12,
            SpendCategory.AIDS_AND_ADAPTATIONS: 8,
        },
        CareGroup.MENTAL_HEALTH: {
            SpendCategory.SOCIAL_ACTIVITIES: 30,
            SpendCategory.HOME_CARE: 30,
            SpendCategory.DAY_CARE: 15,
            SpendCategory.DOMESTIC: 15,
            SpendCategory.LEISURE: 10,
        },
        CareGroup.CARERS: {
            SpendCategory.DOMESTIC: 30,
            SpendCategory.LEISURE: 25,
            SpendCategory.RESPITE: 25,
            SpendCategory.RETAIL_HOUSEHOLD: 20,
        },
    }
)
_BESIDE: Final = MappingProxyType(
    {
        SpendCategory.TRAVEL: 25.0,
        SpendCategory.RETAIL_HOUSEHOLD: 22.0,
        SpendCategory.LEISURE: 16.0,
        SpendCategory.SOCIAL_ACTIVITIES: 14.0,
        SpendCategory.DOMESTIC: 10.0,
        SpendCategory.TOURISM: 8.0,
        SpendCategory.AIDS_AND_ADAPTATIONS: 5.0,
    }
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing that is paid for: its share of what a payment cycle spends, how often in it, and from which day of
    it.
    """

    payee: Payee
    means: TransactionType
    share: float
    times: int
    first_day: int
    is_wage: bool = False

    @property
    def is_purchase(self) -> bool:
        """Whether it is paid at a till or online, so that sums differ from time to time."""
        return self.means in _PURCHASES


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something small that happens now and then, with its chance in a cycle and its usual size in pence."""

    payee: Payee
    means: TransactionType
    chance: float
    pence: int


def outgoings(random: Random, award: Award, *, wages_to: Sequence[str]) -> tuple[Outgoing, ...]:
    """Return what the award is spent on; the shares sum to 1."""
    cycle_pence = award.weekly_gross_pence * 4
    left = 1.0
    drawn: list[Outgoing] = []
    if wages_to:
        left = random.uniform(0.1, 0.22)
        drawn += _wages(random, wages_to, share=1 - left)
    else:
        left = random.uniform(0.12, 0.3)
        main = streams.weighted(random, _MAIN[award.person.care_group])
        drawn.append(_outgoing(random, main, share=1 - left, cycle_pence=cycle_pence))
    beside = {streams.weighted(random, _BESIDE) for _ in range(random.choice((1, 1, 2)))}
    drawn += [_outgoing(random, kind, share=left / len(beside), cycle_pence=cycle_pence) for kind in sorted(beside)]
    return tuple(drawn)


def oddities(random: Random, award: Award) -> tuple[Oddity, ...]:
    """Return the account's rarer habits: cash, with or without permission, and purchases that somebody will query."""
    found: list[Oddity] = []
    if award.cash_reason or random.random() < 0.006:
        found.append(Oddity(CASH_MACHINE, TransactionType.ATM_WITHDRAWAL, 0.5 if award.cash_reason else 0.15, 3_000))
    if random.random() < 0.006:
        found.append(Oddity(random.choice(QUERIED), TransactionType.PURCHASE_POS, 0.3, 1_500))
    return tuple(found)


def _wages(random: Random, wages_to: Sequence[str], *, share: float) -> list[Outgoing]:
    """Return the wages of each personal assistant, weekly or four-weekly, by transfer or standing order."""
    times = random.choice((1, 1, 4))
    means = random.choice((TransactionType.FASTER_PAYMENT_OUT, TransactionType.STANDING_ORDER))
    first_day = random.randint(2, 5) if times == 4 else random.randint(2, 16)
    return [Outgoing(Payee(name, None), means, share / len(wages_to), times, first_day, True) for name in wages_to]


def _outgoing(random: Random, kind: SpendCategory, *, share: float, cycle_pence: int) -> Outgoing:
    trade = TRADES[kind]
    payee = random.choice(trade.payees)
    if trade.means in _PURCHASES:
        times = min(3, max(1, round(cycle_pence * share / trade.usual_pence)))
    else:
        times = random.choice((1, 2, 4, 4)) if cycle_pence * share > 2 * trade.usual_pence else 1
    return Outgoing(payee, trade.means, share, times, random.randrange(1, max(2, CYCLE_DAYS // max(times, 2))))
