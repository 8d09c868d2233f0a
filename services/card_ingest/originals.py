"""Rows that take back a transaction: they wait until it has posted, so that a reversal may come before its original.

A row names what it takes back in `reverses_transaction_id`; one that names nothing posts at once. Adjustments and moves
between cards only mention another transaction and never wait.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from services.card_ingest.events import ReadRow
from services.card_ingest.outcomes import Result
from services.card_ingest.reasons import Reason
from services.card_ingest.resolving import ACCOUNT, TAKES
from services.shared import driver
from services.shared.vocabulary.feeds import RowOutcome
from services.shared.vocabulary.money import TransactionType

NEVER_WAIT: Final = frozenset({TransactionType.ADJUSTMENT, TransactionType.CARD_TRANSFER})

_POSTED: Final = """
SELECT provider_transaction_id FROM card_transaction
WHERE provider_code = $1 AND provider_transaction_id = ANY($2::text[])
"""
_TAKEN: Final = f"""
SELECT staged.row_number FROM unnest($2::integer[]) AS asked(row_number)
JOIN staged_event AS staged USING (row_number) {ACCOUNT} WHERE {TAKES}
"""  # noqa: S608 (joined from constants)
_TAKE_OUT: Final = """
DELETE FROM staged_event AS staged USING unnest($1::integer[]) AS asked(row_number)
WHERE staged.row_number = asked.row_number
"""


async def take_out(
    connection: driver.Connection, rows: Mapping[int, ReadRow], *, provider_code: str
) -> dict[int, Result]:
    """Take the rows whose original has not posted, and will not with this batch, out of what is staged.

    `rows` are the staged rows of status `posted`, by row number. A row that has come before goes on, to be known again.
    """
    linked = {place: row for place, row in rows.items() if row.event.reverses_transaction_id and _waits(row)}
    if not linked:
        return {}
    ids = {name for row in linked.values() for name in (_original(row), row.event.provider_transaction_id)}
    posted = {each["provider_transaction_id"] for each in await connection.fetch(_POSTED, provider_code, list(ids))}
    asked = [place for place, row in rows.items() if row.event.provider_transaction_id in ids]
    taken = {each["row_number"] for each in await connection.fetch(_TAKEN, provider_code, asked)}
    ready = _ready(posted, {place: rows[place] for place in taken}, linked)
    waiting = [
        place
        for place, row in linked.items()
        if _original(row) not in ready and row.event.provider_transaction_id not in posted
    ]
    if waiting:
        await connection.execute(_TAKE_OUT, waiting)
    return {place: _waiting(rows[place]) for place in waiting}


def _ready(posted: set[str], taken: Mapping[int, ReadRow], linked: Mapping[int, ReadRow]) -> set[str]:
    """Return the ids that have posted or will with this batch, however long the chain in which rows take rows back.

    `taken` are the rows that their accounts take, `linked` those of the batch that must find their original.
    """
    after: dict[str, list[str]] = defaultdict(list)
    for place, row in taken.items():
        if place in linked:
            after[_original(row)].append(row.event.provider_transaction_id)
    ready = posted | {row.event.provider_transaction_id for place, row in taken.items() if place not in linked}
    following = list(ready)
    while following:
        found = [name for name in after.pop(following.pop(), ()) if name not in ready]
        ready.update(found)
        following += found
    return ready


def _original(row: ReadRow) -> str:
    return row.event.reverses_transaction_id or ""


def _waits(row: ReadRow) -> bool:
    return row.event.type not in NEVER_WAIT


def _waiting(row: ReadRow) -> Result:
    return Result(row, RowOutcome.QUARANTINED, Reason.REVERSES_UNKNOWN, waits_for=_original(row))
