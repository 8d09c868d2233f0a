"""Which rule decides on an event: of payee, merchant, merchant category code (MCC) and transaction type the first that
has one in force on the booking day.

Money that comes back (a refund, a reversal, a chargeback) is asked about like money spent, so that it lessens what was
spent there. An unknown MCC is kept with the transaction, which stays uncategorised.

Council policy: `category_rule` holds the rules; the first ones came with the schema.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import Final, NamedTuple
from uuid import UUID

from services.card_ingest.categories import chains, merchants
from services.shared.vocabulary.money import SpendCategory, TransactionType

REGISTERED_ASSISTANT: Final = "registered personal assistant"
MONEY_MANAGER: Final = "money manager of the agreement"
"""What stands for a payee's name in the rules for payees that the council has registered for the account's person;
lower case, as no cleaned name is.
"""

TRANSFERS: Final = frozenset(
    {
        TransactionType.FASTER_PAYMENT_OUT,
        TransactionType.FASTER_PAYMENT_IN,
        TransactionType.BACS_OUT,
        TransactionType.STANDING_ORDER,
        TransactionType.DIRECT_DEBIT,
        TransactionType.DIRECT_DEBIT_BOUNCE,
    }
)
"""Types that move money between an account and a payee; what a card pays goes to a merchant."""

COMES_BACK: Final = frozenset(
    {
        TransactionType.REFUND,
        TransactionType.REVERSAL,
        TransactionType.CHARGEBACK,
        TransactionType.DIRECT_DEBIT_BOUNCE,
    }
)
BUYS_NOTHING: Final = frozenset(
    {
        TransactionType.LOAD,
        TransactionType.CONTRIBUTION_IN,
        TransactionType.ATM_WITHDRAWAL,
        TransactionType.CASHBACK,
        TransactionType.QUASI_CASH,
        TransactionType.FEE,
        TransactionType.UNLOAD,
    }
)
"""Types whose event says what became of the money: cash from a supermarket's machine is no shopping, whatever the name
and code of the machine. Neither a merchant's rule nor a code's is asked for them.
"""

MOST_CHOSEN: Final = 20_000
"""Kinds of event whose choice is remembered at once, so that a file of any size needs no more memory."""


class Choice(NamedTuple):
    """A category, the rule that chose it (None where no rule holds), and who was paid, cleaned and grouped.

    `is_transfer` says that it was a payee, who may be registered for the account.
    """

    category: str
    rule_id: int | None
    payee: str | None
    is_transfer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule in force from a day until a later one with the same key, which is one of the four (and the account)."""

    id: int
    category: str
    effective_from: date
    mcc: str | None = None
    type: str | None = None
    merchant: str | None = None
    payee: str | None = None
    account_id: UUID | None = None


Dated = Sequence[Rule]
"""The rules of one key, the latest first."""

Timeline = Sequence[tuple[date, Choice]]
"""What is chosen from which day on, the latest first."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule that holds for all accounts, by its key; which one decides is worked out once for each kind of event
    that comes.
    """

    by_mcc: Mapping[str, Dated]
    by_type: Mapping[str, Dated]
    by_payee: Mapping[str, Dated]
    by_first_word: Mapping[str, Sequence[tuple[merchants.Words, Dated]]]
    chosen: dict[tuple[str, str | None, str | None], Timeline] = field(default_factory=dict, compare=False)

    def choose(self, type_: TransactionType, mcc: str | None, name: str | None, booked_on: date) -> Choice:
        """Return the category of an event booked on a day; `name` is its merchant's or payee's, as it was delivered.

        What the council has registered for one account goes before it, and is looked up where events are posted.
        """
        timeline = self.chosen.get((type_._value_, mcc, name))
        if timeline is None:
            timeline = self._remembered(type_, mcc, name)
        start, choice = timeline[0]
        if start <= booked_on:
            return choice
        return next(choice for start, choice in timeline if start <= booked_on)

    def registered(self, payee: str, booked_on: date) -> Rule | None:
        """Return the rule in force for payees that the council has registered, by the word that stands for them."""
        return _in_force(self.by_payee.get(payee, ()), booked_on)

    def _remembered(self, type_: TransactionType, mcc: str | None, name: str | None) -> Timeline:
        if len(self.chosen) >= MOST_CHOSEN:
            self.chosen.clear()
        timeline = self.chosen[type_._value_, mcc, name] = self._timeline(type_, mcc, name)
        return timeline

    def _timeline(self, type_: TransactionType, mcc: str | None, name: str | None) -> Timeline:
        payee = payee_of(type_, mcc, name)
        levels = list(self._levels(type_, mcc, payee))
        starts = {date.min, *(rule.effective_from for dated in levels for rule in dated)}
        has_payee = payee is not None and is_transfer(type_, mcc)
        decided = [(start, _decided(type_, levels, start)) for start in sorted(starts, reverse=True)]
        return [(start, Choice(category, rule_id, payee, has_payee)) for start, (category, rule_id) in decided]

    def _levels(self, type_: TransactionType, mcc: str | None, payee: str | None) -> Iterator[Dated]:
        """Yield the rules that may decide, in the order in which they are asked."""
        if payee is not None and is_transfer(type_, mcc):
            yield self.by_payee.get(payee, ())
        if type_ not in BUYS_NOTHING:
            yield from self._of_merchant(payee)
            yield self.by_mcc.get(mcc, ()) if mcc else ()
        yield self.by_type.get(type_.value, ())

    def _of_merchant(self, payee: str | None) -> Iterator[Dated]:
        """Yield the rules whose words the name holds: more words first, then those that stand earlier."""
        words = tuple(payee.split()) if payee else ()
        found = [
            (-len(wanted), place, dated)
            for place, word in enumerate(words)
            for wanted, dated in self.by_first_word.get(word, ())
            if words[place : place + len(wanted)] == wanted
        ]
        for _, _, dated in sorted(found, key=lambda each: each[:2]):
            yield dated


def in_order(found: Iterable[Rule]) -> Rules:
    """Put rules in the order in which they are asked; those of single accounts are not among them.

    Council policy: account's payee, registered payee, payee, merchant, MCC, type.
    """
    keyed: dict[str, dict[str, list[Rule]]] = {name: {} for name in ("mcc", "type", "payee", "merchant")}
    for rule in sorted(found, key=attrgetter("effective_from"), reverse=True):
        if rule.account_id is None:
            name = next(name for name in keyed if getattr(rule, name) is not None)
            keyed[name].setdefault(getattr(rule, name), []).append(rule)
    by_first_word: dict[str, list[tuple[merchants.Words, Dated]]] = {}
    for words, dated in ((tuple(merchant.split()), dated) for merchant, dated in keyed["merchant"].items()):
        by_first_word.setdefault(words[0], []).append((words, dated))
    return Rules(keyed["mcc"], keyed["type"], keyed["payee"], by_first_word)


def is_transfer(type_: TransactionType, mcc: str | None) -> bool:
    """Tell whether the event's other side is a payee and no merchant; a reversal without a code is a transfer's.

    Council policy: payees are who money is transferred to.
    """
    return type_ in TRANSFERS or (type_ is TransactionType.REVERSAL and mcc is None)


def payee_of(type_: TransactionType, mcc: str | None, name: str | None) -> str | None:
    """Return the merchant of an event cleaned and grouped, or the payee of a transfer as given.

    Council policy: a chain is one merchant; a person's name is left alone.
    """
    if name is None:
        return None
    return merchants.counterparty(name) if is_transfer(type_, mcc) else merchants.cleaned(name)


@lru_cache(maxsize=merchants.KEPT_NAMES)
def is_persons_name(payee: str, registered: str) -> bool:
    """Tell whether a payee is the person registered: the first and the last of their names stand in it, in any order.

    Titles do not count, nor does it whether a bank writes accents, or O BRIEN for O'Brien. An initial is not enough,
    also where the register has no more: a relative in the same household, whom the regulations keep from being paid,
    has the same surname and may have the same initial.

    Source: Care and Support (Direct Payments) Regulations 2014 (SI 2014/2871), reg. 3.
    """
    names = [name for name in merchants.plain_words(registered) if name not in chains.TITLES]
    if len(names) < 2 or len(names[0]) == 1 or len(names[-1]) == 1:
        return False
    words = merchants.plain_words(payee)
    if names[0] == names[-1]:
        return words.count(names[0]) > 1
    return {names[0], names[-1]} <= {*words, *(one + next_ for one, next_ in pairwise(words))}


@lru_cache(maxsize=merchants.KEPT_NAMES)
def is_organisation(payee: str, registered: str) -> bool:
    """Tell whether a payee is the organisation registered: its name stands in the payee's, word for word.

    Council policy: a money manager's fee goes to the money manager whom the agreement names.
    """
    wanted = (merchants.counterparty(registered) or "").split()
    return bool(wanted) and merchants.holds_words(payee.split(), wanted)


def _in_force(dated: Dated, on: date) -> Rule | None:
    return next((rule for rule in dated if rule.effective_from <= on), None)


def _decided(type_: TransactionType, levels: Sequence[Dated], on: date) -> tuple[str, int | None]:
    """Return what the first rule in force says; but what is as good as cash is no shopping, whoever's counter gave it.

    So a code whose rule says cash goes before the merchant's name.
    """
    in_force = [rule for dated in levels if (rule := _in_force(dated, on)) is not None]
    if not in_force:
        otherwise = SpendCategory.REFUND if type_ in COMES_BACK else SpendCategory.UNCATEGORISED
        return otherwise.value, None
    cash = [rule for rule in in_force if rule.mcc is not None and rule.category == SpendCategory.CASH]
    rule = cash[0] if cash and in_force[0].merchant is not None else in_force[0]
    return rule.category, rule.id
