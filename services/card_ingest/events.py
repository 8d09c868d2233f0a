"""The canonical card event that every format becomes, read strictly, and what a row of a delivery comes to.

Amounts are whole pence or decimal text, never floats. Nothing here knows a database, a provider or a file.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from services.card_ingest import currencies, reasons
from services.card_ingest.reasons import Note, Reason
from services.card_ingest.telling import Telling
from services.shared import dates, money
from services.shared.vocabulary.money import SIGN, EventStatus, TransactionType

LARGEST_PENCE: Final = 10**12
LONGEST_REFERENCE: Final = 200
TRIAL: Final = "trial"

Reference: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST_REFERENCE)]
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


class Waits(msgspec.Struct, frozen=True, gc=False):
    """Why a row that can be read does not post, and the sentence that says so."""

    reason: Reason
    detail: str


class ReadRow(msgspec.Struct, frozen=True, gc=False):
    """A row that could be read; its event is normal: `amount_pence`, `currency`, `booked_on` and UTC are always there.

    `delivered_pence` is as the delivery states it, sign included; `effect_pence` is what it does to the balance once
    posted. `waits` is there where the row waits for two people although it can be read. `known_as` is the id that an
    earlier version of its layout gave it, where that is another one.
    """

    number: int
    event: CardEvent
    delivered_pence: int
    effect_pence: int
    booked_on: date
    waits: "Waits | None" = None
    telling: Telling | None = None
    known_as: str | None = None

    @property
    def digest(self) -> bytes:
        """Return 16 bytes that are equal for equal content, however it was written down; worked out at each call."""
        return blake2b(_ENCODER.encode(self.event), digest_size=16).digest()


class BadRow(msgspec.Struct, frozen=True, gc=False):
    """A row that could not be read, or (its reason is a note) that by its own words moves no money. `content` is what
    came, None where it must not be kept.
    """

    number: int
    reason: Reason | Note
    detail: str
    delivered_pence: int | None
    content: bytes | None


Row: TypeAlias = ReadRow | BadRow


class UnusableEvent(ValueError):
    """An event cannot be used; `reason` says why, and the text names the field."""

    def __init__(self, reason: Reason, field: str = "a field") -> None:
        super().__init__(reasons.detail(reason, field=field))
        self.reason = reason


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    event: CardEvent
    delivered_pence: int
    telling: Telling | None = None
    known_as: str | None = None


_set: Final = msgspec.structs.force_setattr  # Only on events that have just been made here.
_KEPT_DECODER: Final = msgspec.json.Decoder(_Kept)
_ENCODER: Final = msgspec.json.Encoder()
_SIGNS: Final = {kind.value: sign for kind, sign in SIGN.items()}
_MCC: Final = re.compile(r"([0-9]{3,4})(?:\.0+)?", re.ASCII)
_REGULAR_MCCS: Final = frozenset(f"{number:04}" for number in range(10_000))
_NEEDLESS_ZEROS: Final = re.compile(r"(\.[0-9]{2})0+$", re.ASCII)
_FINER_THAN_PENCE: Final = re.compile(r"[+-]?£?[0-9,]+\.[0-9]{3,}", re.ASCII)


def read(event: CardEvent, *, number: int, received_on: date, delivered_pence: int | None = None) -> ReadRow:
    """Judge an event by its own content. Raises UnusableEvent.

    `delivered_pence` is given where the delivery states the amount with a sign; else it is the event's own amount.
    `received_on` is the Europe/London day on which the delivery came: nothing is booked after it.
    """
    own = msgspec.structs.replace(event)
    return judge(own, number=number, received_on=received_on, delivered_pence=delivered_pence)


def bad_row(trouble: UnusableEvent, *, number: int, delivered_pence: int | None, content: bytes | None) -> BadRow:
    """Return the row that tells the trouble."""
    return BadRow(number, trouble.reason, str(trouble), delivered_pence, content)


def stopped(row: ReadRow, reason: Reason, *, field: str = "a field") -> ReadRow:
    """Return the row as one that waits for two people, unless it does already."""
    if row.waits is not None:
        return row
    return msgspec.structs.replace(row, waits=Waits(reason, reasons.detail(reason, field=field)))


def renamed(row: ReadRow, transaction_id: str) -> ReadRow:
    """Return the row under another transaction id, with the digest that it has under that one."""
    event = msgspec.structs.replace(row.event, provider_transaction_id=transaction_id)
    return msgspec.structs.replace(row, event=event)


def named(row: ReadRow, transaction_id: str) -> ReadRow:
    """Return a row that nobody else has yet under its transaction id; it gets it where it stands."""
    _set(row.event, "provider_transaction_id", transaction_id)
    return row


def encode(row: ReadRow) -> bytes:
    """Write a row down so that `decode` returns it; it is kept, encrypted, while the row waits."""
    return _ENCODER.encode(_Kept(row.event, row.delivered_pence, row.telling, row.known_as))


def decode(content: bytes, *, number: int) -> ReadRow:
    """Return the row that `encode` wrote down; that it is booked in no future was judged on the day it came."""
    kept = _KEPT_DECODER.decode(content)
    row = read(kept.event, number=number, received_on=date.max, delivered_pence=kept.delivered_pence)
    return msgspec.structs.replace(row, telling=kept.telling, known_as=kept.known_as)


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


def judge(event: CardEvent, *, number: int, received_on: date, delivered_pence: int | None) -> ReadRow:  # noqa: C901 (the hot path)
    """Return the row of an event that nobody else has yet: it is made normal where it stands. Raises UnusableEvent.

    What nearly every row passes is asked here, in a few comparisons; what one fails is told apart by the functions.
    """
    pence, sign = event.amount_pence, _SIGNS.get(event.type._value_)
    if pence is None or event.amount is not None or event.merchant_pence is not None or not 0 < pence <= LARGEST_PENCE:
        pence = _pence(event)
    if sign is None or event.direction is not None:
        sign = _sign(event)
    if event.currency != "GBP":
        if event.currency is not None and currencies.code(event.currency) != currencies.POUNDS:
            raise UnusableEvent(Reason.CURRENCY_NOT_GBP)
        _set(event, "currency", currencies.POUNDS)
    if event.card_ref is None and event.account_ref is None:
        raise UnusableEvent(Reason.MISSING_FIELD, "account_ref or card_ref")
    if event.mcc is not None and event.mcc not in _REGULAR_MCCS:
        _set(event, "mcc", mcc_of_text(event.mcc))
    if pence == 0 and event.status is EventStatus.POSTED:
        raise UnusableEvent(Reason.AMOUNT_IS_ZERO)
    booked_on = event.booked_on or _booking_day(event)
    if booked_on > received_on:
        raise UnusableEvent(Reason.FUTURE_DATE, "booked_on" if event.booked_on else "occurred_at")
    if event.booked_on is None:
        _set(event, "booked_on", booked_on)
    if event.occurred_at.tzinfo is not UTC:
        _set(event, "occurred_at", _in_utc(event.occurred_at))
    return ReadRow(number, event, pence if delivered_pence is None else delivered_pence, sign * pence, booked_on)


def mcc_of_text(text: str) -> str | None:
    """Return a merchant category code as its four digits; spreadsheets write 0780 as 780, and 5411 as 5411.0.

    None where the text is empty. Raises UnusableEvent for anything else: a code is never guessed.
    """
    if not text.strip():
        return None
    found = _MCC.fullmatch(text.strip())
    if found is None:
        raise UnusableEvent(Reason.BAD_MCC)
    return found[1].zfill(4)


def _pence(event: CardEvent) -> int:
    """Return the event's magnitude, and leave it stated in pence alone."""
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
    _set(event, "amount", None)
    _set(event, "amount_pence", pence)
    return pence


def _sign(event: CardEvent) -> int:
    stated = None if event.direction is None else 1 if event.direction == "in" else -1
    sign = SIGN.get(event.type, stated)
    if sign is None:
        raise UnusableEvent(Reason.MISSING_FIELD, "direction")
    if stated is not None and stated != sign:
        raise UnusableEvent(Reason.DIRECTION_CONTRADICTS_TYPE)
    return sign


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # The first or last hours of the calendar lie outside it in another zone.
        raise UnusableEvent(Reason.BAD_DATE, "occurred_at") from None


def _booking_day(event: CardEvent) -> date:
    """Return the Europe/London day on which the event occurred; only late in the day is the zone asked, which is slow.

    London has been ahead of UTC by two hours at most, and never behind since it keeps a standard time.
    """
    moment = event.occurred_at if event.occurred_at.tzinfo is UTC else _in_utc(event.occurred_at)
    if moment.hour < 22 and moment.year > 1900:
        return moment.date()
    try:
        return _london_day(moment.replace(minute=0, second=0, microsecond=0))
    except OverflowError:
        raise UnusableEvent(Reason.BAD_DATE, "occurred_at") from None


@lru_cache(maxsize=4096)
def _london_day(hour: datetime) -> date:
    """Return the London day of a whole hour in UTC (clocks change on the hour)."""
    return dates.london_date(hour)
