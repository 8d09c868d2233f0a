"""Which rows of a message tell again what has posted, which are new, and which nobody can tell apart.

Each message tells a payment once. So of two equal rows of one message each stands for a payment of its own, and a
payment is told again by at most one entry (or one set of its parts) of every other message, whichever comes first.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.card_ingest.matching import likeness
from services.card_ingest.matching.likeness import Likeness, Place, Told
from services.card_ingest.reasons import Reason


class Ground(StrEnum):
    """On what grounds two rows were found to tell of one payment."""

    REFERENCE = "reference"
    PAYEE = "payee"
    PARTS = "parts"
    EARLIER_LAYOUT = "earlier_layout"
    DECISION = "decision"


@dataclass(slots=True)
class Payment:
    """A posted row as its message told it, and what other messages have told of it since."""

    own: Told
    again: list[Told] = field(default_factory=list)

    @property
    def tellings(self) -> list[Told]:
        """Everything that was told of it, its own first."""
        return [self.own, *self.again]

    def is_open_to(self, new: Told) -> bool:
        """Tell whether a row may tell of it: its message has not yet, but for other details of the row's entry."""
        return self.own.source != new.source and all(
            told.entry == new.entry for told in self.again if told.source == new.source
        )


@dataclass(frozen=True, slots=True)
class Again:
    """A row tells again of what posted at these places."""

    places: tuple[Place, ...]
    ground: Ground


@dataclass(frozen=True, slots=True)
class Unclear:
    """A row may tell again of what posted at this place, or not."""

    place: Place
    reason: Reason


Verdict = Again | Unclear

_GROUNDS: Final = {Likeness.REFERENCE: Ground.REFERENCE, Likeness.PAYEE: Ground.PAYEE}


def judged(rows: Iterable[Told], payments: Iterable[Payment]) -> Mapping[Place, Verdict]:
    """Judge the rows of one delivery beside the payments of their accounts; a row without a verdict is new.

    A verdict on a row that was told again before is of one that has changed places with a new one.

    Council policy: one payment told by two messages posts once, two equal payments both post, and what cannot be told
    apart waits for people.
    """
    accounts = defaultdict[UUID, tuple[list[Told], list[Payment]]](lambda: ([], []))
    for row in rows:
        accounts[row.account_id][0].append(row)
    for payment in payments:
        accounts[payment.own.account_id][1].append(payment)
    verdicts: dict[Place, Verdict] = {}
    for told, posted in accounts.values():
        if told and posted:
            verdicts |= _Judge(told, posted).verdicts()
    return verdicts


class _Judge:
    """Judges the rows of one account, the surest matches first."""

    def __init__(self, rows: Sequence[Told], payments: Sequence[Payment]) -> None:
        self._rows, self._payments = rows, payments
        self._entries: dict[tuple[int, int], list[Payment]] = defaultdict(list)
        for payment in payments:
            self._entries[payment.own.entry].append(payment)
        self._found: dict[Place, Verdict] = {}

    def verdicts(self) -> dict[Place, Verdict]:
        """Return the verdicts by the rows' places."""
        self._match(Likeness.REFERENCE)
        self._match_sums()
        self._match(Likeness.PAYEE)
        for row in self._open():
            if (unclear := self._unclear(row)) is not None:
                self._found[row.place] = unclear
        return self._found

    def _open(self) -> list[Told]:
        return [row for row in self._rows if row.place not in self._found]

    def _match(self, least: Likeness) -> None:
        for row in self._open():
            entry = self._same_entry(row, least)
            if entry is not None:
                self._take(row, entry, _GROUNDS[least])
            else:
                self._place(row, least, seen=set())

    def _same_entry(self, row: Told, least: Likeness) -> list[Payment] | None:
        """Return the payments of an entry that is as a whole what the row's entry is, where either has details."""
        found = [
            (abs((row.booked_on - posted[0].own.booked_on).days), key)
            for key, posted in self._entries.items()
            if self._is_same_sum(row, posted)
            and all(each.is_open_to(row) for each in posted)
            and _likeness_of_entry(row, posted) >= least
        ]
        return self._entries[min(found)[1]] if found else None

    def _is_same_sum(self, row: Told, posted: Sequence[Payment]) -> bool:
        """Tell whether a row's entry has the amount of another, of which every detail has posted, and which of the two
        has details.
        """
        has_details = len(posted) > 1 or not row.is_whole
        return has_details and row.entry_pence == posted[0].own.entry_pence == _sum(posted)

    def _place(self, row: Told, least: Likeness, *, seen: set[Place]) -> bool:
        """Match a row with one payment; one that another row of its message took, if that finds itself another."""
        fitting = [payment for payment, like in self._equal(row) if like >= least]
        for payment in fitting:
            if payment.own.place not in seen and payment.is_open_to(row):
                self._take(row, [payment], self._ground(row, payment))
                return True
        for payment in fitting:
            other = next((told for told in payment.again if told.source == row.source), None)
            if other is None or payment.own.place in seen or other.effect_pence != row.effect_pence:
                continue
            seen.add(payment.own.place)
            payment.again.remove(other)
            if self._place(other, Likeness.PAYEE, seen=seen):
                self._take(row, [payment], self._ground(row, payment))
                return True
            payment.again.append(other)
        return False

    def _equal(self, row: Told) -> Iterator[tuple[Payment, Likeness]]:
        """Yield the payments of the row's amount by other messages, the most alike and nearest first."""
        found = [
            (likeness.of(row, tellings=payment.tellings), payment)
            for payment in self._payments
            if payment.own.effect_pence == row.effect_pence and payment.own.source != row.source
        ]
        found.sort(key=lambda pair: (-pair[0], abs((row.booked_on - pair[1].own.booked_on).days), pair[1].own.place))
        return ((payment, like) for like, payment in found)

    def _ground(self, row: Told, payment: Payment) -> Ground:
        return _GROUNDS[likeness.of(row, tellings=payment.tellings)]

    def _match_sums(self) -> None:
        """Match a row with several payments that together are it, and several rows that together are a payment."""
        for row in self._open():
            sources: dict[str, list[Payment]] = defaultdict(list)
            for payment in self._payments:
                if payment.is_open_to(row) and any(likeness.shares_batch(row, told) for told in payment.tellings):
                    sources[payment.own.source].append(payment)
            whole = [parts for parts in sources.values() if len(parts) > 1 and _sum(parts) == row.effect_pence]
            if whole:
                self._take(row, whole[0], Ground.PARTS)
        for payment in self._payments:
            parts = [row for row in self._open() if payment.is_open_to(row) and likeness.shares_batch(row, payment.own)]
            if len(parts) > 1 and sum(row.effect_pence for row in parts) == payment.own.effect_pence:
                for row in parts:
                    self._take(row, [payment], Ground.PARTS)

    def _unclear(self, row: Told) -> Unclear | None:
        for payment, like in self._equal(row):
            if like is Likeness.UNCLEAR and payment.is_open_to(row):
                return Unclear(payment.own.place, Reason.MAY_BE_TOLD_TWICE)
        for posted in self._entries.values():
            is_open = all(each.is_open_to(row) for each in posted)
            if is_open and self._is_same_sum(row, posted) and _likeness_of_entry(row, posted) is Likeness.UNCLEAR:
                return Unclear(posted[0].own.place, Reason.MAY_BE_TOLD_TWICE)
        for payment in self._payments:
            is_same_way = (payment.own.effect_pence > 0) == (row.effect_pence > 0)
            if is_same_way and payment.is_open_to(row) and likeness.shares_booking(row, payment.own):
                return Unclear(payment.own.place, Reason.TOLD_IN_PART)
        return None

    def _take(self, row: Told, payments: Sequence[Payment], ground: Ground) -> None:
        for payment in payments:
            payment.again.append(row)
        self._found[row.place] = Again(tuple(payment.own.place for payment in payments), ground)


def _likeness_of_entry(row: Told, posted: Sequence[Payment]) -> Likeness:
    """Tell how alike a row is to an entry: one reference is enough, and of payees all must be the same."""
    alike = [likeness.of(row, tellings=each.tellings) for each in posted]
    if Likeness.REFERENCE in alike or min(alike) == max(alike):
        return max(alike)
    return Likeness.UNCLEAR


def _sum(payments: Sequence[Payment]) -> int:
    return sum(payment.own.effect_pence for payment in payments)
