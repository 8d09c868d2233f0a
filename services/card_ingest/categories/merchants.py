"""Merchants' and payees' names cleaned, so that one seller has one name whatever a till or a bank writes around it.

A name is a line of whole words, upper case: rules go by words, never by letters within one, so that NISBETS is not a
bet. Payees' names stand as they were given but for signs and numbers: they may be people's.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from services.card_ingest.categories import chains

KEPT_NAMES: Final = 16_384
"""Names whose cleaning is remembered by the process."""

Words = tuple[str, ...]

_INTERMEDIARY: Final = 3
_LONGEST_CHAIN: Final = max(len(name.split()) for name in chains.CHAINS)
_CUT: Final = 18
"""From so many letters on, what ends in a dot and a letter or two may be an address that the till cut off."""

_ASIDE: Final = re.compile(r"\([^)]*\)?|@.*| T/A .*|<[^>]*>?", re.DOTALL)
_ADDRESS: Final = re.compile(r"(?<!\S)(?:HTTPS?://)?(?:WWW\.)?([^\s./]{2,}(?:\.[^\s./]*)+)(?:/\S*)?")
_LONE_LETTERS: Final = re.compile(r"(?<![\w.])((?:\w\.){2,}\w?)(?![\w.])")
_STATION: Final = re.compile(r"\bF/ ?STN\b|\bS[./]? ?STN\b")
_AMPERSAND: Final = re.compile(r"(?<!\S)(\w) ?& ?(\w)(?!\S)")
_WORD: Final = re.compile(r"[^\W_]+(?:&[^\W_]+)*|&")
_TRAILING_NUMBER: Final = re.compile(r"(\D{3,})[0-9]{3,}", re.ASCII)
_WEB: Final = re.compile(r"^WWW[ .]|\bCO UK\b")
_CODE: Final = 5
_PLAIN: Final = str.maketrans({"Ł": "L", "Ø": "O", "Đ": "D", "Ð": "D", "Þ": "TH", "Æ": "AE", "Œ": "OE"})
"""Letters that Unicode does not take apart into a plain one and its mark."""


@lru_cache(maxsize=KEPT_NAMES)
def cleaned(name: str) -> str | None:
    """Return a merchant's name cleaned and grouped, None where nothing is left of it.

    Who took the money for another (`SQ *`, `PAYPAL *`), the numbers of stores, phones and orders, countries, towns at
    the end, forms of company and the ends of web addresses go; the shops of a chain get the chain's name.
    """
    return " ".join(_grouped(_without_town(_words(name)))) or None


@lru_cache(maxsize=KEPT_NAMES)
def counterparty(name: str) -> str | None:
    """Return the name of whoever a transfer went to or came from, upper case, None where nothing is left of it.

    Nothing is grouped, and no town is taken for one: it may be a person's name.
    """
    return " ".join(_words(name)) or None


@lru_cache(maxsize=KEPT_NAMES)
def plain_words(name: str) -> Words:
    """Return the words of a payee's name in plain letters, since most banks carry no accents."""
    parted = unicodedata.normalize("NFKD", (counterparty(name) or "").translate(_PLAIN))
    return tuple("".join(letter for letter in parted if not unicodedata.combining(letter)).split())


def phrase(text: str) -> str | None:
    """Return the words that a rule for merchants looks for, as cleaned names have them; towns stay."""
    return " ".join(_grouped(_words(text))) or None


def holds_words(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Tell whether the wanted words stand in a name as whole words, one after the other."""
    length = len(wanted)
    return any(tuple(words[place : place + length]) == tuple(wanted) for place in range(len(words) - length + 1))


def _words(name: str) -> Words:
    text = unicodedata.normalize("NFKC", name).upper().replace("’", "'").replace("'", "")
    text = " ".join(_seller(text).split())
    text = _STATION.sub("FSTN", _ASIDE.sub(" ", text))
    text = _ADDRESS.sub(lambda found: _host(found[1], was_cut=len(text) >= _CUT), text)
    text = _WEB.sub("", text)
    text = _LONE_LETTERS.sub(lambda found: found[1].replace(".", ""), text)
    text = _AMPERSAND.sub(r"\1&\2", text)
    words = [part for word in _WORD.findall(text) for part in _parted(word)]
    shown = (_shown(word, words, place) for place, word in enumerate(words))
    return tuple(word for word in shown if word)


def _seller(text: str) -> str:
    """Return the side of an asterisk that names the seller."""
    before, star, after = text.strip().partition("*")
    if not star:
        first, _, rest = before.partition(" ")
        return rest if first in chains.INTERMEDIARIES and rest.strip() else before
    before, after = before.rstrip(" _"), after.strip(" *")
    is_between = before in chains.INTERMEDIARIES or len(before) <= _INTERMEDIARY
    return after if not before or (is_between and after and before not in chains.SHORT_SELLERS) else before


def _host(address: str, *, was_cut: bool) -> str:
    """Return the name in a web address; what only looks like one is parted at its dots."""
    labels = address.split(".")
    cut_short = {"C", "G", "O", "U"} if was_cut else set()
    endings = {"", *chains.DOMAINS, *cut_short}
    names = [label for label in labels if label not in endings]
    is_address = any(label in endings - {""} for label in labels[1:]) or (was_cut and not labels[-1])
    return names[-1] if is_address and names and labels[-1] in endings else " ".join(labels)


def _parted(word: str) -> Sequence[str]:
    """Part MARKS&SPENCER at its sign, and leave B&Q whole."""
    parts = word.split("&")
    if len(parts) == 1 or word == "&" or all(len(part) == 1 for part in parts):
        return [word]
    return [each for part in parts for each in ("&", part)][1:]


def _shown(word: str, words: Sequence[str], place: int) -> str | None:
    """Return a word of a name without a number at its end, None where all of it is a number, a code or a country."""
    if (found := _TRAILING_NUMBER.fullmatch(word)) is not None:
        word = found[1]
    if place == 0:
        return word
    if word in chains.COUNTRIES or word in chains.COMPANY_FORMS or (word == "LT" and place == len(words) - 1):
        return None
    if not any(letter.isdigit() for letter in word):
        return word
    is_between_words = len(word) == 1 and place < len(words) - 1 and not words[place + 1].isdigit()
    is_code = word[0].isdigit() or len(word) >= _CODE
    return word if is_between_words or not is_code else None


def _without_town(words: Words) -> Words:
    if len(words) > 1 and words[-1] in chains.TOWNS and words[-2] not in {"OF", "THE"}:
        return words[:-1]
    return words


def _grouped(words: Words) -> Words:
    for length in range(min(_LONGEST_CHAIN, len(words)), 0, -1):
        chain = chains.CHAINS.get(" ".join(words[:length]))
        if chain is not None:
            counter = next((chains.COUNTERS[word] for word in words[length:] if word in chains.COUNTERS), None)
            return tuple(chain.split()) + ((counter,) if counter else ())
    alone = chains.ALONE.get(" ".join(words))
    return tuple(alone.split()) if alone else words
