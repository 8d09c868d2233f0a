"""What an XLS workbook may hold: the streams of a compound file and the records of its sheets, looked at beforehand.

Only as much of the two formats is read here as tells formulas, macros, encryption and size.

Source: Microsoft Open Specifications MS-CFB (compound file binary) and MS-XLS (Excel binary file format).
"""

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.card_ingest.formats import shared_strings, trouble

MOST_CELLS: Final = 4_000_000
"""Cells of the rectangles that the sheets' cells span: a reader makes room for all of every sheet."""

MOST_SHARED_TEXT: Final = 128 * 2**20
"""Characters of all the cells whose text is shared: a reader makes each its own copy."""

_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FAT_SECTORS_IN_HEADER: Final = 109
_LARGEST_SECTOR: Final = 0xFFFFFFFA
_ENTRY_BYTES: Final = 128
_MINI_SECTOR_BYTES: Final = 64

_BEGIN: Final = 0x809
_FILE_PASS: Final = 0x2F
_DIMENSIONS: Final = 0x200
_SHARED_STRINGS: Final = 0xFC
_CONTINUED: Final = 0x3C
_SHARED_TEXT_CELL: Final = 0xFD
_PLACE_BYTES: Final = 6
_FORMULAS: Final = frozenset({0x06, 0x206, 0x406, 0x221, 0x4BC})
_CELLS: Final = frozenset({0x201, 0x203, 0x204, 0x205, 0x27E, 0xBD, 0xBE, 0xD6, 0xFD})
_MACRO_SHEET: Final = 0x40


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    start: int
    size: int


class _File:
    """A compound file's directory and streams."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._sector_bytes = 1 << (struct.unpack_from("<H", raw, 30)[0] & 0xF)
        directory, _, self._cutoff, mini_fat, _, more, _ = struct.unpack_from("<7I", raw, 48)
        table = list(struct.unpack_from(f"<{_FAT_SECTORS_IN_HEADER}I", raw, 76))
        seen: set[int] = set()
        while more <= _LARGEST_SECTOR and more not in seen:
            seen.add(more)
            *places, more = struct.unpack(f"<{self._sector_bytes // 4}I", self._sector(more))
            table += places
        self._fat = self._numbers(place for place in table if place <= _LARGEST_SECTOR)
        content = b"".join(self._sectors(directory))
        self.entries = [
            entry for place in range(0, len(content), _ENTRY_BYTES) if (entry := _entry(content, place)) is not None
        ]
        self._mini_fat = self._numbers(self._chain(mini_fat, self._fat))
        root = next((entry for entry in self.entries if entry.name == "root entry"), None)
        self._mini = b"" if root is None else b"".join(self._sectors(root.start))[: root.size]

    def stream(self, entry: _Entry) -> bytes:
        if entry.size >= self._cutoff:
            return b"".join(self._sectors(entry.start))[: entry.size]
        places = self._chain(entry.start, self._mini_fat)
        pieces = (self._mini[place * _MINI_SECTOR_BYTES :][:_MINI_SECTOR_BYTES] for place in places)
        return b"".join(pieces)[: entry.size]

    def _numbers(self, sectors: Iterator[int]) -> list[int]:
        each = self._sector_bytes // 4
        return [number for place in sectors for number in struct.unpack(f"<{each}I", self._sector(place))]

    def _sectors(self, start: int) -> Iterator[bytes]:
        return (self._sector(place) for place in self._chain(start, self._fat))

    def _sector(self, place: int) -> bytes:
        start = (place + 1) * self._sector_bytes
        if start >= len(self._raw):
            raise ValueError("no such sector")
        return self._raw[start : start + self._sector_bytes].ljust(self._sector_bytes, b"\0")

    def _chain(self, start: int, fat: list[int]) -> Iterator[int]:
        seen: set[int] = set()
        place = start
        while place <= _LARGEST_SECTOR:
            if place in seen or place >= len(fat):
                raise ValueError("the chain has no end")
            seen.add(place)
            yield place
            place = fat[place]


def is_one(raw: bytes) -> bool:
    """Tell whether these are the bytes of a compound file."""
    return raw.startswith(_MAGIC)


def refuse_encrypted(raw: bytes) -> None:
    """Raise UnreadableDelivery where a compound file is an encrypted workbook of today's kind."""
    if any(entry.name in {"encryptedpackage", "encryptioninfo"} for entry in _opened(raw).entries):
        raise trouble.encrypted_workbook()


def checked(raw: bytes) -> bytes:
    """Return the bytes of an XLS workbook that may be read. Raises UnreadableDelivery."""
    if not is_one(raw):
        raise trouble.broken_workbook()
    refuse_encrypted(raw)
    file = _opened(raw)
    if any("vba" in entry.name for entry in file.entries):
        raise trouble.macros_in_workbook()
    books = [entry for entry in file.entries if entry.name in {"workbook", "book"}]
    if not books:
        raise trouble.broken_workbook()
    try:
        for book in books:
            _check(file.stream(book))
    except (struct.error, ValueError, IndexError):
        raise trouble.broken_workbook() from None
    return raw


def _opened(raw: bytes) -> _File:
    try:
        return _File(raw)
    except (struct.error, ValueError):
        raise trouble.broken_workbook() from None


def _entry(directory: bytes, place: int) -> _Entry | None:
    length = min(struct.unpack_from("<H", directory, place + 64)[0], 64)
    if length < 2:
        return None
    name = directory[place : place + length - 2].decode("utf-16-le", errors="replace")
    start, size = struct.unpack_from("<II", directory, place + 116)
    return _Entry(name.casefold(), start, size)


def _check(stream: bytes) -> None:
    """Walk the records of a workbook stream."""
    span, spans_before = _Span(), 0
    shared: list[bytes] = []
    texts: Counter[int] = Counter()
    before = 0
    for kind, content in _records(stream):
        _refuse_kind(kind, content)
        if kind == _BEGIN:
            spans_before, span = spans_before + span.cells, _Span()
        elif kind == _SHARED_STRINGS or (kind == _CONTINUED and before == _SHARED_STRINGS):
            shared.append(content)
        elif kind == _DIMENSIONS:
            span.reach(*_declared(content))
        elif kind in _CELLS:
            row, column = struct.unpack_from("<HH", content)
            span.reach(row + 1, column + 1)
            if kind == _SHARED_TEXT_CELL:
                texts[struct.unpack_from("<I", content, _PLACE_BYTES)[0]] += 1
        if spans_before + span.cells > MOST_CELLS:
            raise trouble.workbook_too_large()
        before = before if kind == _CONTINUED else kind
    lengths = shared_strings.lengths(shared) if shared else ()
    if sum(count * lengths[number] for number, count in texts.items() if number < len(lengths)) > MOST_SHARED_TEXT:
        raise trouble.workbook_too_large()


def _declared(content: bytes) -> tuple[int, int]:
    """Return the rows and columns that a sheet is said to span, a short record in the older words.

    A first beyond the last is no size: a reader that takes one from the other makes room for more than there is.
    """
    places = struct.unpack("<HHHH", content[:8]) if len(content) < 12 else struct.unpack_from("<IIHH", content)
    first_row, rows, first_column, columns = places
    if (rows and first_row >= rows) or (columns and first_column >= columns):
        raise trouble.broken_workbook()
    return rows, columns


def _refuse_kind(kind: int, content: bytes) -> None:
    if kind == _FILE_PASS:
        raise trouble.encrypted_workbook()
    if kind in _FORMULAS:
        raise trouble.formulas_in_workbook()
    if kind == _BEGIN and content[2:4] == struct.pack("<H", _MACRO_SHEET):
        raise trouble.macros_in_workbook()


class _Span:
    """The rectangle that one sheet's cells span, from its first row and column."""

    def __init__(self) -> None:
        self._rows = self._columns = 0

    def reach(self, rows: int, columns: int) -> None:
        self._rows, self._columns = max(self._rows, rows), max(self._columns, columns)

    @property
    def cells(self) -> int:
        return self._rows * self._columns


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        yield kind, stream[place + 4 : place + 4 + length]
        place += 4 + length
