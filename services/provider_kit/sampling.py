"""A file looked at before it has a profile: its encoding, delimiter and heading row, and what its columns look like.

Of the cells only their kinds are told, never what stands in them.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from services.card_ingest import events
from services.card_ingest.events import UnusableEvent
from services.card_ingest.profiles import headings
from services.shared.errors import Invalid

SAMPLE_ROWS: Final = 2_000
MOST_LINES_ABOVE: Final = 30

DATE_FORMATS: Final = (
    "%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y",
    "%d %B %Y", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y",
)  # fmt: skip
"""Formats that a date may have, the day before the month first where both would do."""

_ACCOUNTING: Final = re.compile(r"£?\(.+\)|[£0-9].*-")
_LONG_NUMBER: Final = re.compile(r"[0-9]{13,19}", re.ASCII)
_MCC: Final = re.compile(r"[0-9]{1,4}(?:\.0*)?", re.ASCII)
_DELIMITERS: Final = (",", ";", "\t", "|")


class NoHeadingFound(Invalid):
    """None of the file's first lines names its columns, so that no profile can be drafted from it."""

    code = "no_heading_found"

    def __init__(self) -> None:
        super().__init__("none of the first lines looks like a heading above dates and amounts")


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its heading, and its cells that are not empty, of `rows` in all."""

    heading: str
    cells: Sequence[str]
    rows: int

    @property
    def name(self) -> str:
        """The heading as headings are compared."""
        return headings.normal(self.heading)

    def date_formats(self) -> list[str]:
        """Return the formats that all cells have between them, empty where some cell is no date."""
        first = next((form for form in DATE_FORMATS if all(is_date(cell, form) for cell in self.cells)), None)
        if first is not None or not self.cells:
            return [] if first is None else [first]
        used = Counter(next((form for form in DATE_FORMATS if is_date(cell, form)), "") for cell in self.cells)
        return [] if "" in used else [form for form in DATE_FORMATS if used[form]]

    def is_all(self, fits: Callable[[str], object]) -> bool:
        """Tell whether there are cells, and each is of a kind."""
        return bool(self.cells) and all(fits(cell) for cell in self.cells)

    @property
    def is_unique(self) -> bool:
        """Whether every row has a cell of its own here."""
        return bool(self.cells) and len(set(self.cells)) == len(self.cells) == self.rows


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a file: how it is written, and on which line that is not blank its heading stands."""

    encoding: str
    delimiter: str
    heading_line: int
    columns: Sequence[Column]


def take(content: bytes, *, delimiter: str | None = None) -> Sample:
    """Look at a file that is text; its delimiter is found where none is given. Raises NoHeadingFound."""
    encoding = _encoding(content)
    lines = (line for line in content.decode(encoding, errors="replace").splitlines() if line.strip())
    first = list(islice(lines, SAMPLE_ROWS + MOST_LINES_ABOVE))
    mark = delimiter or _delimiter(first)
    table = [_fields(line, mark) for line in first]
    width = Counter(len(fields) for fields in table).most_common(1)[0][0] if table else 0
    above = enumerate(table[:MOST_LINES_ABOVE])
    place = next((place for place, fields in above if len(fields) == width and _is_heading(fields)), None)
    rows = [] if place is None else [fields for fields in table[place + 1 :] if len(fields) == width]
    if place is None or not rows:
        raise NoHeadingFound
    columns = [
        Column(heading, [cell for fields in rows if (cell := fields[number])], len(rows))
        for number, heading in enumerate(table[place])
    ]
    return Sample(encoding, mark, place + 1, columns)


def is_date(text: str, form: str) -> bool:
    """Tell whether a text is a date in a format."""
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 (only whether it is one)
    except ValueError:
        return False
    return True


def is_amount(text: str) -> bool:
    """Tell whether a text is an amount of money, in any of the ways that a profile can say."""
    plain = text.strip("£()-") if _ACCOUNTING.fullmatch(text) else text
    try:
        events.pence_of_text(plain)
    except UnusableEvent:
        return False
    return True


def is_negative(text: str) -> bool:
    """Tell whether an amount is written as a negative one."""
    return text.startswith("-") or _ACCOUNTING.fullmatch(text) is not None


def is_long_number(text: str) -> bool:
    """Tell whether a text is a number as long as a card's."""
    return _LONG_NUMBER.fullmatch(text) is not None


def is_mcc(text: str) -> bool:
    """Tell whether a text could be a merchant category code."""
    return _MCC.fullmatch(text) is not None


def _encoding(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "utf-8"


def _delimiter(lines: Sequence[str]) -> str:
    """Return what cuts the most lines into the same number of columns, of which there are several."""

    def evenness(mark: str) -> tuple[int, int]:
        widths = Counter(width for line in lines if (width := len(_fields(line, mark))) > 1)
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        return count, width

    return max(_DELIMITERS, key=evenness)


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader((line,), delimiter=delimiter), [])]
    except csv.Error:  # It is no line of a table, whatever else it is.
        return []


def _is_heading(fields: Sequence[str]) -> bool:
    named = [cell for cell in fields if headings.normal(cell)]
    is_plain = not any(is_amount(cell) or any(is_date(cell, form) for form in DATE_FORMATS) for cell in named)
    return len(named) > 1 and is_plain and not any(re.search(r"[0-9]{4,}", cell) for cell in named)
