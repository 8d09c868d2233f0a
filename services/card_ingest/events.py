"""The canonical card event that every format becomes, read strictly, and what a row of a delivery comes to.

Amounts are whole pence or decimal text, never floats. Nothing here knows a database, a provider or a file.
"""

import json
import re
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from services.card_ingest import reasons
from services.card_ingest.reasons import Reason
from services.shared import dates, money
from services.shared.vocabulary import SIGN, EventStatus, TransactionType

LARGEST_PENCE: Final = 10**12
TRIAL: Final = "trial"

Reference: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Text: TypeAlias = Annotated[str, Meta(max_length=500)]


class CardEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One event of a card or account, in the words of `vocabulary`; this is also the JSON that a provider may push.

    `amount_pence` (whole pence) or `amount` (pounds as decimal text) is a magnitude: the type, or `direction` where the
    type leaves it open, says which way the money goes. `booked_on` is the provider's booking day, by default the
    Europe/London day of `occurred_at`. `account_ref` names the account, `card_ref` the card; one of them must be there.
    `authorisation_id` is the hold that a posted, reversed or expired event closes, by default its own id.
    """

    provider_transaction_id: Reference
    status: EventStatus
    type: TransactionType
    occurred_at: Annotated[datetime, Meta(tz=True)]
    amount_pence: int | None = None
    amount: Annotated[str, Meta(max_length=40)] | None = None
    currency: Annotated[str, Meta(max_length=3)] | None = None
    booked_on: date | None = None
    account_ref: Reference | None = None
    card_ref: Reference | None = None
    mcc: Annotated[str, Meta(max_length=8)] | None = None
    merchant_name: Text | None = None
    merchant_category: Text | None = None
    merchant_pence: int | None = None
    merchant_currency: Annotated[str, Meta(max_length=3)] | None = None
    reference: Text | None = None
    reverses_transaction_id: Reference | None = None
    authorisation_id: Reference | None = None
    direction: Literal["in", "out"] | None = None
    decline_reason: Text | None = None


class ReadRow(msgspec.Struct, frozen=True, gc=False):
    """A row that could be read; its event is normal: `amount_pence`, `currency`, `booked_on` and UTC are always there.

    `delivered_pence` is as the delivery states it, sign included; `effect_pence` is what it does to the balance once
    posted; `digest` (16 bytes) is equal for equal content, however it was written down.
    """

    number: int
    event: CardEvent
    delivered_pence: int
    effect_pence: int
    booked_on: date
    digest: bytes


class BadRow(msgspec.Struct, frozen=True, gc=False):
    """A row that could not be read. `content` is what came, None where it must not be kept."""

    number: int
    reason: Reason
    detail: str
    delivered_pence: int | None
    content: bytes | None


Row: TypeAlias = ReadRow | BadRow


class UnusableEvent(ValueError):
    """An event cannot be used; `reason` says why, and the text names the field."""

    def __init__(self, reason: Reason, field: str = "a field") -> None:
        super().__init__(reasons.detail(reason, field=field))
        self.reason = reason


class _Kept(msgspec.Struct, frozen=True):
    event: CardEvent
    delivered_pence: int


_DECODER: Final = msgspec.json.Decoder(CardEvent)
_KEPT_DECODER: Final = msgspec.json.Decoder(_Kept)
_ENCODER: Final = msgspec.json.Encoder()
_NEEDLESS_ZEROS: Final = re.compile(r"(\.[0-9]{2})0+$", re.ASCII)
_FINER_THAN_PENCE: Final = re.compile(r"[+-]?£?[0-9,]+\.[0-9]{3,}", re.ASCII)


def read_json(raw: bytes, *, number: int, received_on: date, account_ref: str | None = None) -> Row:
    """Read one row of JSON in our own layout; what is wrong with it is told by a `BadRow`, never raised.

    `account_ref` is what the sender said about the whole delivery; it goes before what the row itself says.
    """
    try:
        event = _DECODER.decode(raw)
        written = _ENCODER.encode(event)
        # Each key that is there is written once: more quotation marks than that, and one may have been named twice.
        if b"\\" in raw or raw.count(b'"') != written.count(b'"'):
            _refuse_ambiguity(raw)
        if account_ref is not None:
            event = msgspec.structs.replace(event, account_ref=account_ref)
            written = _ENCODER.encode(event)
        return _judged(event, written, number=number, received_on=received_on, delivered_pence=None)
    except UnusableEvent as trouble:
        return bad_row(trouble, number=number, delivered_pence=_pence_within(raw), content=raw)
    except msgspec.ValidationError as error:
        return bad_row(_explained(error), number=number, delivered_pence=_pence_within(raw), content=raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bad_row(UnusableEvent(Reason.BROKEN_JSON_LINE), number=number, delivered_pence=None, content=raw)


def read(event: CardEvent, *, number: int, received_on: date, delivered_pence: int | None = None) -> ReadRow:
    """Judge an event by its own content. Raises UnusableEvent.

    `delivered_pence` is given where the delivery states the amount with a sign; else it is the event's own amount.
    `received_on` is the Europe/London day on which the delivery came: nothing is booked after it.
    """
    return _judged(event, None, number=number, received_on=received_on, delivered_pence=delivered_pence)


def bad_row(trouble: UnusableEvent, *, number: int, delivered_pence: int | None, content: bytes | None) -> BadRow:
    """Return the row that tells the trouble; of a row with a card number nothing is kept."""
    kept = None if trouble.reason is Reason.CARD_NUMBER_IN_ROW else content
    return BadRow(number, trouble.reason, str(trouble), delivered_pence, kept)


def renamed(row: ReadRow, transaction_id: str) -> ReadRow:
    """Return the row under another transaction id, with the digest that it has under that one."""
    event = msgspec.structs.replace(row.event, provider_transaction_id=transaction_id)
    return msgspec.structs.replace(row, event=event, digest=_digest(_ENCODER.encode(event)))


def encode(row: ReadRow) -> bytes:
    """Write a row down so that `decode` returns it; it is kept, encrypted, while the row waits."""
    return _ENCODER.encode(_Kept(row.event, row.delivered_pence))


def decode(content: bytes, *, number: int) -> ReadRow:
    """Return the row that `encode` wrote down; that it is booked in no future was judged on the day it came."""
    kept = _KEPT_DECODER.decode(content)
    return read(kept.event, number=number, received_on=date.max, delivered_pence=kept.delivered_pence)


def pence_of_text(text: str) -> int:
    """Return the whole pence that a decimal text in pounds states. Raises UnusableEvent."""
    trimmed = _NEEDLESS_ZEROS.sub(r"\1", text.strip())
    try:
        pence = money.pence_from_text(trimmed)
    except ValueError:
        finer = _FINER_THAN_PENCE.fullmatch(trimmed) is not None
        raise UnusableEvent(Reason.AMOUNT_NOT_WHOLE_PENCE if finer else Reason.NOT_A_NUMBER) from None
    return within_range(pence)


def within_range(pence: int) -> int:
    """Return the pence, or raise UnusableEvent where no account could hold so much."""
    if abs(pence) > LARGEST_PENCE:
        raise UnusableEvent(Reason.AMOUNT_OUT_OF_RANGE)
    return pence


def _judged(
    event: CardEvent, written: bytes | None, *, number: int, received_on: date, delivered_pence: int | None
) -> ReadRow:
    """Return the row of an event; `written` is the event as JSON, where it has been written down already."""
    pence = _pence(event)
    sign = _sign(event)
    if event.currency is not None and event.currency != "GBP":
        raise UnusableEvent(Reason.CURRENCY_NOT_GBP)
    if event.account_ref is None and event.card_ref is None:
        raise UnusableEvent(Reason.MISSING_FIELD, "account_ref or card_ref")
    if event.mcc is not None and not (len(event.mcc) == 4 and event.mcc.isascii() and event.mcc.isdigit()):
        raise UnusableEvent(Reason.BAD_MCC)
    if pence == 0 and event.status is EventStatus.POSTED:
        raise UnusableEvent(Reason.AMOUNT_IS_ZERO)
    normal = _normal(event, pence)
    booked_on = normal.booked_on
    if booked_on is None or booked_on > received_on:
        raise UnusableEvent(Reason.FUTURE_DATE, "booked_on" if event.booked_on else "occurred_at")
    content = written if written is not None and normal is event else _ENCODER.encode(normal)
    stated = pence if delivered_pence is None else delivered_pence
    return ReadRow(number, normal, stated, sign * pence, booked_on, _digest(content))


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def _normal(event: CardEvent, pence: int) -> CardEvent:
    """Return the event as it is written when nothing is left to default, so that equal events are equal."""
    is_utc = event.occurred_at.tzinfo is UTC
    if is_utc and event.amount is None and event.currency is not None and event.booked_on is not None:
        return event
    try:
        occurred_at = event.occurred_at if is_utc else event.occurred_at.astimezone(UTC)
        booked_on = event.booked_on or _london_day(occurred_at.replace(minute=0, second=0, microsecond=0))
    except OverflowError:  # The first or last hours of the calendar lie outside it in another zone.
        raise UnusableEvent(Reason.BAD_DATE, "occurred_at") from None
    return msgspec.structs.replace(
        event, occurred_at=occurred_at, booked_on=booked_on, amount=None, amount_pence=pence, currency="GBP"
    )


def _pence(event: CardEvent) -> int:
    if event.merchant_pence is not None:
        within_range(event.merchant_pence)
    if event.amount is not None and event.amount_pence is not None:
        raise UnusableEvent(Reason.AMOUNT_STATED_TWICE)
    if event.amount is not None:
        pence = pence_of_text(event.amount)
    elif event.amount_pence is not None:
        pence = within_range(event.amount_pence)
    else:
        raise UnusableEvent(Reason.AMOUNT_MISSING)
    if pence < 0:
        raise UnusableEvent(Reason.AMOUNT_IS_NEGATIVE)
    return pence


def _sign(event: CardEvent) -> int:
    stated = None if event.direction is None else 1 if event.direction == "in" else -1
    sign = SIGN.get(event.type, stated)
    if sign is None:
        raise UnusableEvent(Reason.MISSING_FIELD, "direction")
    if stated is not None and stated != sign:
        raise UnusableEvent(Reason.DIRECTION_CONTRADICTS_TYPE)
    return sign


@lru_cache(maxsize=4096)
def _london_day(hour: datetime) -> date:
    """Return the London day of a whole hour in UTC (clocks change on the hour), since asking the zone is slow."""
    return dates.london_date(hour)


def _refuse_ambiguity(raw: bytes) -> None:
    def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise UnusableEvent(Reason.DUPLICATE_KEY)
        if any(isinstance(value, str) and "\0" in value for value in found.values()):
            raise UnusableEvent(Reason.UNREADABLE_ROW)
        return found

    json.loads(raw, object_pairs_hook=each_once)


def _pence_within(raw: bytes) -> int | None:
    """Return the amount that an unusable row states all the same, so that its pence are counted; None if unreadable."""
    try:
        found = json.loads(raw, parse_float=str)
        if raw.count(b'"amount') > 1:
            return None
        if type(found.get("amount_pence")) is int:
            return within_range(found["amount_pence"])
        return pence_of_text(found["amount"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


_AT_FIELD: Final = re.compile(r"(?:field|- at) `(?:\$\.?)?([a-z_]*)")


def _explained(error: msgspec.ValidationError) -> UnusableEvent:
    """Return the trouble in our own words: the library's would repeat what stood in the row."""
    text = str(error)
    found = _AT_FIELD.search(text)
    named = found[1] if found else ""
    field = named if named in CardEvent.__struct_fields__ else "the row"
    if text.startswith("Object missing"):
        return UnusableEvent(Reason.MISSING_FIELD, field)
    if text.startswith("Object contains unknown"):
        return UnusableEvent(Reason.UNKNOWN_FIELD)
    if field == "amount_pence" and text.endswith("got `float` - at `$.amount_pence`"):
        return UnusableEvent(Reason.AMOUNT_NOT_WHOLE_PENCE)
    if field in {"occurred_at", "booked_on"} and ("RFC3339" in text or "timezone" in text):
        return UnusableEvent(Reason.BAD_DATE, field)
    if text.startswith("Invalid enum value"):
        return UnusableEvent(Reason.UNKNOWN_WORD, field)
    return UnusableEvent(Reason.WRONG_LENGTH if "of length" in text else Reason.WRONG_TYPE, field)
