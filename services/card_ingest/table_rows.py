"""The rows of a table, line by line: its heading found, each line read by the layout or told why it cannot be."""

from collections.abc import Iterator
from datetime import date
from itertools import chain, islice
from typing import BinaryIO, Final

import structlog

from services.card_ingest import events
from services.card_ingest.events import BadRow, ReadRow, Row, UnusableEvent
from services.card_ingest.formats import csv_file
from services.card_ingest.formats.csv_file import Line
from services.card_ingest.profiles import amounts, headings, table, unread_currencies
from services.card_ingest.profiles.ending import Ending
from services.card_ingest.profiles.headings import Layout, WrongHeading
from services.card_ingest.profiles.mapping import Reader
from services.card_ingest.profiles.table import TableProfile
from services.card_ingest.profiles.totals import Totals
from services.card_ingest.profiles.unread_currencies import UnreadCurrencies
from services.card_ingest.reasons import Reason

log: Final = structlog.get_logger("dp.card_ingest.reading")


def opened(
    profile: TableProfile, content: BinaryIO, *, account_ref: str | None, received_on: date
) -> tuple[list[str], Layout, Iterator[Line]]:
    """Return the heading of a table, where its columns stand, and the lines below it."""

    def is_heading(names: list[str]) -> bool:
        try:
            headings.find(profile, names, account_ref=account_ref, received_on=received_on)
        except WrongHeading:
            return False
        return True

    heading, lines = csv_file.rows(
        content,
        encodings=["utf-8" if each == "utf-16" else each for each in table.encodings(profile)],
        delimiter=table.delimiter(profile),
        within_lines=profile.headings.within_lines,
        is_heading=is_heading,
    )
    return heading, headings.find(profile, heading, account_ref=account_ref, received_on=received_on), lines


def rows(file: Layout, lines: Iterator[Line]) -> Iterator[tuple[Line, Row]]:
    """Yield every line beside what is read of it; a totals line is no row that could post."""
    ending: Ending | None = None
    reader, totals, unread = Reader(file), Totals(file), UnreadCurrencies(file)
    first = list(islice(lines, unread_currencies.ENOUGH_TO_TELL))
    unread.look_at([line.fields for line in first if line.fields is not None])
    for number, line in enumerate(chain(first, lines), 1):
        is_cut_off = line.is_cut_off
        if line.fields is not None:
            ending = ending or Ending(file, width=len(line.fields))
            if not line.is_ended:
                is_cut_off = ending.may_be_cut(line.fields, line.raw)
            elif ending.decides:
                ending.note(line.fields)
        row = _row(file, reader, line, number=number, is_cut_off=is_cut_off)
        if totals.take(line.fields, row):
            trouble = UnusableEvent(Reason.TOTALS_LINE)
            row = events.bad_row(trouble, number=number, delivered_pence=row.delivered_pence, content=line.raw)
        elif isinstance(row, ReadRow) and line.fields and (heading := unread.otherwise(line.fields)) is not None:
            row = events.stopped(row, Reason.CURRENCY_COLUMN_UNREAD, field=heading)
        yield line, row


def _row(file: Layout, reader: Reader, line: Line, *, number: int, is_cut_off: bool) -> Row:
    try:
        if is_cut_off:
            raise UnusableEvent(Reason.CUT_OFF)
        if line.fields is None:
            raise UnusableEvent(Reason.UNREADABLE_ROW)
        return reader.read(line.fields, number=number)
    except UnusableEvent as trouble:
        pence = None if is_cut_off else _pence_within(file, line)
        return events.bad_row(trouble, number=number, delivered_pence=pence, content=line.raw)
    except Exception as fault:
        return unforeseen(fault, line.raw, number=number)


def unforeseen(fault: Exception, raw: bytes, *, number: int) -> BadRow:
    """Return the row that our own reading failed on: it waits alone, and the rest of its delivery posts.

    The log tells the kind and place of the fault; what it says might repeat the row.
    """
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = None if trace is None else f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
    log.error("row_not_read", row=number, error=type(fault).__name__, at=place)
    return events.bad_row(UnusableEvent(Reason.UNREADABLE_ROW), number=number, delivered_pence=None, content=raw)


def _pence_within(file: Layout, line: Line) -> int | None:
    try:
        return None if line.fields is None else amounts.stated_pence(file, line.fields)
    except UnusableEvent:
        return None
