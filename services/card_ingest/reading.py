"""From kept bytes to rows: the format finds them, the profile says what they mean, a card number stops its row."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain, islice
from typing import BinaryIO, Final, TypeGuard

import structlog

from services.card_ingest import events, json_events, scanning, stopped, values
from services.card_ingest.complete_days import Ordinals, Survey
from services.card_ingest.events import BadRow, ReadRow, Row, UnusableEvent
from services.card_ingest.formats import camt, csv_file, json_batch, json_tree, mt940, ndjson, spreadsheet
from services.card_ingest.formats.csv_file import Line
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import amounts, event_mapping, headings, statement_mapping, table, unread_currencies
from services.card_ingest.profiles.ending import Ending
from services.card_ingest.profiles.event_form import JsonEventsProfile
from services.card_ingest.profiles.headings import Layout, WrongHeading
from services.card_ingest.profiles.mapping import NO_ID, Reader
from services.card_ingest.profiles.profile import JsonProfile, Profile
from services.card_ingest.profiles.statement_form import Camt053Profile, Mt940Profile, StatementProfile
from services.card_ingest.profiles.table import TableProfile, XlsProfile, XlsxProfile
from services.card_ingest.profiles.totals import Totals
from services.card_ingest.profiles.unread_currencies import UnreadCurrencies
from services.card_ingest.reasons import Reason
from services.card_ingest.scanning import Identifiers
from services.card_ingest.statements import Item, StatementRow
from services.card_ingest.values import Form

log: Final = structlog.get_logger("dp.card_ingest.reading")


@dataclass(frozen=True, slots=True)
class _Given:
    """What is known of a whole delivery: the account that the sender named, the day on which it came, and whether card
    numbers were found in it and destroyed.
    """

    account_ref: str | None
    received_on: date
    is_redacted: bool


def count(profile: Profile, content: BinaryIO, *, account_ref: str | None, received_on: date) -> int:
    """Count the rows of a delivery before anything of it is stored.

    Raises UnreadableDelivery or WrongHeading or RepeatedHeading where it cannot be read as a whole, or holds no row.
    """
    if isinstance(profile, TableProfile):
        _, lines = _table(profile, content, account_ref=account_ref, received_on=received_on)
        found = sum(1 for _ in lines)
    elif isinstance(profile, StatementProfile):
        are_rows = [isinstance(item, StatementRow) for item in statement_items(profile, content)]
        if are_rows:  # A statement without entries states its balances all the same.
            return sum(are_rows)
        found = 0
    elif isinstance(profile, JsonEventsProfile):
        found = json_tree.count(content, path=profile.events)
    else:
        found = json_batch.count(content) if isinstance(profile, JsonProfile) else ndjson.count(content)
    if not found:
        raise UnreadableDelivery("empty_delivery", "the delivery holds no row")
    return found


_ENOUGH_TO_TELL: Final = 1_000
LARGEST_TRANSLATED_BYTES: Final = 64 * 2**20
"""The largest workbook, or file in UTF-16: it is made text in memory, as a whole."""


def is_translated(profile: TableProfile) -> bool:
    """Tell whether files of a layout are made text before they are scanned, kept and read."""
    return isinstance(profile, XlsxProfile | XlsProfile) or "utf-16" in table.encodings(profile)


def translated(profile: TableProfile, raw: bytes) -> bytes:
    """Return the text of a workbook's cells, or of a file in UTF-16; of any other the bytes as they are.

    Raises UnreadableDelivery.
    """
    if len(raw) > LARGEST_TRANSLATED_BYTES:
        raise UnreadableDelivery("workbook_too_large", "the file is larger than one of its layout may be")
    if isinstance(profile, XlsxProfile):
        return spreadsheet.as_text(raw, kind="xlsx", sheet=profile.sheet)
    if isinstance(profile, XlsProfile):
        return spreadsheet.as_text(raw, kind="xls", sheet=profile.sheet)
    if not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if b"\0" in raw[:_ENOUGH_TO_TELL]:
            raise UnreadableDelivery("wrong_encoding", "the file is UTF-16 without the byte order mark at its start")
        return raw
    try:
        return raw.decode("utf-16").encode()
    except UnicodeError:
        raise UnreadableDelivery("wrong_encoding", "the file is not UTF-16 text") from None


def form(profile: Profile | TableProfile) -> Form:
    """Return how a layout's files tell one value from the next, for the scan."""
    if isinstance(profile, TableProfile):
        return values.Cells(table.delimiter(profile).encode())
    if isinstance(profile, Mt940Profile):
        return values.SWIFT_FIELDS
    return values.MARKUP if isinstance(profile, StatementProfile) else values.TEXT


def identifiers(
    profile: Profile, content: BinaryIO, *, account_ref: str | None, received_on: date
) -> Identifiers | None:
    """Return the columns that the profile declares to hold identifiers, where they stand in this file."""
    if not isinstance(profile, TableProfile) or not profile.identifiers:
        return None
    file, _ = _table(profile, content, account_ref=account_ref, received_on=received_on)
    return Identifiers(table.delimiter(profile), file.identifiers)


def survey(
    profile: Profile, content: BinaryIO, *, account_ref: str | None, received_on: date, is_redacted: bool, rows: int
) -> Survey | None:
    """Return what a delivery without ids of its own covers; None for any other. `rows` is how many it has."""
    if not isinstance(profile, TableProfile | StatementProfile) or profile.identity.covers is None:
        return None
    found = Survey(profile.identity.covers, rows=rows)
    given = _Given(account_ref, received_on, is_redacted)
    for row in _rows_as_named(profile, content, given):
        if _is_nameless(row) and row.waits is None:
            found.note(row)
    found.end()
    return found


def rows(
    profile: Profile,
    content: BinaryIO,
    *,
    account_ref: str | None,
    received_on: date,
    is_redacted: bool,
    surveyed: Survey | None = None,
) -> Iterator[Row]:
    """Yield every row, numbered from 1 in the order of the delivery (a heading is no row).

    `is_redacted` tells that card numbers were found in the content and destroyed; their rows are stopped here. Rows
    without ids are told apart in little memory where the delivery has been surveyed.
    """
    if isinstance(profile, TableProfile | StatementProfile):
        found = _rows_as_named(profile, content, _Given(account_ref, received_on, is_redacted))
        has_ids = isinstance(profile, TableProfile) and profile.identity.columns
        yield from found if has_ids else _told_apart(found, surveyed)
        return
    read = json_events.read
    if isinstance(profile, JsonEventsProfile):
        raw_rows, read = json_tree.rows(content, path=profile.events), partial(event_mapping.read, profile)
    else:
        raw_rows = json_batch.rows(content) if isinstance(profile, JsonProfile) else ndjson.rows(content)
    for number, raw in enumerate(raw_rows, 1):
        try:
            row = read(raw, number=number, received_on=received_on, account_ref=account_ref)
        except Exception as fault:
            row = _unforeseen(fault, raw, number=number)
        yield stopped.row(row) if is_redacted and scanning.was_redacted(raw) else row


def statement_items(profile: StatementProfile, content: BinaryIO) -> Iterator[Item]:
    """Yield the rows of bank statements, and the end of each. Raises UnreadableDelivery."""
    if isinstance(profile, Mt940Profile):
        return mt940.items(content)
    return camt.items(content, message="053" if isinstance(profile, Camt053Profile) else "054")


def balances(
    profile: TableProfile, content: BinaryIO, *, account_ref: str | None, received_on: date
) -> Iterator[tuple[ReadRow, int | None]]:
    """Yield each row of a table that can be read beside the account's balance after it, None where none is stated."""
    file, lines = _table(profile, content, account_ref=account_ref, received_on=received_on)
    for line, row in _table_rows(file, lines):
        if isinstance(row, ReadRow) and line.fields is not None:
            yield row, amounts.balance_pence(file, line.fields)


def _table(
    profile: TableProfile, content: BinaryIO, *, account_ref: str | None, received_on: date
) -> tuple[Layout, Iterator[Line]]:
    def is_heading(names: list[str]) -> bool:
        try:
            headings.find(profile, names, account_ref=account_ref, received_on=received_on)
        except WrongHeading:
            return False
        return True

    names, lines = csv_file.rows(
        content,
        encodings=["utf-8" if each == "utf-16" else each for each in table.encodings(profile)],
        delimiter=table.delimiter(profile),
        within_lines=profile.headings.within_lines,
        is_heading=is_heading,
    )
    return headings.find(profile, names, account_ref=account_ref, received_on=received_on), lines


def _rows_as_named(profile: TableProfile | StatementProfile, content: BinaryIO, given: _Given) -> Iterator[Row]:
    """Yield every row as the file names it: those that it gives no id have none yet."""
    if isinstance(profile, TableProfile):
        file, lines = _table(profile, content, account_ref=given.account_ref, received_on=given.received_on)
        own = form(profile)
        for line, row in _table_rows(file, lines):
            yield stopped.row(row) if given.is_redacted and scanning.was_redacted(line.raw, form=own) else row
        return
    items = statement_items(profile, content)
    told = statement_mapping.rows(profile, items, account_ref=given.account_ref, received_on=given.received_on)
    for row, item in told:
        yield stopped.entry(row, item) if given.is_redacted else row


def _is_nameless(row: Row) -> TypeGuard[ReadRow]:
    return isinstance(row, ReadRow) and row.event.provider_transaction_id == NO_ID


def _table_rows(file: Layout, lines: Iterator[Line]) -> Iterator[tuple[Line, Row]]:
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
        row = _table_row(file, reader, line, number=number, is_cut_off=is_cut_off)
        if totals.take(line.fields, row):
            trouble = UnusableEvent(Reason.TOTALS_LINE)
            row = events.bad_row(trouble, number=number, delivered_pence=row.delivered_pence, content=line.raw)
        elif isinstance(row, ReadRow) and line.fields and (heading := unread.otherwise(line.fields)) is not None:
            row = events.stopped(row, Reason.CURRENCY_COLUMN_UNREAD, field=heading)
        yield line, row


def _told_apart(found: Iterator[Row], surveyed: Survey | None) -> Iterator[Row]:
    ordinals = Ordinals(None if surveyed is None else surveyed.repeats)
    return (ordinals.told_apart(row) if _is_nameless(row) else row for row in found)


def _table_row(file: Layout, reader: Reader, line: Line, *, number: int, is_cut_off: bool) -> Row:
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
        return _unforeseen(fault, line.raw, number=number)


def _unforeseen(fault: Exception, raw: bytes, *, number: int) -> BadRow:
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
