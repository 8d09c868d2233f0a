"""Rows of bank statements read by a profile: ids, accounts and types found, amounts and days judged."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from services.card_ingest import events, reasons, statements
from services.card_ingest.events import BadRow, CardEvent, ReadRow, Row, UnusableEvent
from services.card_ingest.profiles.mapping import NO_ID
from services.card_ingest.profiles.statement_form import StatementAccount, StatementProfile
from services.card_ingest.reasons import Note, Reason
from services.card_ingest.statements import Item, StatementRow
from services.card_ingest.telling import Telling
from services.shared import dates
from services.shared.vocabulary.money import SIGN, EventStatus, TransactionType

_BOOKED: Final = "BOOK"
_NOT_BOOKED: Final = frozenset({"PDNG", "INFO", "FUTR"})
_LONGEST_TEXT: Final = 500
_LONGEST_REFERENCE: Final = 200
_PENCE: Final = Decimal(100)
_SAME_NAME: Final = {"bank_reference": "AcctSvcrRef", "customer_reference": "EndToEndId"}
"""What MT940 calls otherwise than ISO 20022."""
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)


def rows(
    profile: StatementProfile, items: Iterable[Item], *, account_ref: str | None, received_on: date
) -> Iterator[tuple[Row, StatementRow]]:
    """Yield each row, numbered from 1, beside what it was read from; one without a reference has no id yet.

    `account_ref` is what the sender said about the whole file; it goes before what the file itself says.
    """
    seen: Counter[str] = Counter()
    number = entries_before = entries = 0
    for item in items:
        if not isinstance(item, StatementRow):
            seen.clear()
            entries_before += entries
            continue
        entries = item.entry
        number += 1
        try:
            row: Row = _row(profile, item, number=number, account_ref=account_ref, received_on=received_on, seen=seen)
        except UnusableEvent as trouble:
            row = events.bad_row(trouble, number=number, delivered_pence=_pence_within(item), content=item.raw)
        yield _told(profile, item, row, entry=entries_before + item.entry), item


def _told(profile: StatementProfile, item: StatementRow, row: Row, *, entry: int) -> Row:
    """Return a row with what its message says of the payment beside the event."""
    if not isinstance(row, ReadRow):
        return row
    whole = int(item.entry_amount * _PENCE) if item.entry_amount is not None else row.effect_pence
    given = {(_SAME_NAME.get(name, name), text) for name, text in item.entry_references.items()}
    given |= {
        (_SAME_NAME.get(name, name), text)
        for name, text in item.references.items()
        if item.entry_references.get(name) is None or not text.startswith(f"{item.entry_references[name]}/")
    }
    telling = Telling(profile.name, entry, whole, tuple(sorted(given)))
    return msgspec.structs.replace(row, telling=telling)


def account_reference(account: Mapping[str, str], how: StatementAccount) -> str | None:
    """Return the reference of the account that a statement names so, None where it names none that could be one.

    A token is made of the number without spaces, in capitals: it is the same for every statement and every bank.
    """
    named = next((account[name] for name in how.named_by if account.get(name)), None)
    if named is None or len(named) > _LONGEST_REFERENCE:
        return None
    return named if how.kept_as == "as_written" else account_token(named)


def account_token(number: str) -> str:
    """Return the UUID that stands for an account number; spaces and small letters make no difference.

    It hides the number from readers of the records. Whoever can try every number could still find it out.
    """
    plain = "".join(number.split()).upper()
    return str(UUID(bytes=sha256(f"account {plain}".encode()).digest()[:16], version=5))


def _row(
    profile: StatementProfile,
    row: StatementRow,
    *,
    number: int,
    account_ref: str | None,
    received_on: date,
    seen: Counter[str],
) -> Row:
    if row.is_cut_off:
        raise UnusableEvent(Reason.CUT_OFF)
    if row.status in _NOT_BOOKED:
        return BadRow(number, Note.NOT_BOOKED, reasons.detail(Note.NOT_BOOKED), _pence_within(row), None)
    if row.currency and row.currency != "GBP":
        raise UnusableEvent(Reason.CURRENCY_NOT_GBP)
    account = account_ref or account_reference(row.account, profile.account)
    effect = _effect_pence(row)
    if not row.currency:
        raise UnusableEvent(Reason.MISSING_FIELD, "the currency")
    event = _event(profile, row, account=account, effect=effect)
    read = events.read(event, number=number, received_on=received_on, delivered_pence=effect)
    return _known_again(profile, row, read, account=account or "", seen=seen)


def _event(profile: StatementProfile, row: StatementRow, *, account: str | None, effect: int) -> CardEvent:
    if row.status != _BOOKED:
        raise UnusableEvent(Reason.UNKNOWN_WORD if row.status else Reason.MISSING_FIELD, "the status")
    booked_on, booked_at = _moment(row.booked, "the booking date")
    kind = _type(profile, row, effect=effect)
    return CardEvent(
        provider_transaction_id=NO_ID,
        status=EventStatus.POSTED,
        type=kind,
        occurred_at=_moment(row.occurred, "the time of the transaction")[1] if row.occurred else booked_at,
        amount_pence=abs(effect),
        currency="GBP",
        booked_on=booked_on,
        account_ref=account,
        merchant_name=row.counterparty[:_LONGEST_TEXT] or None,
        reference=row.remittance[:_LONGEST_TEXT] or None,
        direction=None if kind in SIGN else "out" if effect < 0 else "in",
    )


def _known_again(
    profile: StatementProfile, row: StatementRow, read: ReadRow, *, account: str, seen: Counter[str]
) -> ReadRow:
    """Return the row under its id: a reference with its account, since both sides of a transfer may have the same one.
    What a statement repeats is told apart by its place there; a row without a reference has no id yet.
    """
    given = next((row.references[name] for name in profile.identity.references if row.references.get(name)), None)
    if given is None:
        return read
    found = f"{account}:{given}"
    seen[found] += 1
    if seen[found] > 1:
        found = f"{found}#{seen[found]}"
    if len(found) > _LONGEST_REFERENCE:
        raise UnusableEvent(Reason.WRONG_LENGTH, "the reference")
    return events.renamed(read, found)


def _effect_pence(row: StatementRow) -> int:
    """Return what the row does to the balance, in whole pence. Raises UnusableEvent."""
    if not row.amount:
        raise UnusableEvent(Reason.AMOUNT_MISSING if row.booked else Reason.UNREADABLE_ROW)
    amount = statements.decimal_of(row.amount)
    if amount is None:
        raise UnusableEvent(Reason.NOT_A_NUMBER)
    if amount < 0:
        raise UnusableEvent(Reason.AMOUNT_IS_NEGATIVE)
    if row.is_credit is None:
        raise UnusableEvent(Reason.MISSING_FIELD, "the direction (credit or debit)")
    pence = amount * _PENCE
    if pence != pence.to_integral_value():
        raise UnusableEvent(Reason.AMOUNT_NOT_WHOLE_PENCE)
    return events.within_range(int(pence) if row.is_credit else -int(pence))


def _pence_within(row: StatementRow) -> int | None:
    try:
        return None if row.is_cut_off else _effect_pence(row)
    except UnusableEvent:
        return None


def _type(profile: StatementProfile, row: StatementRow, *, effect: int) -> TransactionType:
    types, is_out = profile.type, effect < 0
    sign = -1 if is_out else 1
    known = sorted((word for word in types.words if row.code.startswith(word)), key=len, reverse=True)
    fitting = (types.words[word] for word in known if SIGN.get(types.words[word], sign) == sign)
    if row.is_reversal:
        return next(fitting, types.reversed_out if is_out else types.reversed_in)
    return next(fitting, types.money_out if is_out else types.money_in)


def _moment(text: str, field: str) -> tuple[date, datetime]:
    """Return the Europe/London day of a day or time, and the moment: of a day alone its first. Raises UnusableEvent."""
    if not text:
        raise UnusableEvent(Reason.MISSING_FIELD, field)
    try:
        if day := _DAY.fullmatch(text):
            booked_on = date.fromisoformat(day[1])
            return booked_on, datetime.combine(booked_on, datetime.min.time(), dates.LONDON).astimezone(UTC)
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dates.LONDON)
        return dates.london_date(moment), moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnusableEvent(Reason.BAD_DATE, field) from None
