"""A staff number in the one way in which it is written, so that no spelling of it makes one person count as two."""

import re
import unicodedata
from typing import Final

FORM: Final = r"[A-Z0-9][A-Z0-9-]{0,39}"
"""What a staff number is; without a colon, so that nobody is taken for a machine of ours."""

SENT: Final = r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$"
"""What is taken for one without further change than to capitals; for documents."""

_SENT: Final = re.compile(SENT, re.ASCII)


def folded(text: str) -> str:
    """Return a staff number as it is kept: capitals A-Z, digits and hyphens, after NFKC, 1 to 40 of them.

    `fa4001`, and full-width letters and digits, are FA4001. Letters that only look alike (of another alphabet, with an
    accent, without their dot) and what nobody sees (a zero-width space) are not guessed at. Raises ValueError for them.
    """
    plain = unicodedata.normalize("NFKC", text)
    if not _SENT.fullmatch(plain):
        raise ValueError("a staff number is 1 to 40 letters A to Z, digits and hyphens")
    return plain.upper()


def are_two_people(one: str, other: str) -> bool:
    """Tell whether both names are staff numbers, and not the same one: a machine is nobody's second person."""
    try:
        return folded(one) != folded(other)
    except ValueError:
        return False
