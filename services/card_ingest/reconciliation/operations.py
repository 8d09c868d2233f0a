"""What is done about disagreements: statements are kept as they came, findings opened and closed."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import select, update

from services.card_ingest.reconciliation import disagreements, due
from services.card_ingest.reconciliation.rules import Stated
from services.shared import audit, database, dates, driver
from services.shared.audit import Subject
from services.shared.database import Database, WriteSession
from services.shared.errors import NotFound
from services.shared.identity.actor import Actor
from services.shared.lifecycles.feeds import FINDING
from services.shared.tables.alerts import ReconciliationFinding
from services.shared.vocabulary.feeds import FindingKind, FindingStatus

SUBJECT: Final = "finding"
Outcome: TypeAlias = Mapping[str, int]

_LIMIT: Final = "SET LOCAL statement_timeout = '10min'; SET LOCAL lock_timeout = '10min'"
"""A look may go over every account: longer than a request may take, and no longer than until the next look."""
# No two looks at once, over however many processes: each closes what it does not find, and would undo the other.
_LOCK: Final = "hashtextextended('reconcile_feeds ' || current_schema(), 0)"
_IS_ALONE: Final = f"SELECT pg_try_advisory_xact_lock({_LOCK})"
_ALONE: Final = f"SELECT pg_advisory_xact_lock({_LOCK})"
NO_LONGER_HOLDS: Final = "it no longer holds"

_COLUMNS: Final = (
    *("account_ref", "statement_ref", "sequence", "currency", "opening_on", "opening_pence", "closing_on"),
    *("closing_pence", "entries", "entries_pence", "is_proved"),
)
_STATED: Final = "INSERT INTO statement_due (delivery_number) VALUES ($1)"
# What is about an account is closed by a look that goes over it, and by no other.
_CLOSE: Final = """
UPDATE reconciliation_finding AS standing
SET status = $1, closed_at = $2, closed_by = $3, close_reason = $4
WHERE standing.status = 'open' AND standing.kind = ANY ($5::text[]) AND (standing.account_ref IS NULL OR EXISTS (
    SELECT FROM pg_temp.due_account AS due
    WHERE due.provider_code = standing.provider_code AND due.account_ref = standing.account_ref)) AND NOT EXISTS (
    SELECT FROM pg_temp.found_finding AS found WHERE found.key = standing.key
        AND found.stated_pence IS NOT DISTINCT FROM standing.stated_pence
        AND found.held_pence IS NOT DISTINCT FROM standing.held_pence)
RETURNING standing.key
"""
# What a person has closed stays closed, as long as its figures stay what they were.
_OPEN: Final = """
INSERT INTO reconciliation_finding (id, key, kind, provider_code, account_id, concerns_on, stated_pence, held_pence,
    detail, delivery_number, account_ref, found_at, status)
SELECT gen_random_uuid(), found.key, found.kind, found.provider_code, found.account_id, found.concerns_on,
    found.stated_pence, found.held_pence, found.detail, found.delivery_number, found.account_ref, $1, $2
FROM pg_temp.found_finding AS found
WHERE NOT EXISTS (
    SELECT FROM reconciliation_finding AS closed
    WHERE closed.key = found.key AND closed.status = 'closed' AND closed.closed_by NOT LIKE 'machine:%'
        AND closed.stated_pence IS NOT DISTINCT FROM found.stated_pence
        AND closed.held_pence IS NOT DISTINCT FROM found.held_pence)
ORDER BY found.key
ON CONFLICT (key) WHERE status = 'open' DO NOTHING
RETURNING key
"""


async def keep_statements(
    session: WriteSession, statements: Sequence[Stated], *, provider_code: str, delivery_number: int
) -> None:
    """Keep what a delivery states about accounts, in the transaction that stores it. Ids rise in the order given."""
    if not statements:
        return
    connection = await database.raw(session)
    first = uuid4().int >> 32 << 32
    records = [
        (UUID(int=first | place), delivery_number, provider_code, *(getattr(each, name) for name in _COLUMNS))
        for place, each in enumerate(statements)
    ]
    columns = ["id", "delivery_number", "provider_code", *_COLUMNS]
    await connection.copy_records_to_table("feed_statement", records=records, columns=columns)
    await connection.execute(_STATED, delivery_number)


async def watch_feeds(own: Database, *, actor: Actor, now: datetime) -> Outcome:
    """Open a finding for every feed that has become late, close those of feeds that have delivered; count both."""
    return await database.on_transient(lambda: _in_unit(own, _watch, actor=actor, now=now))


async def reconcile_feeds(own: Database, *, actor: Actor, now: datetime) -> Outcome:
    """Compare balances, statements and sequences of the accounts of which something is new since the last look; open
    what disagrees, close what no longer does; count all. Counts nothing while another look goes on.
    """
    return await database.on_transient(lambda: _in_unit(own, _reconcile_new, actor=actor, now=now))


async def reconcile_everything(session: WriteSession, *, now: datetime) -> Outcome:
    """Compare all, in the session's transaction, once no other look goes on: nothing is missed by a slip in telling
    what is new.
    """
    connection = await _begin(session)
    await connection.fetchval(_ALONE)
    taken = await due.take_everything(connection, today=dates.london_date(now))
    return await _look(session, disagreements.REST, taken=taken, now=now)


async def close_finding(session: WriteSession, *, finding_id: UUID, reason: str, now: datetime) -> None:
    """Close a finding that a person has looked into; the figures stay as they are. Raises NotFound, Conflict."""
    question = select(ReconciliationFinding).where(ReconciliationFinding.id == finding_id).with_for_update()
    found = await session.scalar(question)
    if found is None:
        raise NotFound("there is no such finding")
    before = found.status
    status = FINDING.move(before, "close")
    closing = update(ReconciliationFinding).where(ReconciliationFinding.id == finding_id)
    closed = {"status": status, "closed_at": now, "closed_by": _name(session), "close_reason": reason}
    await session.execute(closing.values(closed))
    await audit.record(
        session,
        action="close_finding",
        subject=Subject(SUBJECT, str(finding_id)),
        before={"status": before},
        after={"status": status},
        reason=reason,
    )


async def _in_unit(
    own: Database, look: Callable[[WriteSession, datetime], Awaitable[Outcome]], *, actor: Actor, now: datetime
) -> Outcome:
    async with own.write(actor=actor) as session:
        outcome = await look(session, now)
        if not any(outcome.values()):
            await session.rollback()
        return outcome


async def _watch(session: WriteSession, now: datetime) -> Outcome:
    await _begin(session)
    return await _look(session, disagreements.LATE, taken={}, now=now)


async def _reconcile_new(session: WriteSession, now: datetime) -> Outcome:
    connection = await _begin(session)
    if not await connection.fetchval(_IS_ALONE):
        return {"taken": 0, "accounts": 0, "opened": 0, "closed": 0}
    taken = await due.take_new(connection, today=dates.london_date(now))
    return await _look(session, disagreements.REST, taken=taken, now=now)


async def _begin(session: WriteSession) -> driver.Connection:
    connection = await database.raw(session)
    driver.unhurried(connection)
    for statement in (_LIMIT, disagreements.TEMPORARY, due.TEMPORARY):
        await connection.execute(statement)
    return connection


async def _look(
    session: WriteSession, asked: Mapping[FindingKind, Sequence[str]], *, taken: Outcome, now: datetime
) -> Outcome:
    """Ask what disagrees now; one entry in the trail tells what was opened and closed, with the digest of the keys."""
    connection = await database.raw(session)
    since = now - timedelta(days=disagreements.DAYS)
    for statement in (each for statements in asked.values() for each in statements):
        await connection.execute(statement, now, since)
    kinds = [kind.value for kind in asked]
    closed_status = FINDING.move(FindingStatus.OPEN, "close").value
    closed = await connection.fetch(_CLOSE, closed_status, now, _name(session), NO_LONGER_HOLDS, kinds)
    opened = await connection.fetch(_OPEN, now, FINDING.initial.value)
    outcome = {**taken, "opened": len(opened), "closed": len(closed)}
    if any(outcome.values()):
        lines = [f"{verb} {row['key']}" for verb, rows in (("closed", closed), ("opened", opened)) for row in rows]
        digest = hashlib.sha256("\n".join(sorted(lines)).encode()).digest()
        subject = Subject("findings", now.isoformat())
        await audit.record(session, action="reconcile_feeds", subject=subject, after=outcome, digest=digest)
    return outcome


def _name(session: WriteSession) -> str:
    if session.actor is None:
        raise RuntimeError("a finding is closed by somebody")
    return session.actor.name
