"""Whether a statement adds up: what it said it opened with, and its entries, make what it said it closed with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from services.card_ingest.statements import Balance, StatementEnd
from services.shared import dates

OPENING: Final = ("OPBD", "60F", "60M", "PRCD")
CLOSING: Final = ("CLBD", "62F", "62M")
INTERIM: Final = "ITBD"
_OF_A_PAGE: Final = frozenset({"62M", INTERIM})
"""Closings of a page or of a moment: the account's day may go on after them, so they say nothing of its end."""
_LARGEST_PENCE: Final = 10**15
_LONGEST_SEQUENCE: Final = 18
_LONGEST_REFERENCE: Final = 200
_LONGEST_CURRENCY: Final = 3
_LONGEST_DAY: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A statement as it is kept: booked balances and the sum of its booked entries, in hundredths of its currency.

    `is_proved` is None where the statement does not say enough. What is not in whole hundredths is not stated; the
    currency is empty where none is named.
    """

    account_ref: str
    statement_ref: str | None
    sequence: int | None
    currency: str
    opening_on: date | None
    opening_pence: int | None
    closing_on: date | None
    closing_pence: int | None
    entries: int
    entries_pence: int
    is_proved: bool | None


def stated(end: StatementEnd, *, account_ref: str) -> Stated:
    """Return what is kept of a statement, judged.

    Source: ISO 20022, external balance type code set (OPBD, PRCD, CLBD, ITBD: booked; OPAV, CLAV: available), and SWIFT
    MT940, fields 60a and 62a.
    """
    opening, closing = _booked(end.balances)
    currency = next((each.currency for each in (closing, opening) if each is not None and each.currency), "")
    currency = currency or next((key[0] for key in end.moved if key[0]), "")
    entries = sum((amount for key, amount in end.moved.items() if key[0] == currency), Decimal())
    rounded = int((entries * 100).to_integral_value(ROUND_HALF_EVEN))
    return Stated(
        account_ref=account_ref,
        statement_ref=end.reference[:_LONGEST_REFERENCE] or None,
        sequence=_sequence(end.sequence),
        currency=currency[:_LONGEST_CURRENCY],
        opening_on=None if opening is None else _day(opening.on),
        opening_pence=None if opening is None else _pence(opening.amount),
        closing_on=None if closing is None or closing.kind in _OF_A_PAGE else _day(closing.on),
        closing_pence=None if closing is None else _pence(closing.amount),
        entries=end.entries,
        entries_pence=rounded if abs(rounded) < _LARGEST_PENCE else 0,
        is_proved=is_proved(end, opening=opening, closing=closing),
    )


def is_proved(end: StatementEnd, *, opening: Balance | None, closing: Balance | None) -> bool | None:
    """Tell whether opening and booked entries make closing; None where the statement does not say enough.

    Booked balances hold every booked entry, whatever its value date. Where only available balances are stated, the
    entries with a value date up to the closing day count; these balances may hold what no statement shows (an
    overdraft, an older entry whose value date has come), so that they can prove a statement and cannot disprove it.

    Source: ISO 20022, external balance type code set; camt.053 usage of booking and value dates.
    """
    if end.unread:
        return None
    if opening is not None and closing is not None and None not in (opening.amount, closing.amount):
        return _makes(end, opening, closing, up_to=None)
    available = [next((each for each in end.balances if each.kind == kind), None) for kind in ("OPAV", "CLAV")]
    if available[0] is None or available[1] is None or None in (available[0].amount, available[1].amount):
        return None
    return _makes(end, available[0], available[1], up_to=available[1].on[:10]) or None


def _makes(end: StatementEnd, opening: Balance, closing: Balance, *, up_to: str | None) -> bool | None:
    if opening.currency != closing.currency:
        return False
    if any(currency != opening.currency for currency, _ in end.moved):
        return None
    counted = (amount for (_, valued), amount in end.moved.items() if up_to is None or valued <= up_to)
    return (opening.amount or Decimal()) + sum(counted, Decimal()) == closing.amount


def _booked(balances: Sequence[Balance]) -> tuple[Balance | None, Balance | None]:
    """Return the booked balances at both ends; an interim one is the end of a page that has no other."""
    interim = [each for each in balances if each.kind == INTERIM]
    opening = next((each for kind in OPENING for each in balances if each.kind == kind), None)
    closing = next((each for kind in CLOSING for each in balances if each.kind == kind), None)
    if opening is None and interim and (closing is not None or len(interim) > 1):
        opening = interim.pop(0)
    if closing is None and interim and opening is not None:
        closing = interim[-1]
    return opening, closing


def _pence(amount: Decimal | None) -> int | None:
    pence = None if amount is None else amount * 100
    if pence is None or pence != pence.to_integral_value() or abs(pence) >= _LARGEST_PENCE:
        return None
    return int(pence)


def _day(text: str) -> date | None:
    """Return the Europe/London day of a day or time, as entries are booked."""
    try:
        if len(text) > _LONGEST_DAY and (moment := datetime.fromisoformat(text)).tzinfo is not None:
            return dates.london_date(moment)
        return date.fromisoformat(text[:_LONGEST_DAY])
    except (ValueError, OverflowError):
        return None


def _sequence(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_SEQUENCE else None
