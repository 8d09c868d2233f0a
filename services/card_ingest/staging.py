"""Events on their way into the tables: copied into a table of the connection's own, empty again after commit."""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, TypeAlias

from services.card_ingest.events import TRIAL, ReadRow
from services.shared import dates, driver

COLUMNS: Final = {
    "row_number": "integer",
    "status": "text",
    "provider_transaction_id": "text",
    "account_ref": "text",
    "card_ref": "text",
    "type": "text",
    "effect_pence": "bigint",
    "merchant_pence": "bigint",
    "merchant_currency": "text",
    "occurred_seconds": "double precision",
    "booked_on": "date",
    "accounting_month": "integer",
    "category": "text",
    "category_rule_id": "integer",
    "mcc": "text",
    "merchant_name": "text",
    "merchant_category": "text",
    "reference": "text",
    "reverses_transaction_id": "text",
    "authorisation_id": "text",
    "payee": "text",
    "decline_reason": "text",
    "content_digest": "bytea",
}
"""What is staged of an event, in this order; `effect_pence` is its effect on the balance once posted.

`occurred_seconds` since 1970 become `occurred_at`, to the microsecond for every moment between 1700 and 2240: the
driver takes as long over one time with a zone as over ten other values.
"""

FEW: Final = 100
"""Up to so many rows an INSERT from arrays is cheaper than a COPY."""

_ACCOUNT: Final = list(COLUMNS).index("account_ref")
_CARD: Final = list(COLUMNS).index("card_ref")

Record: TypeAlias = tuple[Any, ...]

_WHOSE: Final = {"delivery_number": "bigint", "batch_number": "bigint"}
"""Which delivery and batch a row is of, where rows of several are staged together; else NULL."""

_HAS_TABLES: Final = "SELECT to_regclass('pg_temp.staged_event') IS NOT NULL"
_TABLES: Final = f"""
    CREATE TEMPORARY TABLE staged_event (
        {", ".join(f"{name} {kind}" for name, kind in (COLUMNS | _WHOSE).items())},
        occurred_at timestamptz GENERATED ALWAYS AS (to_timestamp(occurred_seconds)) STORED
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE staged_move (account_id uuid, held_pence bigint) ON COMMIT DELETE ROWS;
"""
_ALL: Final = COLUMNS | _WHOSE
_PLACES: Final = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_ALL.values(), 1))
_INSERT: Final = f"INSERT INTO staged_event ({', '.join(_ALL)}) SELECT * FROM unnest({_PLACES})"  # noqa: S608 (joined from the constants above)
_OF_ONE: Final = (None, None)


def record(
    row: ReadRow, *, category: str, category_rule_id: int | None, payee: str | None, trial_ref: str | None
) -> Record:
    """Return what is staged of a row. `trial_ref` is the reference of the provider's trial account, if any;
    where it has none a trial row keeps its own word, and so waits: it never falls to the account of its card.
    """
    event, booked_on = row.event, row.booked_on
    return (
        row.number,
        event.status,
        event.provider_transaction_id,
        (trial_ref or TRIAL) if event.account_ref == TRIAL else event.account_ref,
        event.card_ref,
        event.type,
        row.effect_pence,
        event.merchant_pence,
        event.merchant_currency,
        event.occurred_at.timestamp(),
        booked_on,
        dates.accounting_month(booked_on),
        category,
        category_rule_id,
        event.mcc,
        event.merchant_name,
        event.merchant_category,
        event.reference,
        event.reverses_transaction_id,
        event.authorisation_id,
        payee,
        event.decline_reason,
        row.digest,
    )


def in_order(records: Iterable[Record]) -> list[Record]:
    """Return the records by card and account, so that one look-up finds in memory what the last one read."""
    return sorted(records, key=lambda record: record[_CARD] or record[_ACCOUNT] or "")


async def stage(connection: driver.Connection, records: Sequence[Record]) -> None:
    """Stage the records in the open transaction."""
    await _make_tables(connection)
    if len(records) <= FEW:
        await _insert(connection, [(*record, *_OF_ONE) for record in records])
    else:
        await connection.copy_records_to_table("staged_event", records=records, columns=list(COLUMNS))


async def stage_gathered(connection: driver.Connection, records: Sequence[Record]) -> None:
    """Stage records of several deliveries in the open transaction; the last two values of each are the numbers of its
    delivery and of its batch.
    """
    await _make_tables(connection)
    await _insert(connection, records)


async def _make_tables(connection: driver.Connection) -> None:
    if not await connection.fetchval(_HAS_TABLES):
        await connection.execute(_TABLES)


async def _insert(connection: driver.Connection, records: Sequence[Record]) -> None:
    await connection.execute(_INSERT, *(list(map(itemgetter(place), records)) for place in range(len(_ALL))))
