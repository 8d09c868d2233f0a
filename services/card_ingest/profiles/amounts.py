"""Money as a table states it: one signed column, debit and credit columns, or a word for the way it goes."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from services.card_ingest import events
from services.card_ingest.events import UnusableEvent
from services.card_ingest.profiles.headings import Layout
from services.card_ingest.profiles.table import TableProfile
from services.card_ingest.reasons import Reason

FIELDS: Final = ("amount", "debit", "credit", "direction")
"""The fields that an amount is stated by."""

_LONGEST_PLAIN: Final = 12
_WHOLE_PENCE: Final = re.compile(r"[+-]?[0-9]{1,15}", re.ASCII)
_ACCOUNTING: Final = re.compile(r"£?\(([£0-9][^+\-()]*)\)|([£0-9][^+\-()]*)-")
_NIL: Final = re.compile(r"£?0*(?:\.0*)?|-", re.ASCII)


def stated_pence(file: Layout, fields: Sequence[str]) -> int:
    """Return the amount as the file states it, sign included; of unsigned columns, what goes out is negative.

    Raises UnusableEvent.
    """
    amount = file.profile.amount
    if amount.debit is not None:
        return _of_two_columns(file, fields)
    text = file.cell(fields, "amount")
    if not text:
        raise UnusableEvent(Reason.AMOUNT_MISSING)
    pence = _pence(file.profile, text)
    if "direction" not in file.places:
        return pence
    word = file.cell(fields, "direction")
    if not word:
        raise UnusableEvent(Reason.MISSING_FIELD, file.heading("direction"))
    if (way := file.ways.get(word.casefold())) is None:
        raise UnusableEvent(Reason.UNKNOWN_WORD, file.heading("direction"))
    return _magnitude(pence) if way == "in" else -_magnitude(pence)


def column_pence(file: Layout, fields: Sequence[str]) -> Mapping[str, int]:
    """Return what each column of the amount states for itself, without a word for its way. Raises UnusableEvent."""
    given = ((name, file.cell(fields, name)) for name in ("amount", "debit", "credit"))
    return {name: 0 if _NIL.fullmatch(text) else _pence(file.profile, text) for name, text in given if text}


def balance_pence(file: Layout, fields: Sequence[str]) -> int | None:
    """Return the account's balance after the row as the file states it, None where it states none to be read."""
    text = file.cell(fields, "balance")
    try:
        return _pence(file.profile, text) if text else None
    except UnusableEvent:
        return None


def stated_sign(profile: TableProfile) -> int:
    """Return how a table states an effect on the balance: with its sign (1) or with the other (-1)."""
    return -1 if profile.amount.positive_is == "spend" else 1


def _of_two_columns(file: Layout, fields: Sequence[str]) -> int:
    given = {name: text for name in ("debit", "credit") if (text := file.cell(fields, name))}
    filled = {name: text for name, text in given.items() if not _NIL.fullmatch(text)}
    if len(filled) > 1:
        raise UnusableEvent(Reason.AMOUNT_STATED_TWICE)
    if not given:
        raise UnusableEvent(Reason.AMOUNT_MISSING)
    if not filled:
        return 0
    ((name, text),) = filled.items()
    pence = _magnitude(_pence(file.profile, text))
    return pence if name == "credit" else -pence


def _magnitude(pence: int) -> int:
    if pence < 0:
        raise UnusableEvent(Reason.AMOUNT_IS_NEGATIVE)
    return pence


def _pence(profile: TableProfile, text: str) -> int:
    sign = 1
    if text[-1] in ")-" and (found := _ACCOUNTING.fullmatch(text)):
        sign, text = -1, found[1] or found[2]
    if profile.amount.written_in == "pounds":
        pounds, pence = text[:-3], text[-2:]
        if (
            text[-3:-2] == "."
            and pounds.isdecimal()
            and pence.isdecimal()
            and len(text) <= _LONGEST_PLAIN
            and text.isascii()
        ):
            return sign * int(pounds + pence)  # As nearly every amount is written; no other reading is as quick.
        return sign * events.pence_of_text(text)
    if not _WHOLE_PENCE.fullmatch(text):
        raise UnusableEvent(Reason.AMOUNT_NOT_WHOLE_PENCE if "." in text else Reason.NOT_A_NUMBER)
    return sign * events.within_range(int(text))
