"""What a bank statement says, whatever its layout: rows as they stand in the file, and a statement's own balances.

Amounts are decimals in the statement's own currency, never floats; days and times are the text of the file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

LONGEST_AMOUNT: Final = 24
"""Characters of an amount: 18 digits, a sign, a point and room; whatever is longer is no amount."""

_AMOUNT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """A row of a statement: an entry, or one of the details that an entry is the sum of.

    `is_credit` is None where the file does not say it. `references` are the file's own names for its references, those
    of the row before those of its entry, `booked` and `valued` ISO days or times (empty where there is none). `account`
    gives the ways in which the file names the account. `entry` counts the statement's entries; `entry_amount` (signed,
    None if unreadable) and `entry_references` are the whole entry's, also where the row is a detail of it. `raw` is the
    row as it came, or written down again; `is_cut_off` tells that the file ends within it.
    """

    raw: bytes
    account: Mapping[str, str]
    amount: str
    currency: str
    is_credit: bool | None
    is_reversal: bool
    status: str
    booked: str
    valued: str
    occurred: str
    references: Mapping[str, str]
    counterparty: str
    remittance: str
    code: str
    entry: int
    entry_amount: Decimal | None
    entry_references: Mapping[str, str]
    is_cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """A stated balance: its kind (`OPBD`, `CLBD`, `60F` ...), signed amount (None if unreadable), currency and day."""

    kind: str
    amount: Decimal | None
    currency: str
    on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEnd:
    """The end of a statement: what it said about itself, and what its entries moved.

    `moved` sums the booked entries, signed, by currency and value day (the text of the file, empty where there is
    none); `entries` counts them, `unread` those of them whose amount or direction cannot be read.
    """

    account: Mapping[str, str]
    reference: str
    sequence: str
    balances: Sequence[Balance]
    moved: Mapping[tuple[str, str], Decimal]
    entries: int
    unread: int


class Moved:
    """Booked entries of a statement, summed up as they come."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], Decimal] = {}
        self.entries = self.unread = 0

    def add(self, amount: Decimal | None, *, currency: str, valued: str) -> None:
        """Add an entry; its amount is None where it cannot be read."""
        self.entries += 1
        if amount is None:
            self.unread += 1
            return
        key = (currency, valued[:10])
        self.sums[key] = self.sums.get(key, Decimal()) + amount


Item: TypeAlias = StatementRow | StatementEnd


def decimal_of(text: str) -> Decimal | None:
    """Return the amount that a decimal text with a point states, exactly; None for anything else."""
    trimmed = text.strip()
    if len(trimmed) > LONGEST_AMOUNT or not _AMOUNT.fullmatch(trimmed):
        return None
    return Decimal(trimmed)


def signed(amount: Decimal | None, *, is_credit: bool | None) -> Decimal | None:
    """Return what an amount does to the account's balance; None where amount or direction is not known."""
    if amount is None or is_credit is None:
        return None
    return amount if is_credit else -amount
