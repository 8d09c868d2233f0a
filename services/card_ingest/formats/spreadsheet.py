"""Workbooks (XLSX, XLS) as text with tabs: a line for each row of one sheet, as it is scanned, kept and read.

A workbook is checked before anything reads its cells: formulas, macros, encryption, document types and sizes beyond
reason are refused, and of an XLSX only the checked parts are handed on.
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, TypeAlias

import python_calamine
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from services.card_ingest import scanning
from services.card_ingest.formats import compound_file, open_xml
from services.card_ingest.formats.trouble import UnreadableDelivery

Kind: TypeAlias = Literal["xlsx", "xls"]
Cell: TypeAlias = int | float | str | bool | time | date | datetime | timedelta

DELIMITER: Final = "\t"
MOST_TEXT: Final = 128 * 2**20

_EXACT_BELOW: Final = 10**15
"""A workbook keeps 15 digits of a number: the last ones of a longer number are lost already."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def kind_of(raw: bytes) -> Kind | None:
    """Return which kind of workbook these bytes begin like, None where they are none."""
    if compound_file.is_one(raw):
        return "xls"
    return "xlsx" if raw.startswith(b"PK") else None


def as_text(raw: bytes, *, kind: Kind, sheet: str | None) -> bytes:
    """Return the rows of a sheet (None for the first) as UTF-8 text with tabs; rows without any cell are left out.

    A number too long for a workbook comes in exponent form, with two digits only. Raises UnreadableDelivery.
    """
    checked = open_xml.checked(raw) if kind == "xlsx" else compound_file.checked(raw)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=DELIMITER, lineterminator="\n")
    for cells in _rows(checked, sheet=sheet):
        written = [_text(cell) for cell in cells]
        if any(written):
            writer.writerow(written)
        if text.tell() > MOST_TEXT:
            raise UnreadableDelivery("workbook_too_large", "the workbook holds more text than is taken")
    return text.getvalue().encode("utf-8", errors="replace")


def _rows(checked: bytes, *, sheet: str | None) -> Iterator[list[Cell]]:
    try:
        workbook = python_calamine.load_workbook(io.BytesIO(checked))
        yield from _sheet(workbook, sheet).iter_rows()
    except CalamineError:
        raise UnreadableDelivery("broken_workbook", "the workbook cannot be read") from None
    except BaseException as fault:  # The reader's own crash is no ordinary exception; whatever else it is goes on.
        if type(fault).__name__ != "PanicException":
            raise
        raise UnreadableDelivery("broken_workbook", "the workbook cannot be read") from None


def _sheet(workbook: CalamineWorkbook, name: str | None) -> CalamineSheet:
    if name is not None and name not in workbook.sheet_names:
        raise UnreadableDelivery("no_such_sheet", "the workbook has no sheet of the name that its profile gives")
    if not workbook.sheet_names:
        raise UnreadableDelivery("broken_workbook", "the workbook has no sheet")
    return workbook.get_sheet_by_index(0) if name is None else workbook.get_sheet_by_name(name)


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, int | float):
        return _number(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return _CONTROL.sub(" ", str(cell))


def _number(number: float) -> str:
    """Return a number as text, exactly; of one too long for a workbook two digits, unless a card's, to be found."""
    if abs(number) < _EXACT_BELOW:
        return str(int(number)) if float(number).is_integer() else repr(number)
    digits = f"{number:.0f}"
    return digits if scanning.redact(digits.encode()).is_redacted else f"{number:.1E}"
