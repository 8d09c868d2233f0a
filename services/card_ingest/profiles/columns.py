"""What a row's cells come to, remembered: a file says the same few days, words and shops over and over."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, TypeAlias, TypeVar

from services.card_ingest.profiles.headings import Layout

T = TypeVar("T")
Column: TypeAlias = Callable[[Sequence[str]], T]
"""What a row says of one thing. May raise UnusableEvent."""

MOST: Final = 8_192
LONGEST: Final = 100
"""Cells remembered of a column, and characters of one: a column of rare or long texts takes no room to speak of."""

_UNKNOWN: Final = object()


def remembered(file: Layout, names: Sequence[str], read: Column[T]) -> Column[T]:
    """Return the reading of some fields, which depends on nothing else of the row, done once for each content.

    What raises is read again each time.
    """
    places = [file.places[name][0] for name in names if name in file.places]
    pick: Callable[[Sequence[str]], Any] = itemgetter(*places) if places else _nothing
    known: dict[Any, Any] = {}
    recall = known.get

    def found(fields: Sequence[str]) -> T:
        cells = pick(fields)
        value = recall(cells, _UNKNOWN)
        if value is _UNKNOWN:
            value = read(fields)
            if sum(map(len, cells)) <= LONGEST:
                if len(known) >= MOST:
                    known.clear()
                known[cells] = value
        return value  # type: ignore[no-any-return]

    return found


def _nothing(_: Sequence[str]) -> str:
    return ""
