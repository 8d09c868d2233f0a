"""Comma-separated values with a heading: each line that is not blank is a row, so that one stray quotation mark spoils
one row and not the rest of the file. A field may therefore not hold a line break.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from services.card_ingest.formats.trouble import UnreadableDelivery

_LINE_END: Final = b"\n"
_LONGEST_LINE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A row's fields, or None where it cannot be read; `raw` is the line as it came; the last may be cut off."""

    fields: list[str] | None
    raw: bytes
    is_cut_off: bool


def rows(content: BinaryIO, *, encoding: str, delimiter: str) -> tuple[list[str], Iterator[Line]]:
    """Return the heading and the rows below it. Raises UnreadableDelivery where there is no heading to read."""
    lines = (line for line in content if not line.isspace())
    first = next(lines, None)
    if first is None:
        raise UnreadableDelivery("empty_file", "the file is empty")
    heading = _fields(first, encoding=encoding, delimiter=delimiter)
    if heading is None:
        raise UnreadableDelivery("wrong_encoding", f"the heading is not {encoding} text, or its quotation is broken")
    names = [name.removeprefix("\ufeff").strip() for name in heading]
    return names, (_line(line, width=len(names), encoding=encoding, delimiter=delimiter) for line in lines)


def _line(raw: bytes, *, width: int, encoding: str, delimiter: str) -> Line:
    fields = _fields(raw, encoding=encoding, delimiter=delimiter)
    is_cut_off = not raw.endswith(_LINE_END) and (fields is None or len(fields) < width)
    return Line(fields if fields is not None and len(fields) == width else None, raw, is_cut_off)


def _fields(raw: bytes, *, encoding: str, delimiter: str) -> list[str] | None:
    if b"\0" in raw or len(raw) > _LONGEST_LINE:
        return None
    try:
        return next(csv.reader((raw.decode(encoding),), delimiter=delimiter, strict=True))
    except (csv.Error, UnicodeDecodeError):
        return None
