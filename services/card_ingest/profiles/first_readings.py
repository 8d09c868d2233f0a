"""Rows without ids as the layouts read them that a provider used before: by the first that can, a row stays known.

What a new version reads otherwise would else make every row another one, and post it twice. A row to which an earlier
layout gives an id of its own has that one.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeGuard

import msgspec

from services.card_ingest import events
from services.card_ingest.events import ReadRow, Row, UnusableEvent
from services.card_ingest.profiles import headings, statement_mapping
from services.card_ingest.profiles.headings import RepeatedHeading, WrongHeading
from services.card_ingest.profiles.mapping import NO_ID, Reader
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.profiles.statement_form import StatementProfile
from services.card_ingest.profiles.table import TableProfile
from services.card_ingest.statements import Item, StatementRow


class FirstReading:
    """Reads the rows of a table by the first of several layouts that can."""

    def __init__(self, readers: Sequence[Reader]) -> None:
        self._readers = readers

    def read(self, fields: Sequence[str] | None, *, number: int) -> ReadRow | None:
        """Return the row as the first layout reads it, None where none of them can."""
        for reader in self._readers if fields is not None else ():
            try:
                return reader.read(fields or (), number=number)
            except UnusableEvent:
                continue
        return None


def of_table(
    earlier: Iterable[Profile], heading: Sequence[str], *, account_ref: str | None, received_on: date
) -> FirstReading | None:
    """Return the reading of a table with this heading; None where no earlier layout finds its columns in it."""
    readers: list[Reader] = []
    for profile in earlier:
        if isinstance(profile, TableProfile):
            try:
                file = headings.find(profile, heading, account_ref=account_ref, received_on=received_on)
            except (WrongHeading, RepeatedHeading):
                continue
            readers.append(Reader(file))
    return FirstReading(readers) if readers else None


def of_statements(
    earlier: Iterable[Profile],
    profile: StatementProfile,
    items: Iterable[Item],
    *,
    account_ref: str | None,
    received_on: date,
) -> Iterator[tuple[Row, StatementRow, ReadRow | None]]:
    """Yield each row of statements with what it was read from, and as the first of the earlier layouts reads it."""
    layouts = [profile, *(each for each in earlier if isinstance(each, StatementProfile))]
    copies = itertools.tee(items, len(layouts))  # Read in step: what is kept between them is one item.
    readings = [
        statement_mapping.rows(layout, copy, account_ref=account_ref, received_on=received_on)
        for layout, copy in zip(layouts, copies, strict=True)
    ]
    for (row, item), *before in zip(*readings, strict=True):
        yield row, item, next((known for known, _ in before if isinstance(known, ReadRow)), None)


def is_nameless(row: Row) -> TypeGuard[ReadRow]:
    """Tell whether a row can be read and has no id yet."""
    return isinstance(row, ReadRow) and row.event.provider_transaction_id == NO_ID


def settled(row: Row, first: ReadRow | None) -> tuple[Row, ReadRow | None]:
    """Return a row beside the first reading of it, None where there is none; without an id it has one that the first
    reading gives it.
    """
    if first is None or not is_nameless(row):
        return row, first
    return (row, first) if is_nameless(first) else (events.named(row, first.event.provider_transaction_id), None)


def known_as(row: Row, first: ReadRow, next_id: Callable[[bytes], str]) -> Row:
    """Return a row with the id that the first reading gives it, which has none of its own for it: the next one of its
    content.
    """
    name = next_id(first.digest) if is_nameless(first) else first.event.provider_transaction_id
    if not isinstance(row, ReadRow) or row.event.provider_transaction_id == name:
        return row
    return msgspec.structs.replace(row, known_as=name)
