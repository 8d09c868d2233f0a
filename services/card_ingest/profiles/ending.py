"""Whether a file's last line is whole where its line end is missing: told by the rows before it, or not told.

Of 12.50 a break may leave 12.5 or 1, and of an id its beginning. Where every row before has two decimals (or, of an id,
a reference or a date, the same number of characters), a broken value cannot have them, and the line is whole.
"""

import re
from typing import Final

from services.card_ingest.profiles.headings import Layout

_TWO_DECIMALS: Final = re.compile(r"[+-]?£?[0-9,]+\.[0-9]{2}", re.ASCII)
_AMOUNTS: Final = ("amount", "debit", "credit")


class Ending:
    """The last column of a file's rows, as they are read one by one."""

    def __init__(self, file: Layout, *, width: int) -> None:
        self._name = file.last_deciding(width=width)
        self._is_amount = self._name in _AMOUNTS
        self._shape: int | None = None
        self._is_alike = True

    @property
    def decides(self) -> bool:
        """Tell whether a part of the last column would read as something else."""
        return self._name is not None

    def note(self, fields: list[str]) -> None:
        """See a row that has its line end."""
        if self._is_alike and (text := fields[-1].strip()):
            shape = self._shape_of(text)
            self._is_alike = shape is not None and shape == (self._shape or shape)
            self._shape = shape

    def may_be_cut(self, fields: list[str], raw: bytes) -> bool:
        """Tell whether the last row, without a line end, may lack the end of its last column."""
        text = fields[-1].strip()
        if not self.decides or (self._is_amount and not text) or raw.rstrip().endswith(b'"'):
            return False
        return not (self._is_alike and self._shape is not None and self._shape_of(text) == self._shape)

    def _shape_of(self, text: str) -> int | None:
        if not self._is_amount:
            return len(text)
        return 2 if _TWO_DECIMALS.fullmatch(text) else None
