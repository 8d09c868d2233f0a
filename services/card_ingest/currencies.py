"""Currencies as feeds write them: codes of ISO 4217 in letters or digits, and signs; and columns that name them.

Codes are those of the `iso4217` package: the maintenance agency's list one, as published.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from iso4217 import Currency

POUNDS: Final = "GBP"

_LETTERS: Final = frozenset(currency.code for currency in Currency)
_DIGITS: Final[Mapping[str, str]] = {f"{currency.number:03}": currency.code for currency in Currency}
_SIGNS: Final[Mapping[str, str]] = {"£": POUNDS, "€": "EUR", "$": "USD", "US$": "USD", "¥": "JPY", "zł": "PLN"}
_NUMBER: Final = re.compile(r"([0-9]{1,3})(?:\.0*)?", re.ASCII)
_LOWER_THEN_UPPER: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_IN_WORDS: Final = re.compile(r"[^\W\d_][^\d]*")
_POUNDS_IN_WORDS: Final = frozenset(
    {"pound", "pounds", "sterling", "pound sterling", "pounds sterling", "uk pounds", "gb pounds", "british pounds"}
)

_NAMES: Final = frozenset({"currency", "currencies", "ccy"})
_SHORT_NAMES: Final = frozenset({"cur", "curr", "currencycode", "curcode", "ccycode", "isocode"})
_ISO: Final = (("iso", "code"), ("iso", "4217"), ("iso4217", "code"), ("iso4217",))
_OF_FIGURES: Final = frozenset(
    {
        "amount",
        "amt",
        "rate",
        "fee",
        "balance",
        "value",
        "gross",
        "net",
        "total",
        "sum",
        "vat",
        "tax",
        "date",
        "time",
        "charge",
        "account",
        "units",
        "exponent",
    }
)


@lru_cache(maxsize=1024)
def code(text: str) -> str:
    """Return the letters of the currency that a code or sign names; any other text as it is, trimmed.

    `GBp` names pence, as prices are quoted, and is no code of a currency.
    """
    plain = text.strip()
    if (plain.isupper() or plain.islower()) and plain.upper() in _LETTERS:
        return plain.upper()
    if number := _NUMBER.fullmatch(plain):
        return _DIGITS.get(number[1].zfill(3), plain)
    return _SIGNS.get(plain, plain)


def is_code(text: str) -> bool:
    """Tell whether a text names a currency by letters in capitals or by its sign."""
    return text in _LETTERS or text in _SIGNS


def is_number(text: str) -> bool:
    """Tell whether a text is a number by which ISO 4217 knows a currency."""
    return _NUMBER.fullmatch(text) is not None and code(text) in _LETTERS


def is_name(heading: str) -> bool:
    """Tell whether a heading says that its column names currencies."""
    words = name_words(heading)
    return not _OF_FIGURES & set(words) and (_is_full_name(words) or _is_short_name(words))


def name_words(heading: str) -> Sequence[str]:
    """Return the words of a heading, which may be written as one (`currencyCode`, `txn_ccy`)."""
    return [word.lower() for word in _WORD.findall(_LOWER_THEN_UPPER.sub(" ", heading.replace("_", " ")))]


def says_otherwise(text: str, *, heading: str) -> bool:
    """Tell whether a cell under a heading that names currencies says another than pounds sterling.

    Figures and dates say nothing about it, whatever their column is called. A word does where the heading leaves no
    doubt (`Euro` under `Currency`).
    """
    plain = text.strip()
    if not plain or code(plain) == POUNDS or " ".join(plain.split()).casefold() in _POUNDS_IN_WORDS:
        return False
    if code(plain) in _LETTERS or plain in _SIGNS:
        return True
    return _is_full_name(name_words(heading)) and _IN_WORDS.fullmatch(plain) is not None


def _is_full_name(words: Sequence[str]) -> bool:
    return bool(_NAMES & set(words))


def _is_short_name(words: Sequence[str]) -> bool:
    pairs = {tuple(words[place : place + size]) for place in range(len(words)) for size in (1, 2)}
    return bool(_SHORT_NAMES & set(words)) or not pairs.isdisjoint(_ISO)
