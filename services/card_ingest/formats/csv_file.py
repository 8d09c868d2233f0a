"""Text with a delimiter and a heading: each line that is not blank is a row, so that one stray quotation mark spoils
one row and not the rest of the file. A field may therefore not hold a line break: where one does, every line of it is a
row that cannot be read, since what stands behind the break may look like a row and is none.
"""

import csv
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import BinaryIO, Final

import msgspec

from services.card_ingest.formats import trouble
from services.card_ingest.formats.trouble import UnreadableDelivery

_LINE_END: Final = b"\n"
_LONGEST_LINE: Final = 1_000_000
_LONGEST_PLAIN: Final = 100_000
_LONGEST_QUOTATION: Final = 1_000
"""Lines within which a quotation closes that was open at the end of a line; else its mark was a stray one."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """A row's fields, or None where it cannot be read; `raw` is the line as it came.

    Only the last can lack its line end (`is_ended`); it may then be cut off, and is where a field is missing.
    """

    fields: list[str] | None
    raw: bytes
    is_ended: bool
    is_cut_off: bool


def rows(
    content: BinaryIO,
    *,
    encodings: Sequence[str],
    delimiter: str,
    within_lines: int,
    is_heading: Callable[[list[str]], bool],
) -> tuple[list[str], Iterator[Line]]:
    """Return the heading and the rows below it. Raises UnreadableDelivery where there is no heading to read.

    The heading is the first of so many lines that is one, else the first that can be read. Each line is in the first of
    the encodings in which it is text.
    """
    lines = (line for line in content if not line.isspace())
    above = list(islice(lines, within_lines))
    if not above:
        raise UnreadableDelivery("empty_file", "the file is empty")
    trouble.refuse_archive(above[0])
    above[0] = above[0].removeprefix(BOM_UTF8) if "utf-8" in encodings else above[0]
    readable = [(place, names) for place, raw in enumerate(above, 1) if (names := _fields(raw, encodings, delimiter))]
    if not readable:
        tried = " or ".join(encodings)
        raise UnreadableDelivery("wrong_encoding", f"the heading is not {tried} text, or its quotation is broken")
    place, names = next((each for each in readable if is_heading(each[1])), readable[0])
    below = chain(above[place:], lines)
    return names, _lines(below, width=len(names), encodings=encodings, delimiter=delimiter)


def _lines(lines: Iterator[bytes], *, width: int, encodings: Sequence[str], delimiter: str) -> Iterator[Line]:
    ahead: deque[bytes] = deque()
    within = 0
    while (raw := ahead.popleft() if ahead else next(lines, None)) is not None:
        line = _line(raw, width=width, encodings=encodings, delimiter=delimiter)
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


def _line(raw: bytes, *, width: int, encodings: Sequence[str], delimiter: str) -> Line:
    fields = _fields(raw, encodings, delimiter)
    is_ended = raw.endswith(_LINE_END)
    is_cut_off = not is_ended and (fields is None or len(fields) < width)
    return Line(fields if fields is not None and len(fields) == width else None, raw, is_ended, is_cut_off)


def _fields(raw: bytes, encodings: Sequence[str], delimiter: str) -> list[str] | None:
    if b"\0" in raw or len(raw) > _LONGEST_LINE:
        return None
    place = raw.find(b"\r")
    is_plain = b'"' not in raw and (place < 0 or raw[place:] == b"\r\n") and len(raw) <= _LONGEST_PLAIN
    for encoding in encodings:
        try:
            if is_plain and (text := raw.decode(encoding).rstrip("\r\n")):
                return text.split(delimiter)  # What the reader would make of it, in a third of the time.
            return next(csv.reader((raw.decode(encoding),), delimiter=delimiter, strict=True))
        except UnicodeDecodeError:
            continue
        except csv.Error:
            return None
    return None
