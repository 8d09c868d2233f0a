"""Comma-separated values with a heading: each line that is not blank is a row, so that one stray quotation mark spoils
one row and not the rest of the file. A field may therefore not hold a line break: where one does, every line of it is a
row that cannot be read, since what stands behind the break may look like a row and is none.
"""

import csv
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from services.card_ingest.formats.trouble import UnreadableDelivery

_LINE_END: Final = b"\n"
_LONGEST_LINE: Final = 1_000_000
_LONGEST_QUOTATION: Final = 1_000
"""Lines within which a quotation closes that was open at the end of a line; else its mark was a stray one."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row's fields, or None where it cannot be read; `raw` is the line as it came.

    Only the last can lack its line end (`is_ended`); it may then be cut off, and is where a field is missing.
    """

    fields: list[str] | None
    raw: bytes
    is_ended: bool
    is_cut_off: bool


def rows(content: BinaryIO, *, encoding: str, delimiter: str) -> tuple[list[str], Iterator[Line]]:
    """Return the heading and the rows below it. Raises UnreadableDelivery where there is no heading to read."""
    lines = (line for line in content if not line.isspace())
    first = next(lines, None)
    if first is None:
        raise UnreadableDelivery("empty_file", "the file is empty")
    heading = _fields(
        first.removeprefix(BOM_UTF8) if encoding == "utf-8" else first, encoding=encoding, delimiter=delimiter
    )
    if heading is None:
        raise UnreadableDelivery("wrong_encoding", f"the heading is not {encoding} text, or its quotation is broken")
    names = [name.strip() for name in heading]
    return names, _lines(lines, width=len(names), encoding=encoding, delimiter=delimiter)


def _lines(lines: Iterator[bytes], *, width: int, encoding: str, delimiter: str) -> Iterator[Line]:
    ahead: deque[bytes] = deque()
    within = 0
    while (raw := ahead.popleft() if ahead else next(lines, None)) is not None:
        line = _line(raw, width=width, encoding=encoding, delimiter=delimiter)
        if within:
            within -= 1
            yield Line(None, raw, line.is_ended, line.is_cut_off)
            continue
        if line.fields is None and _opens_or_closes(raw):
            ahead.extend(islice(lines, _LONGEST_QUOTATION - len(ahead)))
            within = next((number for number, later in enumerate(ahead, 1) if _opens_or_closes(later)), 0)
        yield line


def _opens_or_closes(raw: bytes) -> bool:
    return raw.count(b'"') % 2 == 1


def _line(raw: bytes, *, width: int, encoding: str, delimiter: str) -> Line:
    fields = _fields(raw, encoding=encoding, delimiter=delimiter)
    is_ended = raw.endswith(_LINE_END)
    is_cut_off = not is_ended and (fields is None or len(fields) < width)
    return Line(fields if fields is not None and len(fields) == width else None, raw, is_ended, is_cut_off)


def _fields(raw: bytes, *, encoding: str, delimiter: str) -> list[str] | None:
    if b"\0" in raw or len(raw) > _LONGEST_LINE:
        return None
    try:
        return next(csv.reader((raw.decode(encoding),), delimiter=delimiter, strict=True))
    except (csv.Error, UnicodeDecodeError):
        return None
