"""How long the strings are that the cells of an XLS workbook share: each cell that names one is read as its own copy.

Source: Microsoft Open Specifications MS-XLS, 2.4.265 (SST) and 2.5.293 (XLUnicodeRichExtendedString).
"""

import struct
from array import array
from collections.abc import Sequence
from typing import Final

_COUNTS_BYTES: Final = 8
_FEWEST_BYTES: Final = 3
"""Of one string: its length and its flags."""

_TWO_BYTES_EACH: Final = 0x1
_HAS_PHONETIC: Final = 0x4
_HAS_RUNS: Final = 0x8
_RUN_BYTES: Final = 4


def lengths(records: Sequence[bytes]) -> "array[int]":
    """Return the characters of each string of a table, given as its record and those that continue it.

    Raises ValueError, struct.error or IndexError where it is no such table.
    """
    table = _Table(records)
    _, count = struct.unpack("<II", table.take(_COUNTS_BYTES))
    if count * _FEWEST_BYTES > sum(map(len, records)):  # A reader makes room for all that it is told of.
        raise ValueError("it says that it has more strings than there are bytes for")
    found = array("H")
    for _ in range(count):
        if table.is_at_end:  # It says that it has more than it has.
            break
        found.append(table.string())
    return found


class _Table:
    """The records of a table of strings, read from the first byte to the last."""

    def __init__(self, records: Sequence[bytes]) -> None:
        self._records = records
        self._number = self._place = 0

    @property
    def is_at_end(self) -> bool:
        return self._number == len(self._records) - 1 and self._place >= len(self._records[-1])

    def take(self, count: int) -> bytes:
        """Return so many bytes, of several records where need be."""
        taken = b""
        while len(taken) < count:
            self._turn()
            piece = self._records[self._number][self._place : self._place + count - len(taken)]
            self._place += len(piece)
            taken += piece
        return taken

    def string(self) -> int:
        """Pass one string over, and return its characters."""
        characters, flags = struct.unpack("<HB", self.take(3))
        runs = struct.unpack("<H", self.take(2))[0] if flags & _HAS_RUNS else 0
        phonetic = struct.unpack("<I", self.take(4))[0] if flags & _HAS_PHONETIC else 0
        left = characters
        while left:
            if self._place >= len(self._records[self._number]):  # Characters go on behind flags of their own.
                self._turn()
                flags = self.take(1)[0]
            each = 2 if flags & _TWO_BYTES_EACH else 1
            here = min(left, (len(self._records[self._number]) - self._place) // each)
            if not here:
                raise ValueError("a character is cut in two")
            self._place += here * each
            left -= here
        self.take(runs * _RUN_BYTES + phonetic)
        return int(characters)

    def _turn(self) -> None:
        while self._place >= len(self._records[self._number]):
            self._number, self._place = self._number + 1, 0
