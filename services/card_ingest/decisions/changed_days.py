"""A day that a later file told otherwise, and that people have posted so: from then on that is what the day holds.

Else every further file that says what they have posted would wait for them again.
"""

from collections.abc import Sequence
from typing import Any, Final

from services.card_ingest import complete_days, events
from services.card_ingest.complete_days import Feed
from services.card_ingest.decisions.queries import Waiting
from services.card_ingest.events import ReadRow
from services.card_ingest.reasons import Reason
from services.shared import database
from services.shared.database import WriteSession
from services.shared.vocabulary import DeliveryStatus, QuarantineStatus

_IS_POSTED: Final = "SELECT status = $2 FROM feed_progress WHERE delivery_id = $1"
_ROWS: Final = """
    SELECT row_number, content_encrypted FROM quarantined_row
    WHERE delivery_number = $1 AND code = $2 AND (status = $3) = $4
"""
_ON_RECORD: Final = """
    SELECT count(*) FROM card_transaction WHERE provider_code = $1 AND provider_transaction_id = ANY ($2::text[])
"""


async def keep(session: WriteSession, row: Waiting) -> None:
    """Keep what a file says of a row's day as what the day holds, once the last of the day's rows has been decided.

    Only where every one of them is on the record under its own id: what people have ended without posting it would post
    by itself out of the next file. The row's delivery must be locked.
    """
    connection = await database.raw(session)
    if row.code != Reason.COMPLETE_DAY_CHANGED or row.read is None:
        return
    if not await connection.fetchval(_IS_POSTED, row.delivery.id, DeliveryStatus.POSTED.value):
        return  # More rows of the day may come.
    if await _of_day(session, row, row.read, is_waiting=True):
        return
    decided = await _of_day(session, row, row.read, is_waiting=False)
    ids = [each.event.provider_transaction_id for each in decided]
    if await connection.fetchval(_ON_RECORD, row.delivery.provider_code, ids) == len(ids):
        feed = Feed(row.delivery.provider_code, row.delivery.profile)
        await complete_days.revise(session, feed, decided, delivery_number=row.delivery.number)


async def _of_day(session: WriteSession, row: Waiting, read: ReadRow, *, is_waiting: bool) -> Sequence[ReadRow]:
    """Return the rows of the row's day and delivery that are held for the same reason, or have been."""
    connection = await database.raw(session)
    asked = (row.delivery.number, row.code, QuarantineStatus.WAITING.value, is_waiting)
    rows = [_opened(session, each) for each in await connection.fetch(_ROWS, *asked)]
    return [each for each in rows if complete_days.day(each) == complete_days.day(read)]


def _opened(session: WriteSession, kept: Any) -> ReadRow:
    return events.decode(session.ciphers.decrypt(kept["content_encrypted"]), number=kept["row_number"])
