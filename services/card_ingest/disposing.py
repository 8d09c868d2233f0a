"""Raw deliveries after their time: what was kept of them goes, what was posted of them stays.

Council policy: direct payment records are kept for six years from the end of the financial year; the setting
`raw_deliveries_kept_days` says how long the raw content is.
"""

from typing import Final

from services.shared import audit, database
from services.shared.audit import Subject
from services.shared.database import Database
from services.shared.identity.actor import Actor

AT_MOST: Final = 10_000
"""Deliveries of one transaction."""

_DISPOSE: Final = "SELECT dispose_of_feed_content($1, $2)"


async def dispose(own: Database, *, actor: Actor) -> int:
    """Destroy the raw content of deliveries that were received longer ago than set; return of how many deliveries.

    The database enters each in the trail, and keeps what still has rows to post or in quarantine.
    """
    disposed = 0
    while count := await _some(own, actor=actor):
        disposed += count
    return disposed


async def _some(own: Database, *, actor: Actor) -> int:
    kept_days = own.settings.raw_deliveries_kept_days
    async with own.write(actor=actor) as session:
        connection = await database.raw(session)
        count = int(await connection.fetchval(_DISPOSE, kept_days, AT_MOST))
        if not count:
            await session.rollback()
            return 0
        subject, after = Subject("feed_content", "all"), {"deliveries": count, "kept_days": kept_days}
        await audit.record(session, action="dispose_of_feed_content", subject=subject, after=after)
        return count
