"""Raising alerts: what batches posted is looked at within seconds, what only a whole day tells once a day.

Which alerts there are depends on the records alone, never on the order or the batches in which they came:

- What a batch can raise (`WITH_BATCHES`) is raised by rows being there, never by rows being absent, and is asked again
  of the neighbours of whatever came. So the last row of a pattern raises it, whichever row that is.
- What rests on an absence (`OF_A_DAY`) is asked of the records as they stand on a day.
- A key names the thing in the provider's and the calendar's terms, and is told once: a closed alert stays closed.
- A policy holds for what is booked from its day on, whenever that comes in.

The facts of an alert are those of the moment in which it was raised; rows that come later do not change them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Final

from services.card_ingest.alerts import examined, policies
from services.card_ingest.alerts.examined import Due
from services.card_ingest.alerts.finder import Finder, Policy
from services.card_ingest.alerts.finders import absences, declines, disputes, openings, spending
from services.shared import audit, driver
from services.shared import database as databases
from services.shared.audit import Subject
from services.shared.database import Database, WriteSession
from services.shared.identity.actor import Actor

BATCHES: Final = 500
ROWS: Final = 50_000
"""Batches of one transaction, as long as they are small, and about as many rows: it is over in a second or so."""

WITH_BATCHES: Final = (
    spending.CASH_WITHOUT_PERMISSION,
    spending.QUERIED_MERCHANT,
    declines.QUERIED_ATTEMPT,
    declines.REPEATED_DECLINES,
    spending.BOUNCED_DIRECT_DEBIT,
    spending.SPEND_AFTER_END,
    spending.SPEND_AFTER_DEATH,
    spending.DUPLICATE_CHARGE,
    openings.BOOKED_BEFORE_OPENING,
)
"""Asked of what a batch brought; always in this order, so that two jobs wait for each other and do not deadlock."""

RECORDED_LATER: Final = (spending.SPEND_AFTER_END, spending.SPEND_AFTER_DEATH)
"""Asked once a day too: an end or a death may be recorded after what was spent."""

OF_A_DAY: Final = (
    absences.CARE_PAYMENTS_STOPPED,
    absences.SAME_PAYEE_ACROSS_PEOPLE,
    absences.NEW_PAYEE_OVER_LIMIT,
    absences.NEGATIVE_BALANCE,
)

# The first is always taken, however large it is, and whether or not its own record is there.
_TAKE: Final = """
WITH due AS MATERIALIZED (
    SELECT batch_number FROM alert_due WHERE batch_number <> ALL($3::bigint[])
    ORDER BY batch_number LIMIT $1 FOR UPDATE SKIP LOCKED
), taken AS (
    SELECT due.batch_number,
        sum(coalesce(batch.rows, 0)) OVER (ORDER BY due.batch_number) - coalesce(batch.rows, 0) AS rows_before
    FROM due LEFT JOIN feed_batch AS batch ON batch.number = due.batch_number
)
DELETE FROM alert_due USING taken WHERE alert_due.batch_number = taken.batch_number AND taken.rows_before < $2
RETURNING alert_due.batch_number AS number, alert_due.first_id, alert_due.last_id
"""
_NO_LIMIT: Final = "SET LOCAL statement_timeout = 0"


@dataclass(slots=True)
class _Queue:
    """How one run has come along: the batches at hand, how many are taken at once, and those that failed alone."""

    at_most: int | None = None
    taken: Sequence[int] = ()
    is_empty: bool = False
    failed: list[int] = field(default_factory=list)
    fault: Exception | None = None

    def fail(self, fault: Exception) -> None:
        """Take what was at hand one by one from now on; what failed alone is passed over. Raises where none was."""
        if not self.taken or self.is_empty:
            raise fault
        if len(self.taken) > 1:
            self.at_most = 1
            return
        self.failed += self.taken
        self.fault = self.fault or fault
        self.at_most = None


async def raise_alerts(own: Database, *, actor: Actor, now: datetime) -> int:
    """Look at every batch that is due, and at rows in dispute; return how many alerts were raised.

    A batch leaves the queue in the transaction of the alerts that it raised: a crash undoes both. One that cannot be
    looked at stays due, keeps no other waiting, and is tried again by the next run; what was wrong is raised last.
    """
    raised, queue = 0, _Queue()
    while not queue.is_empty:
        try:
            raised += await databases.on_transient(lambda: _of_batches(own, actor, now, queue))
        except Exception as fault:  # Whatever is wrong with one batch, the others are not kept waiting by it.
            queue.fail(fault)
    raised += await databases.on_transient(lambda: _of_disputes(own, actor, now))
    if queue.fault is not None:
        raise queue.fault
    return raised


async def raise_daily_alerts(session: WriteSession, *, today: date, now: datetime) -> int:
    """Ask what only the records of a whole day can tell, in the session's transaction; return how many were raised."""
    connection = await databases.raw(session)
    driver.unhurried(connection)
    await connection.execute(_NO_LIMIT)
    timeline = await policies.timeline(connection)
    await examined.after_an_end(connection)
    keys = await _raised(connection, RECORDED_LATER, timeline, now=now)
    keys += await _raised(connection, OF_A_DAY, timeline, today, now=now)
    await _record(session, keys, batches=0)
    return len(keys)


async def _of_batches(own: Database, actor: Actor, now: datetime, queue: _Queue) -> int:
    """Look at the batches that have waited longest; none may wait any more, or others are at them all."""
    queue.taken = ()
    async with own.write(actor=actor) as session:
        connection = await databases.raw(session)
        due = [Due(**row) for row in await connection.fetch(_TAKE, queue.at_most or BATCHES, ROWS, queue.failed)]
        queue.taken = [batch.number for batch in due]
        if not due:
            queue.is_empty = True
            await session.rollback()
            return 0
        await examined.of_batches(connection, due)
        keys = await _raised(connection, WITH_BATCHES, await policies.timeline(connection), now=now)
        await _record(session, keys, batches=len(due))
        return len(keys)


async def _of_disputes(own: Database, actor: Actor, now: datetime) -> int:
    async with own.write(actor=actor) as session:
        connection = await databases.raw(session)
        timeline = await policies.timeline(connection)
        keys = await _raised(connection, (disputes.DISPUTED_TRANSACTION,), timeline, now=now)
        if not keys:
            await session.rollback()
            return 0
        await _record(session, keys, batches=0)
        return len(keys)


async def _raised(
    connection: driver.Connection, finders: Iterable[Finder], timeline: Sequence[Policy], *others: object, now: datetime
) -> list[str]:
    """Raise what each finder finds under each policy of its kind that is active."""
    keys: list[str] = []
    for finder in finders:
        for policy in timeline:
            if policy.kind is finder.kind:
                keys += await finder.raise_found(connection, policy, *others, now=now)
    return keys


async def _record(session: WriteSession, keys: Sequence[str], *, batches: int) -> None:
    """Enter the act, with the digest of the ordered keys that it raised."""
    digest = sha256("\n".join(sorted(keys)).encode()).digest()
    after = {"batches": batches, "alerts": len(keys)}
    await audit.record(session, action="raise_alerts", subject=Subject("alert", "all"), after=after, digest=digest)
