"""Money in whole pence: read from a feed's text and written for a reader. Nothing here is ever a float."""

import re
from typing import Final

_POUNDS_AND_PENCE: Final = re.compile(
    r"(?P<sign>[+-]?)£?(?P<pounds>[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,15})(?:\.(?P<pence>[0-9]{1,2}))?", re.ASCII
)


def pence_from_text(text: str) -> int:
    """Return the pence that a text such as `1,234.56`, `-£12.30` or `7` states, exactly.

    Raises ValueError where the text is anything else; its message does not repeat the text.
    """
    found = _POUNDS_AND_PENCE.fullmatch(text.strip())
    if found is None:
        raise ValueError("not an amount in pounds and pence")
    pence = int(found["pounds"].replace(",", "")) * 100 + int((found["pence"] or "").ljust(2, "0"))
    return -pence if found["sign"] == "-" else pence


def pounds(pence: int) -> str:
    """Write whole pence as a reader expects it: `£1,234.56`, `-£0.05`."""
    whole, rest = divmod(abs(pence), 100)
    return f"{'-' if pence < 0 else ''}£{whole:,}.{rest:02d}"
