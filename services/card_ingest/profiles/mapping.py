"""One file's rows read by a profile: columns found by their headings, words translated, signs and dates understood."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

from services.card_ingest import events
from services.card_ingest.events import CardEvent, ReadRow, UnusableEvent
from services.card_ingest.profiles.profile import Columns, CsvProfile, Profile
from services.card_ingest.reasons import Reason
from services.shared import dates
from services.shared.errors import Invalid
from services.shared.vocabulary import SIGN, EventStatus, TransactionType

_SPOILT_MCC: Final = re.compile(r"([0-9]{1,4})(?:\.0*)?", re.ASCII)
_WHOLE_PENCE: Final = re.compile(r"[+-]?[0-9]{1,15}", re.ASCII)
_LONGEST_REFERENCE: Final = 200
_LONGEST_TEXT: Final = 500


class WrongHeading(Invalid):
    """The file lacks columns that its profile needs; the text names them."""

    def __init__(self, profile: CsvProfile, missing: Sequence[str]) -> None:
        names = ", ".join(missing)
        text = f"the heading lacks {names} (profile {profile.name}); nothing of the file was stored"
        super().__init__(text, code="wrong_heading")


class RepeatedHeading(Invalid):
    """Two columns of the file have the heading of one field, so that nobody can tell which is meant."""

    def __init__(self, profile: CsvProfile, heading: str) -> None:
        text = f"two columns are headed {heading} (profile {profile.name}); nothing of the file was stored"
        super().__init__(text, code="repeated_heading")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one file's columns stand: our name for a field, its place in a row and the heading it has there.

    `account_ref` is the account of the whole file, if there is one; `seen` counts equal rows that have no id.
    """

    profile: CsvProfile
    places: Mapping[str, tuple[int, str]]
    account_ref: str | None
    received_on: date
    seen: Counter[bytes]

    def cell(self, fields: Sequence[str], name: str) -> str:
        """Return the trimmed text of a field, empty where the file has no such column."""
        place = self.places.get(name)
        return "" if place is None else fields[place[0]].strip()

    def ends_in(self, name: str, *, width: int) -> bool:
        """Tell whether a field's column is the last of a row of so many."""
        place = self.places.get(name)
        return place is not None and place[0] == width - 1

    def heading(self, name: str) -> str:
        """Return the heading under which a field stands."""
        return self.places[name][1]


def layout(profile: CsvProfile, heading: Sequence[str], *, account_ref: str | None, received_on: date) -> Layout:
    """Find the profile's columns in a file's heading. Raises WrongHeading, RepeatedHeading.

    `account_ref` is what the sender said about the whole file; it goes before what the file itself says.
    """
    places: dict[str, tuple[int, str]] = {}
    missing: list[str] = []
    for name, columns, is_needed in _columns(profile, knows_account=account_ref is not None):
        names = [columns] if isinstance(columns, str) else columns
        found = next((one for one in names if one in heading), None)
        if found is not None:
            if heading.count(found) > 1:
                raise RepeatedHeading(profile, found)
            places[name] = (list(heading).index(found), found)
        elif is_needed:
            missing.append(" or ".join(names))
    if missing:
        raise WrongHeading(profile, missing)
    return Layout(profile, places, account_ref or profile.account.whole_file, received_on, Counter())


def read(file: Layout, fields: Sequence[str], *, number: int) -> ReadRow:
    """Read one row, in the order of the file. Raises UnusableEvent."""
    stated = stated_pence(file, fields)
    is_spend = (stated > 0) == (file.profile.amount.positive_is == "spend")
    type_ = _type(file, fields, is_spend=is_spend)
    merchant_pence, merchant_currency = _merchant_amount(file, fields)
    event = CardEvent(
        provider_transaction_id=_given_id(file, fields) or "-",
        status=_status(file, fields),
        type=type_,
        occurred_at=_occurred_at(file, fields),
        amount_pence=abs(stated),
        currency=file.cell(fields, "currency") or file.profile.currency.always,
        booked_on=_day(file, fields, "booked").date(),
        account_ref=file.account_ref or _reference(file, fields, "account"),
        card_ref=_reference(file, fields, "card"),
        mcc=_mcc(file, fields),
        merchant_name=_text(file, fields, "merchant_name"),
        merchant_category=_text(file, fields, "merchant_category"),
        reference=_text(file, fields, "reference"),
        direction=None if type_ in SIGN else "out" if is_spend else "in",
        merchant_pence=merchant_pence,
        merchant_currency=merchant_currency,
    )
    row = events.read(event, number=number, received_on=file.received_on, delivered_pence=stated)
    return row if file.profile.identity.columns else _told_apart(file, row)


def stated_pence(file: Layout, fields: Sequence[str]) -> int:
    """Return the amount as the file states it, sign included. Raises UnusableEvent."""
    text = file.cell(fields, "amount")
    if not text:
        raise UnusableEvent(Reason.AMOUNT_MISSING)
    if file.profile.amount.written_in == "pounds":
        return events.pence_of_text(text)
    if not _WHOLE_PENCE.fullmatch(text):
        raise UnusableEvent(Reason.AMOUNT_NOT_WHOLE_PENCE if "." in text else Reason.NOT_A_NUMBER)
    return events.within_range(int(text))


def stated_sign(profile: Profile) -> int:
    """Return how a layout states an effect on the balance: with its sign (1), with the other (-1), or without (0)."""
    if not isinstance(profile, CsvProfile):
        return 0
    return 1 if profile.amount.positive_is == "money_in" else -1


def _columns(profile: CsvProfile, *, knows_account: bool) -> Iterator[tuple[str, Columns, bool]]:
    """Yield each field that the profile maps: our name, its headings, whether a row cannot be read without it."""
    for number, columns in enumerate(profile.identity.columns):
        yield f"identity_{number}", columns, True
    needed: Mapping[str, Columns | None] = {
        "amount": profile.amount.column,
        "booked": profile.dates.booked,
        "currency": profile.currency.column,
        "type": profile.type.column,
        "status": profile.status.column,
        "account": None if knows_account else profile.account.column,
        "card": None if knows_account else profile.account.card_column,
    }
    welcome: Mapping[str, Columns | None] = {
        "occurred": profile.dates.occurred,
        "mcc": profile.merchant.mcc,
        "merchant_name": profile.merchant.name,
        "merchant_category": profile.merchant.category,
        "merchant_amount": profile.merchant.amount,
        "merchant_currency": profile.merchant.currency,
        "reference": profile.reference,
    }
    for fields, is_needed in ((needed, True), (welcome, False)):
        yield from ((name, columns, is_needed) for name, columns in fields.items() if columns is not None)


def _given_id(file: Layout, fields: Sequence[str]) -> str:
    parts = [_required(file, fields, f"identity_{number}") for number in range(len(file.profile.identity.columns))]
    return ":".join(parts)


def _told_apart(file: Layout, row: ReadRow) -> ReadRow:
    """Return the row under an id made of its content and of how many equal rows came before it in the file."""
    ordinal = file.seen[row.digest]
    file.seen[row.digest] += 1
    return events.renamed(row, f"{row.digest.hex()}-{ordinal}")


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
    found = _moment(text, tuple(file.profile.dates.formats))
    if found is None:
        raise UnusableEvent(Reason.BAD_DATE, file.heading(name))
    return found


@lru_cache(maxsize=4096)
def _moment(text: str, formats: tuple[str, ...]) -> datetime | None:
    """Return what a date or time says in any of the formats; a file has few days, and reading one is slow."""
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 (the zone is London's, see _occurred_at)
        except ValueError:
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
    if not amount or not currency or currency == "GBP":
        return None, None
    return events.pence_of_text(amount), _short(currency, 3, file.heading("merchant_currency"))


def _required(file: Layout, fields: Sequence[str], name: str) -> str:
    if not (text := file.cell(fields, name)):
        raise UnusableEvent(Reason.MISSING_FIELD, file.heading(name))
    return _short(text, _LONGEST_REFERENCE, file.heading(name))


def _reference(file: Layout, fields: Sequence[str], name: str) -> str | None:
    return _required(file, fields, name) if name in file.places else None


def _text(file: Layout, fields: Sequence[str], name: str) -> str | None:
    return _short(file.cell(fields, name), _LONGEST_TEXT, name) or None


def _short(text: str, longest: int, field: str) -> str:
    if len(text) > longest:
        raise UnusableEvent(Reason.WRONG_LENGTH, field)
    return text
