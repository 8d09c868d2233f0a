"""Which merchant category codes (MCC) are known: those on a list of ISO 18245 or of a card scheme.

A code that is on none is kept and its transaction posted all the same; a rule for it is only marked, since it may be a
slip of the keyboard.
"""

from functools import cache
from typing import Final

import iso18245

_COMPANIES: Final = ("3000", "3999")
"""Codes of single airlines, car hirers and hotels; lists differ in which of them they still name."""


def is_unknown(mcc: str) -> bool:
    """Tell whether a code is on no list."""
    return not _COMPANIES[0] <= mcc <= _COMPANIES[1] and mcc not in _listed()


@cache
def _listed() -> frozenset[str]:
    return frozenset(code.mcc for code in iso18245.get_all_mccs())
