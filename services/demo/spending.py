"""One payment cycle of one account: the payments in the order of their days, against the money that is there.

A purchase that the money does not cover is declined, a direct debit bounces, a transfer is left for the next cycle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from services.demo.awards import CYCLE_DAYS, Award
from services.demo.movements import Movement
from services.demo.outgoings import Oddity, Outgoing
from services.demo.payees import MONEY_MANAGERS, TRADES, Payee
from services.shared.vocabulary.agreements import AccountKind
from services.shared.vocabulary.money import EventStatus, SpendCategory, TransactionType

_LOAD_SECOND: Final = 5 * 3_600
_CONTRIBUTION_SECOND: Final = 6 * 3_600
_BANK_SECOND: Final = 7 * 3_600
_SHOPS_OPEN, _SHOPS_CLOSE = 9 * 3_600, 18 * 3_600
_POS_FEE_PENCE: Final = 3
_TRANSFER_FEE_PENCE: Final = 20
_PURCHASES: Final = frozenset({TransactionType.PURCHASE_POS, TransactionType.PURCHASE_ECOM})
_HMRC: Final = TRADES[SpendCategory.HMRC_TAX]
_PAYROLL: Final = TRADES[SpendCategory.PAYROLL_OR_SUPPORT_FEE]
_PENSION: Final = TRADES[SpendCategory.PENSION]
_INSURANCE: Final = TRADES[SpendCategory.INSURANCE]
_STANDING: Final = TransactionType.STANDING_ORDER


@dataclass(slots=True)
class Spending:
    """A cycle while it is made: plans gathered by day, then settled in that order; what happened is in `movements`."""

    award: Award
    random: Random
    balance_pence: int
    last_number: int
    has_fees: bool
    plans: list[tuple[date, int, TransactionType, int, Payee | None]] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)

    @property
    def _is_card(self) -> bool:
        account = self.award.account
        return account is not None and account.kind is AccountKind.PREPAID_CARD

    def take_in(self, start: date, load_pence: int, contributions: Sequence[tuple[date, int]]) -> None:
        """Plan the load and the contributions that arrive."""
        if load_pence:
            self.plans.append((start, _LOAD_SECOND, TransactionType.LOAD, load_pence, None))
        for on, pence in contributions:
            self.plans.append((on, _CONTRIBUTION_SECOND, TransactionType.CONTRIBUTION_IN, pence, None))

    def take_back(self, on: date) -> None:
        """Settle what is planned and let the council take the rest back (an ended award)."""
        self.settle()
        if self.balance_pence > 0:
            self._post(on, _LOAD_SECOND, TransactionType.UNLOAD, self.balance_pence, None)

    def pay_employer_costs(self, start: date, *, tax_pence: int, tax_on: date | None) -> None:
        """Plan PAYE when its quarter is due, the payroll bureau, a pension for some, and insurance once a year."""
        if tax_on and tax_pence:
            self.plans.append((tax_on, _BANK_SECOND, _HMRC.means, tax_pence, _HMRC.payees[0]))
        choose = self.award.number
        bureau = _PAYROLL.payees[choose % len(_PAYROLL.payees)]
        self.plans.append((start + timedelta(days=20), _BANK_SECOND, _PAYROLL.means, 1_400 + choose % 5 * 200, bureau))
        if choose % 10 < 3:
            pence = max(300, self.award.weekly_gross_pence // 9)
            self.plans.append((start + timedelta(days=21), _BANK_SECOND, _PENSION.means, pence, _PENSION.payees[0]))
        if start.month == choose % 12 + 1 and start.day <= CYCLE_DAYS:
            insurer = _INSURANCE.payees[choose % len(_INSURANCE.payees)]
            self.plans.append(
                (start + timedelta(days=5), _BANK_SECOND, _INSURANCE.means, 6_100 + choose % 4 * 900, insurer)
            )

    def pay_money_manager(self, start: date) -> None:
        """Plan the four weeks' fee of a third-party money manager."""
        name = self.award.money_manager
        if name is not None:
            pence = 4 * MONEY_MANAGERS[name]
            self.plans.append((start + timedelta(days=1), _BANK_SECOND, _STANDING, pence, Payee(name, None)))

    def spend(self, start: date, goal_pence: int, paid: Sequence[Outgoing], oddities: Sequence[Oddity]) -> None:
        """Plan the cycle's spending, so that all of it together comes to the goal less what is planned already."""
        stopped_on = self.award.stopped_on
        planned = sum(plan[3] for plan in self.plans if plan[2] in (_PAYROLL.means, _INSURANCE.means, _STANDING))
        goal_pence = max(0, goal_pence - planned)
        for outgoing in paid:
            for on, pence in self._times(outgoing, start, round(goal_pence * outgoing.share)):
                if stopped_on is None or on < stopped_on:
                    self.plans.append((on, self._second(outgoing.means), outgoing.means, pence, outgoing.payee))
        for oddity in oddities:
            if self.random.random() < oddity.chance:
                on = start + timedelta(days=self.random.randrange(2, CYCLE_DAYS))
                pence = round(oddity.pence * self.random.uniform(0.5, 2) / 500) * 500
                self.plans.append((on, self._second(oddity.means), oddity.means, pence, oddity.payee))

    def settle(self) -> None:
        """Carry the plans out in the order of their days, as far as the money goes."""
        for on, second, kind, pence, payee in sorted(self.plans, key=lambda plan: plan[:2]):
            if kind in (TransactionType.LOAD, TransactionType.CONTRIBUTION_IN):
                self._post(on, second, kind, pence, payee)
            elif pence > self.balance_pence:
                self._fall_short(on, second, kind, pence, payee)
            elif kind in _PURCHASES:
                self._buy(on, second, kind, pence, payee)
            else:
                self._post(on, second, kind, pence, payee)
                self._charge(on, second, _TRANSFER_FEE_PENCE)
        self.plans.clear()

    def _times(self, outgoing: Outgoing, start: date, pence: int) -> list[tuple[date, int]]:
        """Return the days and sums of one outgoing; what a till takes differs from time to time, a bill does not."""
        times = outgoing.times if pence >= 500 * outgoing.times else 1
        if pence < 100:
            return []
        weights = [self.random.uniform(0.6, 1.4) if outgoing.is_purchase else 1.0 for _ in range(times)]
        sums = [round(pence * weight / sum(weights)) for weight in weights]
        sums[-1] += pence - sum(sums)
        step = CYCLE_DAYS // times
        jitter = self.random.randrange(step) if outgoing.is_purchase else 0
        first = (outgoing.first_day + jitter) % step if times > 1 else outgoing.first_day
        return [(start + timedelta(days=first + place * step), amount) for place, amount in enumerate(sums)]

    def _second(self, means: TransactionType) -> int:
        if means in _PURCHASES or means is TransactionType.ATM_WITHDRAWAL:
            return self.random.randrange(_SHOPS_OPEN, _SHOPS_CLOSE)
        return _BANK_SECOND + self.random.randrange(1_800)

    def _buy(self, on: date, second: int, kind: TransactionType, pence: int, payee: Payee | None) -> None:
        """Pay at a till: mostly posted at once, now and then as an authorisation first; a few are refunded or
        reversed.
        """
        chance = self.random.random()
        if chance < 0.005 and self._is_card:
            self._authorise(on, second, kind, pence, payee)
            return
        number = self._post(on, second, kind, pence, payee, authorised=chance < 0.05 and self._is_card)
        self._charge(on, second, _POS_FEE_PENCE)
        if chance > 0.99:
            back_on = on + timedelta(days=self.random.randint(2, 9))
            is_reversal = chance > 0.997
            undone = TransactionType.REVERSAL if is_reversal else TransactionType.REFUND
            self._post(back_on, second, undone, pence if is_reversal else -(-pence // 2), payee, refers_to=number)

    def _authorise(self, on: date, second: int, kind: TransactionType, pence: int, payee: Payee | None) -> None:
        """Hold money for a purchase that never settles: it is given up after a week, or reversed by the merchant."""
        number = self._next()
        over = self.random.choice((EventStatus.EXPIRED, EventStatus.REVERSED))
        self._note(on, second, number, kind, EventStatus.AUTHORISED, pence, payee)
        self._note(on + timedelta(days=7), second, number, kind, over, pence, payee)

    def _fall_short(self, on: date, second: int, kind: TransactionType, pence: int, payee: Payee | None) -> None:
        if kind in _PURCHASES or kind is TransactionType.ATM_WITHDRAWAL:
            if self._is_card:  # A bank's statement tells of neither holds nor declines.
                self._note(on, second, self._next(), kind, EventStatus.DECLINED, pence, payee)
        elif kind is TransactionType.DIRECT_DEBIT:
            number = self._post(on, second, kind, pence, payee)
            self._post(on, second + 60, TransactionType.DIRECT_DEBIT_BOUNCE, pence, payee, refers_to=number)

    def _charge(self, on: date, second: int, pence: int) -> None:
        if self.has_fees and self.balance_pence >= pence:
            self._post(on, second + 1, TransactionType.FEE, pence, None)

    def _post(
        self,
        on: date,
        second: int,
        kind: TransactionType,
        pence: int,
        payee: Payee | None,
        *,
        authorised: bool = False,
        refers_to: int | None = None,
    ) -> int:
        number = self._next()
        if authorised:
            self._note(on, second, number, kind, EventStatus.AUTHORISED, pence, payee)
            on += timedelta(days=self.random.randint(1, 2))
        self._note(on, second, number, kind, EventStatus.POSTED, pence, payee, refers_to)
        self.balance_pence += self.movements[-1].effect_pence
        return number

    def _note(
        self,
        on: date,
        second: int,
        number: int,
        kind: TransactionType,
        status: EventStatus,
        pence: int,
        payee: Payee | None,
        refers_to: int | None = None,
    ) -> None:
        self.movements.append(Movement(on, second, number, kind, status, pence, payee, refers_to))

    def _next(self) -> int:
        self.last_number += 1
        return self.last_number
