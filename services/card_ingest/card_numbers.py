"""What is a card number: of a known issuer, of a length that it gives, with a right check digit, written as cards are.

A number stands as it is or in groups as cards have them printed. Other groups are words: an order and its date, a sort
code and an account, an amount and its fraction.

Source: ISO/IEC 7812 (numbers of issuers, check digit); the schemes' published ranges.
"""

import re
from collections.abc import Sequence
from typing import Final

from stdnum import iban, luhn

SHORTEST: Final = 13
LONGEST: Final = 19

_LONGEST_ACCOUNT: Final = 128
_ISSUERS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11,16}|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|4[4-9]\d|5\d\d|2\d\d)\d{12,15}"
    r"|(?:50|5[6-9]|6[0-9])\d{11,17}",
    re.ASCII,
)
_LARGEST_GROUP: Final = 5
_FEWEST_GROUPS: Final = 3
_PRINTED: Final = frozenset({(4, 6, 5), (4, 6, 4), (4, 5, 6), (4, 3, 3, 3), (4, 4, 5), (6, 13)})
"""Groups of other schemes than four by four: American Express, Diners Club, UATP, old Visa, Maestro, UnionPay."""

_IDENTIFIER: Final = re.compile(
    rb"(?<![0-9A-Za-z])(?:H{8}-H{4}-H{4}-H{4}-H{12}|H{32}|H{40}|H{56}|H{64}|H{96}|H{128})(?![0-9A-Za-z])".replace(
        b"H", b"[0-9A-Fa-f]"
    )
)
# 14 digits are a sort code and an account number where a statement names accounts: no card has so few and begins so.
_ACCOUNT_NUMBER: Final = re.compile(
    rb"(?<![0-9A-Za-z])GB[0-9]{2} ?[A-Z]{4} ?[0-9]{4} ?[0-9]{4} ?[0-9]{4} ?[0-9]{2}(?![0-9A-Za-z])"
    rb"|(?:^:25:|<Id>)[0-9]{6}[ /-]?[0-9]{8}(?=\r?$|</Id>)",
    re.MULTILINE,
)
# A value that is a number with a fraction, as coordinates are, and amounts that a spreadsheet has worked out.
_FRACTION: Final = re.compile(
    rb'(?:^|(?<=[,;|:\[\t"\0 ]))[+-]?[0-9]{1,12}\.[0-9]{13,19}(?=[,;|}\]\t"\r\0 ]|$)', re.MULTILINE
)
_IBAN: Final = re.compile(rb"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{1,4}){3,8}(?![0-9A-Za-z])")


def is_one(number: str) -> bool:
    """Tell whether digits are a card's number: issuer, length and check digit are right."""
    return _ISSUERS.fullmatch(number) is not None and luhn.is_valid(number)


def could_be_one(number: str) -> bool:
    """Tell whether an issuer could have given digits, whatever their check digit is."""
    return _ISSUERS.fullmatch(number) is not None


def is_printed_so(groups: Sequence[int]) -> bool:
    """Tell whether cards have their number printed in groups of so many digits."""
    if len(groups) == 1 or tuple(groups) in _PRINTED:
        return True
    size = groups[0]
    are_even = len(groups) >= _FEWEST_GROUPS and all(other == size for other in groups[:-1])
    return are_even and size <= _LARGEST_GROUP and groups[-1] <= size


def is_something_else(content: bytes, start: int, end: int) -> bool:
    """Tell digits of a UUID or digest in hexadecimal, where chance makes such runs, of a fraction, and of a bank
    account's number.
    """
    first, last = max(0, start - _LONGEST_ACCOUNT), end + _LONGEST_ACCOUNT + 1

    def is_within(pattern: re.Pattern[bytes]) -> list[bytes]:
        around = pattern.finditer(content, first, last)
        return [match[0] for match in around if match.start() <= start and end <= match.end()]

    if (
        is_within(_ACCOUNT_NUMBER)
        or is_within(_FRACTION)
        or any(iban.is_valid(text.decode()) for text in is_within(_IBAN))
    ):
        return True
    return any(not text.replace(b"-", b"").isdigit() for text in is_within(_IDENTIFIER))
