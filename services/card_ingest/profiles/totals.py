"""A totals line among the rows of a table: told with certainty, or not told, so that no row is guessed away.

It states the sums of the rows above it, or of those since the last such line. Beside that it says in a cell of its own
that it is a total, or it has no date or no account, and several rows stand above it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from services.card_ingest.events import ReadRow, Row, UnusableEvent
from services.card_ingest.profiles import amounts
from services.card_ingest.profiles.headings import Layout

_SAYS_TOTAL: Final = re.compile(r"(?:(?:grand|overall|report|sub)[ -]?)?totals?[ :.]*", re.IGNORECASE | re.ASCII)
_DIGIT: Final = re.compile(r"[0-9]")
_FEWEST: Final = 2
"""Rows of which a line can be the total that has all that a row has, or does not call itself one: of two purchases the
second may well cost the same.
"""


class Totals:
    """The sums of a file's rows, as they are read one by one, in pence as the file states them."""

    def __init__(self, file: Layout) -> None:
        self._file = file
        self._holders = tuple(name for name in ("account", "card") if name in file.places)
        self._rows = self._in = self._out = 0
        self._rows_before = self._in_before = self._out_before = 0
        self._is_known = True

    def take(self, fields: Sequence[str] | None, row: Row) -> bool:
        """Tell whether a row is a totals line; one that is not is counted among those that the next may be of."""
        pence = row.delivered_pence
        if type(row) is ReadRow:
            if fields is not None and self._is_sum(pence) and self._says_total(fields) and self._states_sums(fields):
                return self._begin_anew()
        elif fields is not None and self._is_known and self._is_no_row(fields) and self._states_sums(fields):
            return self._begin_anew()
        self._rows += 1
        if pence is None:
            self._is_known = False
        elif pence < 0:
            self._out -= pence
        else:
            self._in += pence
        return False

    def _is_sum(self, pence: int | None) -> bool:
        """Tell whether an amount is the sum of several rows: of all, or of those since the last totals line."""
        if self._rows >= _FEWEST and pence in _totals(self._in, self._out):
            return True
        since = _totals(self._in - self._in_before, self._out - self._out_before)
        return self._rows - self._rows_before >= _FEWEST and pence in since

    def _begin_anew(self) -> bool:
        self._rows_before, self._in_before, self._out_before = self._rows, self._in, self._out
        return True

    def _says_total(self, fields: Sequence[str]) -> bool:
        return any(_SAYS_TOTAL.fullmatch(cell.strip()) for cell in fields)

    def _is_no_row(self, fields: Sequence[str]) -> bool:
        """Tell whether what cannot be read is a total by its word, or lacks a date or an account below several rows."""
        cell = self._file.cell
        if self._rows >= _FEWEST:
            has_holder = all(cell(fields, name) for name in self._holders)
            if not has_holder or not _DIGIT.search(cell(fields, "booked")):
                return True
        return self._rows > 0 and self._says_total(fields)

    def _states_sums(self, fields: Sequence[str]) -> bool:
        """Tell whether what the row states is what the rows add up to, in each column that states any."""
        if not self._is_known:
            return False
        try:
            stated = amounts.column_pence(self._file, fields)
        except UnusableEvent:
            return False
        says_some = any(stated.values())
        return says_some and any(all(pence in sums[name] for name, pence in stated.items()) for sums in self._sums())

    def _sums(self) -> Iterator[dict[str, tuple[int, ...]]]:
        """Yield what each column adds up to, of all rows and of those since the last totals line."""
        for money_in, money_out in (
            (self._in, self._out),
            (self._in - self._in_before, self._out - self._out_before),
        ):
            net = money_in - money_out
            one = (net, -net, money_in + money_out) if "direction" in self._file.places else (net, -net)
            yield {"amount": one, "debit": (money_out,), "credit": (money_in,)}


def _totals(money_in: int, money_out: int) -> tuple[int, int, int, int]:
    """Return what a total of rows may say, what was spent also without its sign."""
    return money_in - money_out, money_out - money_in, money_in, -money_out
