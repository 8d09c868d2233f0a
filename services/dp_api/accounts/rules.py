"""What may never be kept of an account (a full card number, or a sort code with its number), and its days."""

import re
from datetime import date
from typing import Final

from stdnum import luhn

from services.shared.errors import Invalid

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_DIGITS: Final = re.compile(r"[0-9](?:[ ._/-]?[0-9])*", re.ASCII)
_CARD_LENGTHS: Final = range(13, 20)
_SORT_CODE_AND_ACCOUNT: Final = 14


def looks_like_account_number(reference: str) -> bool:
    """Tell whether a provider's reference holds what looks like a card number, or a sort code and account number.

    A card number has 13 to 19 digits whose Luhn sum is right; a sort code (6) and account number (8) have 14, also
    inside an IBAN. Separators between digits do not hide them. A UUID is a token, whatever its digits.

    Source: PCI Data Security Standard v4.0, requirement 3.4 (a stored card number must not be readable).
    """
    without_tokens = _UUID.sub(" - ", reference)
    return any(_is_number(re.sub(r"[^0-9]", "", run)) for run in _DIGITS.findall(without_tokens))


def opening_day(day: date | None, *, today: date, pointer: str = "/opened_on") -> date:
    """Return the day that was given, else today. Raises Invalid for a day that lies in the future.

    Council policy: an account or a card is opened and closed on a day that has come.
    """
    if day is not None and day > today:
        raise Invalid("the day lies in the future", code="day_in_future", pointer=pointer)
    return day or today


def closing_day(closed_on: date | None, *, opened_on: date, today: date) -> date:
    """Return the day of closing. Raises Invalid for one that lies in the future or before the day of opening.

    Council policy: an account or a card is opened and closed on a day that has come.
    """
    day = opening_day(closed_on, today=today, pointer="/closed_on")
    if day < opened_on:
        raise Invalid("before the day of opening", code="closed_before_opened", pointer="/closed_on")
    return day


def _is_number(digits: str) -> bool:
    if len(digits) == _SORT_CODE_AND_ACCOUNT:
        return True
    return len(digits) in _CARD_LENGTHS and bool(luhn.is_valid(digits))
