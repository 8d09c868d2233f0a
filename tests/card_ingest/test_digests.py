"""What the content digest of a row is, held against another reckoning of it than the software's own."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.card_ingest import events, json_events
from services.card_ingest.events import ReadRow

RECEIVED_ON = date(2026, 12, 31)
LAYOUT = events.CardEvent.__struct_fields__
CHOSEN = st.fixed_dictionaries(
    {
        "provider_transaction_id": st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text),
        "status": st.sampled_from(["posted", "authorised", "declined"]),
        "type": st.sampled_from(["purchase_pos", "refund", "load", "atm_withdrawal"]),
        "occurred_at": st.datetimes(datetime(2015, 1, 1), datetime(2026, 11, 30)),  # noqa: DTZ001 (told apart below)
        "amount_pence": st.integers(min_value=1, max_value=10**9),
        "card_ref": st.just("CARD-1"),
    },
    optional={
        "mcc": st.sampled_from(["0780", "5411"]),
        "merchant_name": st.sampled_from(["CORNER SHOP", 'A "QUOTED" NAME', "CAFÉ"]),
        "reference": st.text(max_size=20).filter(lambda text: "\0" not in text),
        "booked_on": st.dates(min_value=date(2015, 1, 1), max_value=RECEIVED_ON),
    },
)


def independent_digest(event: dict[str, Any]) -> bytes:
    """Return the digest of an event by its definition: every key in the layout's order, nothing left to default."""
    moment: datetime = event["occurred_at"].replace(tzinfo=UTC)
    told = moment.isoformat().replace("+00:00", "Z")
    full = event | {"occurred_at": told, "currency": "GBP", "booked_on": str(event.get("booked_on") or london(moment))}
    ordered = {name: full[name] for name in LAYOUT if name in full}
    written = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
    return blake2b(written.encode(), digest_size=16).digest()


def london(moment: datetime) -> date:
    """Return the Europe/London day, by the rule of the last Sundays of March and October (Summer Time Order 2002)."""

    def last_sunday(month: int) -> datetime:
        last = datetime(moment.year, month, 31, 1, tzinfo=UTC)
        return last - timedelta(days=(last.weekday() + 1) % 7)

    is_summer = last_sunday(3) <= moment < last_sunday(10)
    return (moment + timedelta(hours=1 if is_summer else 0)).date()


def written(event: dict[str, Any], order: list[str], *, hours: int, in_pounds: bool, as_sheet: bool) -> bytes:
    """Write the same event in another way: order of keys, zone, amount in pounds, a code as a spreadsheet has it."""
    told = dict(event)
    moment = event["occurred_at"].replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
    told["occurred_at"] = moment.isoformat()
    if "booked_on" in told:
        told["booked_on"] = told["booked_on"].isoformat()
    if in_pounds:
        pence = told.pop("amount_pence")
        told["amount"] = f"{pence // 100}.{pence % 100:02}"
    if as_sheet and "mcc" in told:
        told["mcc"] = told["mcc"].lstrip("0") + ".0"
    keys = sorted(told, key=lambda key: order.index(key) if key in order else -1)
    return json.dumps({key: told[key] for key in keys}, ensure_ascii=in_pounds).encode()


@given(
    CHOSEN,
    st.permutations(list(LAYOUT)),
    st.integers(min_value=-12, max_value=14),
    st.booleans(),
    st.booleans(),
)
def test_equal_content_has_the_digest_of_its_definition_however_it_is_written(
    event: dict[str, Any], order: list[str], hours: int, in_pounds: bool, as_sheet: bool
) -> None:
    raw = written(event, order, hours=hours, in_pounds=in_pounds, as_sheet=as_sheet)
    row = json_events.read(raw, number=1, received_on=RECEIVED_ON)
    assert isinstance(row, ReadRow), row
    assert row.digest == independent_digest(event)
    assert row.booked_on == event.get("booked_on", london(event["occurred_at"].replace(tzinfo=UTC)))
