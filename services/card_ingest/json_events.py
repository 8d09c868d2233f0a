"""A row of JSON in our own layout, read strictly: what cannot be read is told by a row, never raised."""

import json
import re
from datetime import date
from typing import Any, Final

import msgspec

from services.card_ingest import events
from services.card_ingest.events import Row, UnusableEvent
from services.card_ingest.reasons import Reason

_DECODER: Final = msgspec.json.Decoder(events.CardEvent)
_FIELDS: Final = len(events.CardEvent.__struct_fields__)
_AT_FIELD: Final = re.compile(r"(?:field|- at) `(?:\$\.?)?([a-z_]*)")


def read(raw: bytes, *, number: int, received_on: date, account_ref: str | None = None) -> Row:
    """Read one row of JSON in our own layout; what is wrong with it is told by a `BadRow`, never raised.

    `account_ref` is what the sender said about the whole delivery; it goes before what the row itself says.
    """
    try:
        event = _DECODER.decode(raw)
        named = _FIELDS - msgspec.structs.astuple(event).count(None)
        numbers = (event.amount_pence is not None) + (event.merchant_pence is not None)
        # Two marks round each name, and two round what is no number: if there are more, a key may have come twice.
        if raw.count(b'"') != 4 * named - 2 * numbers or b"\\" in raw:
            _refuse_ambiguity(raw)
        if account_ref is not None:
            msgspec.structs.force_setattr(event, "account_ref", account_ref)
        return events.judge(event, number=number, received_on=received_on, delivered_pence=None)
    except UnusableEvent as trouble:
        return events.bad_row(trouble, number=number, delivered_pence=_pence_within(raw), content=raw)
    except msgspec.ValidationError as error:
        return events.bad_row(_explained(error), number=number, delivered_pence=_pence_within(raw), content=raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return events.bad_row(UnusableEvent(Reason.BROKEN_JSON_LINE), number=number, delivered_pence=None, content=raw)


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
            return events.within_range(found["amount_pence"])
        return events.pence_of_text(found["amount"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _explained(error: msgspec.ValidationError) -> UnusableEvent:
    """Return the trouble in our own words: the library's would repeat what stood in the row."""
    text = str(error)
    found = _AT_FIELD.search(text)
    named = found[1] if found else ""
    field = named if named in events.CardEvent.__struct_fields__ else "the row"
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
