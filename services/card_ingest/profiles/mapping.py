"""One row of a table read by a profile: words translated, dates and signs understood, nothing guessed."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from typing import Final

import msgspec

from services.card_ingest import currencies, events
from services.card_ingest.events import CardEvent, ReadRow, UnusableEvent
from services.card_ingest.profiles import amounts, columns, joined_ids, table
from services.card_ingest.profiles.columns import Column
from services.card_ingest.profiles.headings import Layout
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.profiles.statement_form import StatementProfile
from services.card_ingest.profiles.table import TableProfile
from services.card_ingest.reasons import Reason
from services.shared import dates
from services.shared.vocabulary.money import SIGN, EventStatus, TransactionType

_SPOILT_MCC: Final = re.compile(r"([0-9]{1,4})(?:\.0*)?", re.ASCII)
_EXPONENT: Final = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+[0-9]+|[0-9]\.[0-9]+[eE][0-9]+", re.ASCII)
_SERIAL: Final = re.compile(r"([0-9]{1,6})(?:\.0*)?", re.ASCII)
_LONGEST_REFERENCE: Final = 200
_LONGEST_TEXT: Final = 500
_set: Final = msgspec.structs.force_setattr  # Only on events that have just been made here.

NO_ID: Final = "-"
"""Under which a row without an id stands until equal rows are told apart."""

_SERIALS_BEGIN: Final = date(1899, 12, 30)
_FIRST_SERIAL: Final = 61
"""The first of March 1900: before it the count has a day that never was."""


class Reader:
    """Reads the rows of one file: what each of its columns becomes is settled before the first."""

    def __init__(self, file: Layout) -> None:
        blank = CardEvent(
            provider_transaction_id=NO_ID,
            status=EventStatus.POSTED,
            type=file.profile.type.money_out,
            occurred_at=datetime.min.replace(tzinfo=UTC),
            currency=file.profile.currency.always,
            account_ref=file.account_ref,
        )
        self._blank = partial(msgspec.structs.replace, blank)
        self._received_on = file.received_on
        self._stated = columns.remembered(file, amounts.FIELDS, partial(amounts.stated_pence, file))
        self._spend_is_positive = file.profile.amount.positive_is == "spend"
        self._of_spend = columns.remembered(file, ("type",), partial(_type, file, is_spend=True))
        self._of_money_in = columns.remembered(file, ("type",), partial(_type, file, is_spend=False))
        self._columns = tuple(_columns(file))

    def read(self, fields: Sequence[str], *, number: int) -> ReadRow:
        """Read one row. Raises UnusableEvent.

        Without an id in the file the row has none yet: it stands under a dash until equal rows are told apart.
        """
        stated = self._stated(fields)
        is_spend = (stated > 0) == self._spend_is_positive
        type_ = self._of_spend(fields) if is_spend else self._of_money_in(fields)
        event = self._blank()
        _set(event, "amount_pence", abs(stated))
        _set(event, "type", type_)
        if type_ not in SIGN:
            _set(event, "direction", "out" if is_spend else "in")
        for name, value in self._columns:
            _set(event, name, value(fields))
        return events.judge(event, number=number, received_on=self._received_on, delivered_pence=stated)


def _columns(file: Layout) -> Iterator[tuple[str, Column[object]]]:
    """Yield what is told of the event beside its amount and type, in the order in which its troubles are told."""
    profile, there = file.profile, file.places

    def each(field: str, names: Sequence[str], read: Column[object]) -> Iterator[tuple[str, Column[object]]]:
        if any(name in there for name in names):
            yield field, columns.remembered(file, names, read)

    if "merchant_amount" in there and "merchant_currency" in there:
        names = ("merchant_amount", "merchant_currency")
        yield from each("merchant_pence", names, lambda fields: _merchant_amount(file, fields)[0])
        yield from each("merchant_currency", names, lambda fields: _merchant_amount(file, fields)[1])
    if profile.identity.columns:  # Each row has its own: there is nothing to remember.
        yield "provider_transaction_id", partial(_given_id, file)
    yield from each("status", ("status",), partial(_status, file))
    yield from each("occurred_at", ("occurred", "booked"), partial(_occurred_at, file))
    yield from each("currency", ("currency",), lambda fields: file.cell(fields, "currency") or profile.currency.always)
    yield from each("booked_on", ("booked",), lambda fields: _day(file, fields, "booked").date())
    if file.account_ref is None:
        yield from each("account_ref", ("account",), lambda fields: _reference(file, fields, "account"))
    yield from each("card_ref", ("card",), lambda fields: _reference(file, fields, "card"))
    if "mcc" in there or profile.merchant.mcc_words:
        yield from each("mcc", ("mcc", "merchant_category"), partial(_mcc, file))
    for name in ("merchant_name", "merchant_category", "reference"):
        yield from each(name, (name,), partial(_text, file, name=name))
    yield from each("reverses_transaction_id", ("reverses",), partial(_link, file, name="reverses"))
    yield from each("authorisation_id", ("authorisation",), partial(_link, file, name="authorisation"))


def stated_sign(profile: Profile) -> int:
    """Return how a layout states an effect on the balance: with its sign (1), with the other (-1), or without (0)."""
    if isinstance(profile, StatementProfile):
        return 1
    return amounts.stated_sign(profile) if isinstance(profile, TableProfile) else 0


def _given_id(file: Layout, fields: Sequence[str]) -> str:
    count = len(file.profile.identity.columns)
    return joined_ids.joined_id([_identifier(file, fields, f"identity_{number}") for number in range(count)])


def _type(file: Layout, fields: Sequence[str], *, is_spend: bool) -> TransactionType:
    types = file.profile.type
    word = file.cell(fields, "type")
    if word and word not in types.words:
        raise UnusableEvent(Reason.UNKNOWN_WORD, file.heading("type"))
    found = types.words[word] if word else types.money_out if is_spend else types.money_in
    if SIGN.get(found, -1 if is_spend else 1) != (-1 if is_spend else 1):
        raise UnusableEvent(Reason.DIRECTION_CONTRADICTS_TYPE)
    return found


def _status(file: Layout, fields: Sequence[str]) -> EventStatus:
    word = file.cell(fields, "status")
    if word and word not in file.profile.status.words:
        raise UnusableEvent(Reason.UNKNOWN_WORD, file.heading("status"))
    return file.profile.status.words[word] if word else EventStatus.POSTED


def _day(file: Layout, fields: Sequence[str], name: str) -> datetime:
    text = _required(file, fields, name)
    found = _moment(text, file.date_formats)
    if found is None:
        raise UnusableEvent(Reason.BAD_DATE, file.heading(name))
    return found


@lru_cache(maxsize=4096)
def _moment(text: str, formats: tuple[str, ...]) -> datetime | None:
    """Return what a date or time says in any of the formats; a file has few days, and reading one is slow."""
    for form in formats:
        if form == table.EXCEL_SERIAL:
            if (serial := _SERIAL.fullmatch(text)) and int(serial[1]) >= _FIRST_SERIAL:
                return datetime.combine(_SERIALS_BEGIN + timedelta(days=int(serial[1])), datetime.min.time())
            continue
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 (the zone is London's, unless the text names one)
            return moment.astimezone(dates.LONDON).replace(tzinfo=None) if moment.tzinfo else moment
        except (ValueError, OverflowError):
            continue
    return None


def _occurred_at(file: Layout, fields: Sequence[str]) -> datetime:
    name = "occurred" if file.cell(fields, "occurred") else "booked"
    return _from_london(_day(file, fields, name))


@lru_cache(maxsize=4096)
def _from_london(moment: datetime) -> datetime:
    return moment.replace(tzinfo=dates.LONDON).astimezone(UTC)


def _mcc(file: Layout, fields: Sequence[str]) -> str | None:
    """Return four digits, also where a spreadsheet has made `5411.0` of them or taken the leading zero."""
    text = file.cell(fields, "mcc")
    if not text:
        return file.profile.merchant.mcc_words.get(file.cell(fields, "merchant_category"))
    if not (found := _SPOILT_MCC.fullmatch(text)):
        raise UnusableEvent(Reason.BAD_MCC)
    return found[1].zfill(4)


def _merchant_amount(file: Layout, fields: Sequence[str]) -> tuple[int | None, str | None]:
    """Return the amount and currency at the till, where it was not in pounds."""
    currency, amount = file.cell(fields, "merchant_currency"), file.cell(fields, "merchant_amount")
    if not amount or not currency or currencies.code(currency) == currencies.POUNDS:
        return None, None
    return events.pence_of_text(amount), _short(currencies.code(currency), 3, file.heading("merchant_currency"))


def _required(file: Layout, fields: Sequence[str], name: str) -> str:
    if not (text := file.cell(fields, name)):
        raise UnusableEvent(Reason.MISSING_FIELD, file.heading(name))
    return _short(text, _LONGEST_REFERENCE, file.heading(name))


def _identifier(file: Layout, fields: Sequence[str], name: str) -> str:
    """Return an id or reference; one that a spreadsheet has made a rounded number of is refused, not guessed."""
    text = _required(file, fields, name)
    if _EXPONENT.fullmatch(text):
        raise UnusableEvent(Reason.ID_IN_EXPONENT_FORM, file.heading(name))
    return text


def _reference(file: Layout, fields: Sequence[str], name: str) -> str | None:
    return _identifier(file, fields, name) if name in file.places else None


def _link(file: Layout, fields: Sequence[str], *, name: str) -> str | None:
    return _identifier(file, fields, name) if file.cell(fields, name) else None


def _text(file: Layout, fields: Sequence[str], *, name: str) -> str | None:
    return _short(file.cell(fields, name), _LONGEST_TEXT, name) or None


def _short(text: str, longest: int, field: str) -> str:
    if len(text) > longest:
        raise UnusableEvent(Reason.WRONG_LENGTH, field)
    return text
