"""What is done about disagreements: statements are kept as they came, findings opened and closed."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select, update

from services.card_ingest.reconciliation import disagreements
from services.card_ingest.reconciliation.rules import Stated
from services.shared import audit, database, lifecycles
from services.shared.audit import Subject
from services.shared.database import Database, WriteSession
from services.shared.errors import NotFound
from services.shared.feed_vocabulary import FindingKind, FindingStatus
from services.shared.identity import Actor
from services.shared.tables.alerts import ReconciliationFinding

SUBJECT: Final = "finding"
_LIMIT: Final = "SET LOCAL statement_timeout = '10min'"
"""A look goes over every account: longer than a request may take, and no longer than until the next look."""
NO_LONGER_HOLDS: Final = "it no longer holds"

_COLUMNS: Final = (
    *("account_ref", "statement_ref", "sequence", "currency", "opening_on", "opening_pence", "closing_on"),
    *("closing_pence", "entries", "entries_pence", "is_proved"),
)
_CLOSE: Final = """
UPDATE reconciliation_finding AS standing
SET status = $1, closed_at = $2, closed_by = $3, close_reason = $4
WHERE standing.status = 'open' AND standing.kind = ANY ($5::text[]) AND NOT EXISTS (
    SELECT FROM pg_temp.found_finding AS found WHERE found.key = standing.key
        AND found.stated_pence IS NOT DISTINCT FROM standing.stated_pence
        AND found.held_pence IS NOT DISTINCT FROM standing.held_pence)
RETURNING standing.key
"""
# What a person has closed stays closed, as long as its figures stay what they were.
_OPEN: Final = """
INSERT INTO reconciliation_finding (id, key, kind, provider_code, account_id, concerns_on, stated_pence, held_pence,
    detail, delivery_number, found_at, status)
SELECT gen_random_uuid(), found.key, found.kind, found.provider_code, found.account_id, found.concerns_on,
    found.stated_pence, found.held_pence, found.detail, found.delivery_number, $1, $2
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


async def watch_feeds(own: Database, *, actor: Actor, now: datetime) -> Mapping[str, int]:
    """Open a finding for every feed that has become late, close those of feeds that have delivered; count both."""
    return await database.on_transient(lambda: _look(own, disagreements.LATE, actor=actor, now=now))


async def reconcile_feeds(own: Database, *, actor: Actor, now: datetime) -> Mapping[str, int]:
    """Compare balances, statements and sequences; open what disagrees, close what no longer does; count both."""
    return await database.on_transient(lambda: _look(own, disagreements.REST, actor=actor, now=now))


async def close_finding(session: WriteSession, *, finding_id: UUID, reason: str, now: datetime) -> None:
    """Close a finding that a person has looked into; the figures stay as they are. Raises NotFound, Conflict."""
    question = select(ReconciliationFinding).where(ReconciliationFinding.id == finding_id).with_for_update()
    found = await session.scalar(question)
    if found is None:
        raise NotFound("there is no such finding")
    before = found.status
    status = lifecycles.FINDING.move(before, "close")
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


async def _look(
    own: Database, asked: Mapping[FindingKind, Sequence[str]], *, actor: Actor, now: datetime
) -> Mapping[str, int]:
    """Ask what disagrees now; one entry in the trail tells what was opened and closed, with the digest of the keys."""
    async with own.write(actor=actor) as session:
        connection = await database.raw(session)
        await connection.execute(_LIMIT)
        await connection.execute(disagreements.TEMPORARY)
        since = now - timedelta(days=disagreements.DAYS)
        for statement in (each for statements in asked.values() for each in statements):
            await connection.execute(statement, now, since)
        kinds = [kind.value for kind in asked]
        closed_status = lifecycles.FINDING.move(FindingStatus.OPEN, "close").value
        closed = await connection.fetch(_CLOSE, closed_status, now, _name(session), NO_LONGER_HOLDS, kinds)
        opened = await connection.fetch(_OPEN, now, lifecycles.FINDING.initial.value)
        outcome = {"opened": len(opened), "closed": len(closed)}
        if not opened and not closed:
            await session.rollback()
            return outcome
        lines = [f"{verb} {row['key']}" for verb, rows in (("closed", closed), ("opened", opened)) for row in rows]
        digest = hashlib.sha256("\n".join(sorted(lines)).encode()).digest()
        subject = Subject("findings", now.isoformat())
        await audit.record(session, action="reconcile_feeds", subject=subject, after=outcome, digest=digest)
        return outcome


def _name(session: WriteSession) -> str:
    if session.actor is None:
        raise RuntimeError("a finding is closed by somebody")
    return session.actor.name
