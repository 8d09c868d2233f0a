"""From kept bytes to rows: the format finds them, the profile says what they mean, a card number stops its row."""

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Final

import structlog

from services.card_ingest import events, scanning
from services.card_ingest.events import BadRow, Row, UnusableEvent
from services.card_ingest.formats import csv_file, json_batch, ndjson
from services.card_ingest.formats.csv_file import Line
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import mapping
from services.card_ingest.profiles.mapping import Layout
from services.card_ingest.profiles.profile import CsvProfile, JsonProfile, Profile
from services.card_ingest.reasons import Reason

log: Final = structlog.get_logger("dp.card_ingest.reading")


def count(profile: Profile, content: BinaryIO, *, account_ref: str | None, received_on: date) -> int:
    """Count the rows of a delivery before anything of it is stored.

    Raises UnreadableDelivery or WrongHeading or RepeatedHeading where it cannot be read as a whole, or holds no row.
    """
    if isinstance(profile, CsvProfile):
        heading, lines = csv_file.rows(content, encoding=profile.encoding, delimiter=profile.delimiter)
        mapping.layout(profile, heading, account_ref=account_ref, received_on=received_on)
        found = sum(1 for _ in lines)
    else:
        found = json_batch.count(content) if isinstance(profile, JsonProfile) else ndjson.count(content)
    if not found:
        raise UnreadableDelivery("empty_delivery", "the delivery holds no row")
    return found


def rows(
    profile: Profile, content: BinaryIO, *, account_ref: str | None, received_on: date, is_redacted: bool
) -> Iterator[Row]:
    """Yield every row, numbered from 1 in the order of the delivery (a heading is no row).

    `is_redacted` tells that card numbers were found in the content and destroyed; their rows are stopped here.
    """
    if isinstance(profile, CsvProfile):
        heading, lines = csv_file.rows(content, encoding=profile.encoding, delimiter=profile.delimiter)
        file = mapping.layout(profile, heading, account_ref=account_ref, received_on=received_on)
        for number, line in enumerate(lines, 1):
            yield _csv_row(file, line, number=number, is_redacted=is_redacted)
        return
    raw_rows = json_batch.rows(content) if isinstance(profile, JsonProfile) else ndjson.rows(content)
    for number, raw in enumerate(raw_rows, 1):
        try:
            row = events.read_json(raw, number=number, received_on=received_on, account_ref=account_ref)
        except Exception as fault:
            row = _unforeseen(fault, raw, number=number)
        yield _without_card_number(row) if is_redacted and scanning.was_redacted(raw) else row


def _csv_row(file: Layout, line: Line, *, number: int, is_redacted: bool) -> Row:
    try:
        if line.is_cut_off or _may_be_cut(file, line):
            raise UnusableEvent(Reason.CUT_OFF)
        if line.fields is None:
            raise UnusableEvent(Reason.UNREADABLE_ROW)
        row: Row = mapping.read(file, line.fields, number=number)
    except UnusableEvent as trouble:
        row = events.bad_row(trouble, number=number, delivered_pence=_pence_within(file, line), content=line.raw)
    except Exception as fault:
        row = _unforeseen(fault, line.raw, number=number)
    return _without_card_number(row) if is_redacted and scanning.was_redacted(line.raw) else row


def _may_be_cut(file: Layout, line: Line) -> bool:
    """Tell whether the last line may lack digits of its amount: of 12.50 may be left 12.5, or 1."""
    return not line.is_ended and line.fields is not None and file.ends_in("amount", width=len(line.fields))


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
        return None if line.fields is None or _may_be_cut(file, line) else mapping.stated_pence(file, line.fields)
    except UnusableEvent:
        return None


def _without_card_number(row: Row) -> BadRow:
    """Return the row as one that may not be read on: of it, only the amount is taken."""
    trouble = UnusableEvent(Reason.CARD_NUMBER_IN_ROW)
    return events.bad_row(trouble, number=row.number, delivered_pence=row.delivered_pence, content=None)
