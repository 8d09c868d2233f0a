"""How alike what one message tells is to what another has told: the same payment, another one, or not to be told apart.

Two messages need not write a payment alike: a statement has the bank's reference of the entry, a notification those of
its details, an MT940 the first sixteen characters of either.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Final, TypeAlias
from uuid import UUID

Place: TypeAlias = tuple[int, int]
"""A row's delivery and own number."""

REFERENCE_DAYS: Final = {"AcctSvcrRef": 5, "TxId": 5, "UETR": 5, "EndToEndId": 2, "InstrId": 2, "NtryRef": 0}
"""How many days apart two messages may book what bears the same reference: a bank's is one payment's for good, a
payer's may come again with the next standing order, an entry's number comes again in the next statement.
"""

BATCH_REFERENCES: Final = frozenset({"AcctSvcrRef", "PmtInfId", "TxId", "EndToEndId"})
"""References that several payments booked as one may share with it."""

WINDOW_DAYS: Final = max(REFERENCE_DAYS.values())

_TELLS_APART: Final = ("AcctSvcrRef", "TxId", "UETR", "EndToEndId", "InstrId")
_CUT_OFF: Final = 16


class Likeness(IntEnum):
    """From another payment to the same one."""

    DIFFERENT = 0
    UNCLEAR = 1
    PAYEE = 2
    REFERENCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A row of a message: where it stands, which layout read it, whose it is, and what it says of the payment.

    `entry` is its delivery's number and its entry's own; `entry_pence` the effect of that entry as a whole.
    """

    place: Place
    source: str
    account_id: UUID
    effect_pence: int
    booked_on: date
    entry: tuple[int, int]
    entry_pence: int
    references: frozenset[tuple[str, str]]
    payee: str | None

    @property
    def is_whole(self) -> bool:
        """Whether the row is its whole entry."""
        return self.effect_pence == self.entry_pence


def of(new: Told, *, tellings: Sequence[Told]) -> Likeness:
    """Tell how alike a row is to a payment, of which the tellings are known.

    Council policy: a payment is told again where account, direction and amount agree, and either a reference within its
    days, or the payee on the same day while no reference says otherwise.
    """
    days = abs((new.booked_on - tellings[0].booked_on).days)
    if days > WINDOW_DAYS:
        return Likeness.DIFFERENT
    shared = {name for told in tellings for name in _shared(new, told)}
    if any(days <= REFERENCE_DAYS.get(name, -1) for name in shared):
        return Likeness.REFERENCE
    if any(_contradicts(new, told) for told in tellings):
        return Likeness.DIFFERENT
    payees = [told.payee for told in tellings if told.payee]
    if new.payee and payees:
        if new.payee in payees:
            return Likeness.UNCLEAR if days else Likeness.PAYEE
        if not any(set(new.payee.split()) & set(payee.split()) for payee in payees):
            return Likeness.DIFFERENT
    return Likeness.UNCLEAR


def shares_batch(new: Told, told: Told) -> bool:
    """Tell whether two rows bear a reference that payments booked as one share with it, within the days.

    Council policy: a payment is told again where several together make its amount and bear its reference.
    """
    names = _shared(new, told) & BATCH_REFERENCES
    return bool(names) and abs((new.booked_on - told.booked_on).days) <= WINDOW_DAYS


def shares_booking(new: Told, told: Told) -> bool:
    """Tell whether two rows bear the bank's reference of one booking, within the days.

    Council policy: what bears the reference of a booking that has posted with another amount waits for people.
    """
    return "AcctSvcrRef" in _shared(new, told) and abs((new.booked_on - told.booked_on).days) <= WINDOW_DAYS


def payee_of(name: str | None) -> str | None:
    """Return a payee's name as two messages may both have it: its words alone, in small letters."""
    plain = unicodedata.normalize("NFKC", name or "").casefold()
    return " ".join(re.findall(r"\w+", plain)) or None


def _shared(one: Told, other: Told) -> set[str]:
    """Return the names of the references that both have with one text; one that was kept without its name has any."""
    pairs = ((a, b, text) for a, text in one.references for b, same in other.references if _is_same(text, same))
    return {a if b in {a, _ANY} else b for a, b, _ in pairs if a == b or _ANY in {a, b}}


_ANY: Final = "Known"
"""The name of references of rows that were posted before tellings were kept."""


def _is_same(one: str, other: str) -> bool:
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) == _CUT_OFF and longer.startswith(shorter)


def _contradicts(one: Told, other: Told) -> bool:
    """Tell whether both have a reference of a name that tells payments apart, and not the same."""
    for name in _TELLS_APART:
        mine = [text for each, text in one.references if each == name]
        others = [text for each, text in other.references if each == name]
        if mine and others and not any(_is_same(a, b) for a in mine for b in others):
            return True
    return False
