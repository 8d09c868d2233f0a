"""Events on their way into the tables: copied into a table of the connection's own, empty again after commit."""

from collections.abc import Sequence
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
    "occurred_at": "timestamptz",
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
    "decline_reason": "text",
    "content_digest": "bytea",
}
"""What is staged of an event, in this order; `effect_pence` is its effect on the balance once posted."""

FEW: Final = 100
"""Up to so many rows an INSERT from arrays is cheaper than a COPY."""

Record: TypeAlias = tuple[Any, ...]

_HAS_TABLES: Final = "SELECT to_regclass('pg_temp.staged_event') IS NOT NULL"
_TABLES: Final = f"""
    CREATE TEMPORARY TABLE staged_event ({", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())})
        ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE staged_move (account_id uuid, held_pence bigint) ON COMMIT DELETE ROWS;
"""
_ARRAYS: Final = [kind.split()[0] for kind in COLUMNS.values()]
_PLACES: Final = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_ARRAYS, 1))
_INSERT: Final = f"INSERT INTO staged_event SELECT * FROM unnest({_PLACES})"  # noqa: S608 (joined from the constants above)


def record(row: ReadRow, *, category: str, category_rule_id: int | None, trial_ref: str | None) -> Record:
    """Return what is staged of a row. `trial_ref` is the reference of the provider's trial account, if it has one;
    where it has none a trial row keeps its own word, and so waits: it never falls to the account of its card.
    """
    event = row.event
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
        event.occurred_at,
        row.booked_on,
        dates.accounting_month(row.booked_on),
        category,
        category_rule_id,
        event.mcc,
        event.merchant_name,
        event.merchant_category,
        event.reference,
        event.reverses_transaction_id,
        event.authorisation_id,
        event.decline_reason,
        row.digest,
    )


async def stage(connection: driver.Connection, records: Sequence[Record]) -> None:
    """Stage the records in the open transaction."""
    if not await connection.fetchval(_HAS_TABLES):
        await connection.execute(_TABLES)
    if len(records) <= FEW:
        await connection.execute(_INSERT, *(list(map(itemgetter(place), records)) for place in range(len(COLUMNS))))
    else:
        await connection.copy_records_to_table("staged_event", records=records, columns=list(COLUMNS))
