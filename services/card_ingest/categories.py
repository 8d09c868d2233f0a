"""What public money was spent on: a category for each posted event, by the council's dated rules.

A rule for the transaction type goes before a rule for the merchant category code (MCC). Money that comes back (a
refund, a reversal, a chargeback) takes the category of its MCC, so that it lessens what was spent there. An unknown MCC
is kept with the transaction, which stays uncategorised.

Council policy: `category_rule` holds the rules; the first ones came with the schema.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from services.shared.vocabulary import SpendCategory, TransactionType

_COMES_BACK: Final = frozenset(
    {
        TransactionType.REFUND,
        TransactionType.REVERSAL,
        TransactionType.CHARGEBACK,
        TransactionType.DIRECT_DEBIT_BOUNCE,
    }
)


class Choice(NamedTuple):
    """A category, and the rule that chose it (None where no rule holds)."""

    category: str
    rule_id: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in force from a day until a later one with the same key; the key is a transaction type or an MCC."""

    id: int
    key: str
    category: str
    effective_from: date


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule by its key; which one holds from which day is worked out once for each type and MCC that comes."""

    by_key: Mapping[str, Sequence[Rule]]
    timelines: dict[tuple[TransactionType, str | None], list[tuple[date, Choice]]]

    def choose(self, type_: TransactionType, mcc: str | None, booked_on: date) -> Choice:
        """Return the category of an event booked on a day."""
        timeline = self.timelines.get((type_, mcc))
        if timeline is None:
            timeline = self.timelines[type_, mcc] = self._timeline(type_, mcc)
        return next(choice for start, choice in timeline if start <= booked_on)

    def _timeline(self, type_: TransactionType, mcc: str | None) -> list[tuple[date, Choice]]:
        """Return what holds from which day on, the latest first."""
        by_type, by_mcc = self.by_key.get(type_.value, ()), self.by_key.get(mcc, ()) if mcc else ()
        starts = {date.min, *(rule.effective_from for rule in (*by_type, *by_mcc))}
        return [(start, _chosen(type_, by_type, by_mcc, start)) for start in sorted(starts, reverse=True)]


def rules(found: Iterable[Rule]) -> Rules:
    """Put rules in the order in which they are asked."""
    by_key: dict[str, list[Rule]] = {}
    for rule in found:
        by_key.setdefault(rule.key, []).append(rule)
    return Rules(by_key, {})


def _chosen(type_: TransactionType, by_type: Sequence[Rule], by_mcc: Sequence[Rule], on: date) -> Choice:
    for dated in (by_type, by_mcc):
        in_force = [rule for rule in dated if rule.effective_from <= on]
        if in_force:
            latest = max(in_force, key=lambda rule: rule.effective_from)
            return Choice(latest.category, latest.id)
    otherwise = SpendCategory.REFUND if type_ in _COMES_BACK else SpendCategory.UNCATEGORISED
    return Choice(otherwise.value, None)
