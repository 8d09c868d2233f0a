"""From kept bytes to rows: the format finds them, the profile says what they mean, a card number stops its row."""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import BinaryIO, Final

from services.card_ingest import json_events, scanning, stopped, table_rows, values
from services.card_ingest.complete_days import Ordinals, Survey
from services.card_ingest.events import ReadRow, Row
from services.card_ingest.formats import camt, json_batch, json_tree, mt940, ndjson, spreadsheet
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import amounts, event_mapping, first_readings, table
from services.card_ingest.profiles.event_form import JsonEventsProfile
from services.card_ingest.profiles.first_readings import is_nameless, settled
from services.card_ingest.profiles.profile import JsonProfile, Profile
from services.card_ingest.profiles.statement_form import Camt053Profile, Mt940Profile, StatementProfile
from services.card_ingest.profiles.table import TableProfile, XlsProfile, XlsxProfile
from services.card_ingest.scanning import Identifiers
from services.card_ingest.statements import Item, StatementRow
from services.card_ingest.values import Form


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
        *_, lines = table_rows.opened(profile, content, account_ref=account_ref, received_on=received_on)
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
    _, file, _ = table_rows.opened(profile, content, account_ref=account_ref, received_on=received_on)
    return Identifiers(table.delimiter(profile), file.identifiers)


def survey(
    profile: Profile,
    content: BinaryIO,
    *,
    account_ref: str | None,
    received_on: date,
    is_redacted: bool,
    rows: int,
    earlier: Sequence[Profile] = (),
) -> Survey | None:
    """Return what a delivery without ids of its own covers; None for any other. `rows` is how many it has, `earlier`
    the layouts by which the provider's rows were known before this one.
    """
    if not isinstance(profile, TableProfile | StatementProfile) or profile.identity.covers is None:
        return None
    found = Survey(profile.identity.covers, rows=rows)
    given = _Given(account_ref, received_on, is_redacted)
    for row, known in _rows_as_named(profile, content, given, earlier):
        if is_nameless(row) and row.waits is None:
            found.note(row, digest=(known or row).digest)
        elif known is not None:
            found.repeats.note(known.digest)
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
    earlier: Sequence[Profile] = (),
) -> Iterator[Row]:
    """Yield every row, numbered from 1 in the order of the delivery (a heading is no row).

    `is_redacted` tells that card numbers were found in the content and destroyed; their rows are stopped here. Rows
    without ids are told apart in little memory where the delivery has been surveyed, and are known as the first of the
    `earlier` layouts that can read them knows them.
    """
    if isinstance(profile, TableProfile | StatementProfile):
        given = _Given(account_ref, received_on, is_redacted)
        found = _rows_as_named(profile, content, given, earlier)
        has_ids = isinstance(profile, TableProfile) and profile.identity.columns
        yield from (row for row, _ in found) if has_ids and not earlier else _told_apart(found, surveyed)
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
            row = table_rows.unforeseen(fault, raw, number=number)
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
    _, file, lines = table_rows.opened(profile, content, account_ref=account_ref, received_on=received_on)
    for line, row in table_rows.rows(file, lines):
        if isinstance(row, ReadRow) and line.fields is not None:
            yield row, amounts.balance_pence(file, line.fields)


def _rows_as_named(
    profile: TableProfile | StatementProfile, content: BinaryIO, given: _Given, earlier: Sequence[Profile]
) -> Iterator[tuple[Row, ReadRow | None]]:
    """Yield every row as the file names it, those that it gives no id under none yet, and as the first of the earlier
    layouts that can read it reads a row without an id; None where none of them can, or there is none.
    """
    account_ref, day = given.account_ref, given.received_on
    if isinstance(profile, TableProfile):
        heading, file, lines = table_rows.opened(profile, content, account_ref=account_ref, received_on=day)
        before = first_readings.of_table(earlier, heading, account_ref=account_ref, received_on=day)
        own = form(profile)
        for line, row in table_rows.rows(file, lines):
            first = None if before is None else before.read(line.fields, number=row.number)
            is_stopped = given.is_redacted and scanning.was_redacted(line.raw, form=own)
            yield settled(stopped.row(row) if is_stopped else row, first)
        return
    items = statement_items(profile, content)
    told = first_readings.of_statements(earlier, profile, items, account_ref=account_ref, received_on=day)
    for row, item, first in told:
        yield settled(stopped.entry(row, item) if given.is_redacted else row, first)


def _told_apart(found: Iterator[tuple[Row, ReadRow | None]], surveyed: Survey | None) -> Iterator[Row]:
    ordinals = Ordinals(None if surveyed is None else surveyed.repeats)
    for row, known in found:
        if is_nameless(row):
            yield ordinals.told_apart(row, digest=(known or row).digest)
        else:
            yield row if known is None else first_readings.known_as(row, known, ordinals.next_id)
