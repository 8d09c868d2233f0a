"""Columns and fields that name a currency and that a layout leaves unread: where one says otherwise, the amount may not
be in pounds.

A column is such by its heading, or because all that stands in it are codes or signs of currencies; a field of an event
by its name, where it stands beside the amount or around it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from services.card_ingest import currencies
from services.card_ingest.profiles import event_tree
from services.card_ingest.profiles.event_form import EventKind, Paths
from services.card_ingest.profiles.headings import Layout

ENOUGH_TO_TELL: Final = 500
"""Rows that are looked at before the first is read: a column that names currencies does so in all of them."""


class UnreadCurrencies:
    """The unread columns of one file that name currencies, as its rows are read one by one."""

    def __init__(self, file: Layout) -> None:
        self._named = {place: heading for place, heading in file.unread.items() if currencies.is_name(heading)}
        self._others = {place: heading for place, heading in file.unread.items() if place not in self._named}

    def look_at(self, rows: Sequence[Sequence[str]]) -> None:
        """See the first rows, and leave out every column in which something else than currencies stands."""
        for place in list(self._others):
            if not _may_name(cell for fields in rows if (cell := fields[place].strip())):
                del self._others[place]

    def otherwise(self, fields: Sequence[str]) -> str | None:
        """Return the heading of a column in which a row says another currency than pounds, None where none does."""
        for place, heading in self._named.items():
            if currencies.says_otherwise(fields[place], heading=heading):
                return heading
        for place, heading in list(self._others.items()):
            cell = fields[place].strip()
            if cell and not currencies.is_code(cell) and not currencies.is_number(cell):
                del self._others[place]
            elif cell and currencies.code(cell) != currencies.POUNDS:
                return heading
        return None


def of_event(kind: EventKind, fields: Any) -> str | None:
    """Return the path of a field in which an event says another currency than pounds, None where none does."""
    read = {path for paths in (kind.currency, kind.merchant.currency) for path in _each(paths)}
    for path in _each(kind.amount.path):
        steps = path.split(".")[:-1]
        for size in range(len(steps) + 1):
            above = ".".join(steps[:size])
            for name, said in _named_beside(event_tree.value(fields, above)):
                place = f"{above}.{name}" if above else name
                if place not in read and currencies.says_otherwise(said, heading=name):
                    return place
    return None


def _each(paths: Paths | None) -> Sequence[str]:
    return [paths] if isinstance(paths, str) else paths or []


def _named_beside(beside: Any) -> Iterator[tuple[str, str]]:
    """Yield what the fields of an object say whose names are those of a currency; also what stands in one of them."""
    for name, said in beside.items() if isinstance(beside, dict) else ():
        if not currencies.is_name(name):
            continue
        inner = said.items() if isinstance(said, dict) else (("", said),)
        yield from (
            (f"{name}.{part}" if part else name, str(text))
            for part, text in inner
            if isinstance(text, str | int) and not isinstance(text, bool)
        )


def _may_name(cells: Iterable[str]) -> bool:
    """Tell whether all cells are codes or signs, or all are numbers of currencies and some are that of the pound.

    Nothing stands in a column of no cells yet: what comes later may name one.
    """
    seen = set(cells)
    if all(map(currencies.is_code, seen)):
        return True
    return all(map(currencies.is_number, seen)) and any(currencies.code(cell) == currencies.POUNDS for cell in seen)
