"""One JSON event of a provider's own shape read by its profile: fields found by path, words translated, signs and times
understood. What an event says beside those fields is left where it is.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from services.card_ingest import currencies, events, reasons
from services.card_ingest.events import BadRow, CardEvent, Row, UnusableEvent
from services.card_ingest.profiles import event_tree, joined_ids, unread_currencies
from services.card_ingest.profiles.event_form import EventAmount, EventKind, JsonEventsProfile, Paths
from services.card_ingest.profiles.event_tree import RepeatedKey
from services.card_ingest.reasons import Note, Reason
from services.shared.vocabulary.money import SIGN, EventStatus, TransactionType

Way: TypeAlias = Literal["in", "out"]

_LONGEST_TEXT: Final = 500
_MILLISECONDS: Final = 1000
_ANYTHING: Final = "*"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def read(profile: JsonEventsProfile, raw: bytes, *, number: int, received_on: date, account_ref: str | None) -> Row:
    """Read one event; what is wrong with it is told by a `BadRow`, never raised.

    `account_ref` is what the sender said about the whole delivery; it goes before what the event itself says.
    """
    pence: int | None = None
    try:
        event = _tree(raw)
        kind = _kind(profile, event)
        fields = event_tree.value(event, profile.fields)
        if kind is None or _is_silent(kind, fields):
            return BadRow(number, Note.TELLS_NO_MONEY, reasons.detail(Note.TELLS_NO_MONEY), 0, None)
        stated = _stated_pence(kind.amount, fields)
        pence = abs(stated)
        found = _event(profile, kind, fields, stated=stated, account_ref=account_ref)
        row = events.read(found, number=number, received_on=received_on, delivered_pence=pence)
        unread = unread_currencies.of_event(kind, fields)
        return row if unread is None else events.stopped(row, Reason.CURRENCY_COLUMN_UNREAD, field=unread)
    except UnusableEvent as trouble:
        return events.bad_row(trouble, number=number, delivered_pence=pence, content=raw)


def _tree(raw: bytes) -> Any:
    try:
        return event_tree.tree(raw)
    except RepeatedKey:
        raise UnusableEvent(Reason.DUPLICATE_KEY) from None
    except (ValueError, ArithmeticError, RecursionError):  # An exponent that no decimal number has is arithmetic's.
        raise UnusableEvent(Reason.BROKEN_JSON_LINE) from None


def _kind(profile: JsonEventsProfile, event: Any) -> EventKind | None:
    """Return how an event is read, None where it tells nothing of money. Raises UnusableEvent for an unknown word."""
    if profile.kind is None:
        return profile.kinds[0]
    word = event_tree.value(event, profile.kind)
    if not isinstance(word, str):
        raise UnusableEvent(Reason.MISSING_FIELD, profile.kind)
    found = next((kind for kind in profile.kinds if word in kind.words), None)
    if found is None and not any(_fits(word, silent) for silent in profile.silent):
        raise UnusableEvent(Reason.UNKNOWN_WORD, profile.kind)
    return found


def _fits(word: str, silent: str) -> bool:
    return word.startswith(silent.removesuffix(_ANYTHING)) if silent.endswith(_ANYTHING) else word == silent


def _is_silent(kind: EventKind, fields: Any) -> bool:
    is_overridden = any(_holds(fields, override.path, override.equals) for override in kind.status.overrides)
    return not is_overridden and event_tree.plain(fields, kind.status.path) in kind.status.silent


def _holds(fields: Any, path: str, wanted: bool | int | str) -> bool:
    found = event_tree.value(fields, path)
    return type(found) is type(wanted) and found == wanted


def _event(
    profile: JsonEventsProfile, kind: EventKind, fields: Any, *, stated: int, account_ref: str | None
) -> CardEvent:
    mcc = _reference(fields, kind.merchant.mcc, "the merchant category code")
    type_, direction = _type(kind, fields, stated=stated, mcc=mcc)
    merchant_pence, merchant_currency = _merchant_amount(kind, fields)
    return CardEvent(
        provider_transaction_id=joined_ids.joined_id([_required(fields, paths) for paths in kind.identity]),
        status=_status(kind, fields),
        type=type_,
        occurred_at=_moment(profile, fields, kind.occurred),
        amount_pence=abs(stated),
        currency=currencies.code(_required(fields, kind.currency)),
        booked_on=_day(fields, kind.booked),
        account_ref=account_ref or _reference(fields, kind.account, "the account"),
        card_ref=_reference(fields, kind.card, "the card"),
        mcc=mcc,
        merchant_name=_text(fields, kind.merchant.name),
        merchant_category=_text(fields, kind.merchant.category),
        merchant_pence=merchant_pence,
        merchant_currency=merchant_currency,
        reference=_text(fields, kind.reference),
        reverses_transaction_id=_reference(fields, kind.reverses, "what it reverses"),
        authorisation_id=_reference(fields, kind.authorisation, "the authorisation"),
        direction=direction,
        decline_reason=_text(fields, kind.decline_reason),
    )


def _stated_pence(amount: EventAmount, fields: Any) -> int:
    """Return the amount as the event states it, sign included. Raises UnusableEvent."""
    found = event_tree.plain(fields, amount.path)
    if found is None:
        raise UnusableEvent(Reason.AMOUNT_MISSING)
    if amount.written_in == "pounds":
        if not isinstance(found, str):
            raise UnusableEvent(Reason.WRONG_TYPE, "the amount")
        pence = events.pence_of_text(found)
    elif isinstance(found, int):
        pence = events.within_range(found)
    else:
        raise UnusableEvent(Reason.AMOUNT_NOT_WHOLE_PENCE if isinstance(found, Decimal) else Reason.NOT_A_NUMBER)
    if pence < 0 and amount.positive_is == "magnitude":
        raise UnusableEvent(Reason.AMOUNT_IS_NEGATIVE)
    return pence


def _type(kind: EventKind, fields: Any, *, stated: int, mcc: str | None) -> tuple[TransactionType, Way | None]:
    """Return the type, and the way the money goes where the type leaves it open."""
    types, way = kind.type, kind.amount.positive_is
    is_out = None if way == "magnitude" or stated == 0 else (stated > 0) == (way == "spend")
    word = event_tree.plain(fields, types.path)
    if types.path is not None and word is None and event_tree.stands(fields, types.path):
        raise UnusableEvent(Reason.WRONG_TYPE, _named(types.path))
    if types.path is not None and word is not None and word not in types.words:
        raise UnusableEvent(Reason.UNKNOWN_WORD, _named(types.path))
    by_word = types.words[str(word)] if word is not None else types.money_in if is_out is False else types.money_out
    by_mcc = types.by_mcc.get(mcc or "")
    found = by_mcc if by_mcc is not None and SIGN.get(by_mcc) == SIGN.get(by_word) else by_word
    if is_out is not None and SIGN.get(found, 0) == (1 if is_out else -1):
        raise UnusableEvent(Reason.DIRECTION_CONTRADICTS_TYPE)
    return found, None if found in SIGN or is_out is None else "out" if is_out else "in"


def _status(kind: EventKind, fields: Any) -> EventStatus:
    status = kind.status
    for override in status.overrides:
        if _holds(fields, override.path, override.equals):
            return override.status
    if status.always is not None:
        return status.always
    word = _required(fields, status.path or [])
    if word not in status.words:
        raise UnusableEvent(Reason.UNKNOWN_WORD, _named(status.path or []))
    return status.words[word]


def _moment(profile: JsonEventsProfile, fields: Any, paths: Paths) -> datetime:
    found = event_tree.plain(fields, paths)
    try:
        if profile.times == "rfc3339":
            moment = datetime.fromisoformat(found) if isinstance(found, str) else None
            if moment is not None and moment.tzinfo is not None:
                return moment.astimezone(UTC)
        elif isinstance(found, int):
            scale = 1 if profile.times == "epoch_seconds" else _MILLISECONDS
            return datetime.fromtimestamp(found / scale, UTC)
    except (ValueError, OverflowError, OSError):
        raise UnusableEvent(Reason.BAD_DATE, _named(paths)) from None
    raise UnusableEvent(Reason.MISSING_FIELD if found is None else Reason.BAD_DATE, _named(paths))


def _day(fields: Any, paths: Paths | None) -> date | None:
    found = event_tree.plain(fields, paths)
    if found is None:
        return None
    try:
        return date.fromisoformat(found if isinstance(found, str) and _DAY.fullmatch(found) else "")
    except ValueError:
        raise UnusableEvent(Reason.BAD_DATE, "the booking day") from None


def _merchant_amount(kind: EventKind, fields: Any) -> tuple[int | None, str | None]:
    """Return the amount and currency at the till, where it was not in pounds."""
    currency = _text(fields, kind.merchant.currency)
    amount = event_tree.plain(fields, kind.merchant.amount)
    if not currency or currencies.code(currency) == currencies.POUNDS or not isinstance(amount, int):
        return None, None
    if len(currency) > len(currencies.POUNDS):
        raise UnusableEvent(Reason.WRONG_LENGTH, "the merchant's currency")
    return events.within_range(abs(amount)), currencies.code(currency)


def _required(fields: Any, paths: Paths) -> str:
    found = _reference(fields, paths, _named(paths))
    if found is None:
        raise UnusableEvent(Reason.MISSING_FIELD, _named(paths))
    return found


def _reference(fields: Any, paths: Paths | None, name: str) -> str | None:
    found = event_tree.plain(fields, paths)
    if isinstance(found, Decimal):
        raise UnusableEvent(Reason.WRONG_TYPE, name)
    return None if found is None or not str(found).strip() else _kept(str(found), events.LONGEST_REFERENCE, name)


def _text(fields: Any, paths: Paths | None) -> str | None:
    found = event_tree.plain(fields, paths)
    return _kept(found.strip(), _LONGEST_TEXT, _named(paths or [])) or None if isinstance(found, str) else None


def _kept(text: str, longest: int, name: str) -> str:
    """Return a text that can be stored. Raises UnusableEvent for one that is too long, or holds a NUL."""
    if len(text) > longest:
        raise UnusableEvent(Reason.WRONG_LENGTH, name)
    if "\0" in text:
        raise UnusableEvent(Reason.UNREADABLE_ROW)
    return text


def _named(paths: str | Sequence[str]) -> str:
    """Return the layout's own name for a field."""
    return paths if isinstance(paths, str) else next(iter(paths), "a field")
