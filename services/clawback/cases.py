"""What a run writes of the cases it found, and the one thing people may do with a case here: withdraw it.

The statements read the temporary tables that `positions.survey` filled. A case that another run has opened or moved
on meanwhile is left to it: its snapshot then stands, and none of ours is written for it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import update

from services.clawback import explanation, queries, schemas
from services.clawback.values import CaseFilter, CaseSort, Order
from services.shared import audit, database, paging
from services.shared.audit import Subject
from services.shared.database import AnySession, ReadSession, WriteSession
from services.shared.errors import Stale
from services.shared.lifecycles.clawback import CASE
from services.shared.tables.clawback import ClawbackCase
from services.shared.vocabulary.clawback import CaseGround


async def open_cases(
    session: WriteSession, *, run_id: UUID, as_of: date, now: datetime, ground: CaseGround = CaseGround.SURPLUS
) -> int:
    """Open a case for every flagged agreement that has none, and return how many; a race is decided by the index."""
    connection = await database.raw(session)
    status = await connection.execute(_OPEN, ground.value, CASE.initial.value, as_of, run_id, now)
    return _rows(status)


async def refresh_cases(session: WriteSession, *, as_of: date, now: datetime) -> None:
    """Move open cases on: to the new figures where they changed, and to the day on which they were last flagged."""
    connection = await database.raw(session)
    await connection.execute(_REFRESH, as_of, now)


async def mark_left_out(session: WriteSession, *, as_of: date) -> None:
    """Mark the open cases of agreements that this run left out, and take the mark from those that it tested again."""
    connection = await database.raw(session)
    await connection.execute(_MARK_LEFT_OUT, as_of)


async def record_calculations(
    session: WriteSession, *, run_id: UUID, as_of: date, policy_version: int, threshold_weeks: int
) -> Sequence[asyncpg.Record]:
    """Write the snapshot of every case that this run opened or moved on, with its accounts; return the snapshots."""
    connection = await database.raw(session)
    written = await connection.fetch(_RECORD, run_id, as_of, policy_version, threshold_weeks)
    await connection.execute(_RECORD_LINES)
    return written


async def digest_of_calculations(session: WriteSession) -> bytes:
    """Return the SHA-256 of the snapshots and account lines just written, as PostgreSQL writes them, in order of id."""
    connection = await database.raw(session)
    digest: bytes = await connection.fetchval(_DIGEST)
    return digest


async def list_clawback_cases(
    session: ReadSession, *, wanted: CaseFilter, sort: CaseSort, order: Order, page: paging.Page, today: date
) -> paging.Paged[schemas.CaseSummary]:
    """Return one page of the queue, and leave a record of whose cases were shown. Ages are counted to `today`."""
    rows = await queries.cases(session, wanted=wanted, sort=sort, order=order, page=page)
    shown, next_cursor = queries.ORDERS[sort, order].cut(rows, page, key=lambda row: (row.sort_key, row.id))
    people = [row.recipient_id for row in shown]
    await audit.record_read(session, action="list_clawback_cases", subject_kind="recipient", subject_ids=people)
    return paging.Paged(items=[explanation.summary(row, today=today) for row in shown], next_cursor=next_cursor)


async def read_clawback_case(session: AnySession, *, case_id: UUID, today: date) -> schemas.Case:
    """Return a case with its working, and leave a record of whose it is. Raises NotFound where it is not in sight."""
    row = await queries.case(session, case_id=case_id)
    lines = await queries.account_lines(session, calculation_id=row.calculation_id, before=row.started_at)
    history = await queries.calculations(session, case_id=case_id)
    await audit.record_read(
        session, action="read_clawback_case", subject_kind="recipient", subject_ids=[row.recipient_id]
    )
    return explanation.case(row, lines=lines, history=history, today=today)


async def withdraw_clawback_case(
    session: WriteSession, *, case_id: UUID, version: int, reason: str, now: datetime
) -> None:
    """Withdraw a case that was opened on wrong facts; nothing else moves. A later run may open another.

    Raises NotFound, Stale where the case is no longer at `version`, Conflict where it is already withdrawn.
    """
    found = await queries.case_for_change(session, case_id=case_id)
    if found.version != version:
        raise Stale("the case has been amended since it was read")
    status = CASE.move(found.status, "withdraw")
    await session.execute(
        update(ClawbackCase)
        .where(ClawbackCase.id == case_id)
        .values(status=status, withdrawal_reason=reason, version=version + 1, updated_at=now)
    )
    await audit.record(
        session,
        action="withdraw_clawback_case",
        subject=Subject("clawback_case", str(case_id)),
        before={"status": found.status, "version": version},
        after={"status": status, "version": version + 1},
        person_id=await queries.recipient_of(session, agreement_id=found.agreement_id),
        reason=reason,
    )


def _rows(status: str) -> int:
    """Return the number of rows in PostgreSQL's answer to a command, such as `INSERT 0 3`."""
    return int(status.rsplit(" ", 1)[-1])


# Rows go in, and are locked, in one order, so that two runs at once wait for each other instead of deadlocking.
_OPEN: Final = """
INSERT INTO clawback_case (id, agreement_id, ground, status, opened_on, opened_by_run_id, last_flagged_on,
    calculation_id, excess_pence, weeks_of_cover_hundredths, version, updated_at)
SELECT case_id, agreement_id, $1, $2, $3, $4, $3, calculation_id, counted_pence - threshold_pence,
    counted_pence * 100 / nullif(weekly_gross_pence, 0), 1, $5
FROM pg_temp.flagged
WHERE seen_version IS NULL
ORDER BY agreement_id
ON CONFLICT (agreement_id, ground) WHERE status <> 'withdrawn' DO NOTHING
"""

_REFRESH: Final = """
WITH locked AS (
    SELECT open_case.id
    FROM pg_temp.flagged JOIN clawback_case open_case
      ON open_case.id = flagged.case_id AND open_case.version = flagged.seen_version
    ORDER BY open_case.agreement_id
    FOR UPDATE OF open_case
)
UPDATE clawback_case
SET last_flagged_on = greatest(clawback_case.last_flagged_on, $1::date),
    calculation_id = coalesce(flagged.calculation_id, clawback_case.calculation_id),
    excess_pence = flagged.counted_pence - flagged.threshold_pence,
    weeks_of_cover_hundredths = flagged.counted_pence * 100 / nullif(flagged.weekly_gross_pence, 0),
    version = clawback_case.version + CASE WHEN flagged.calculation_id IS NULL THEN 0 ELSE 1 END,
    updated_at = $2
FROM pg_temp.flagged JOIN locked ON locked.id = flagged.case_id
WHERE clawback_case.id = flagged.case_id
"""

# Not before the day after the last flag: on that day a run did test it.
_MARK_LEFT_OUT: Final = """
WITH locked AS (
    SELECT standing.id, left_out.is_left_out
    FROM pg_temp.left_out JOIN clawback_case standing ON standing.id = left_out.case_id
    ORDER BY standing.agreement_id
    FOR UPDATE OF standing
)
UPDATE clawback_case
SET left_out_from = CASE WHEN locked.is_left_out THEN greatest($1::date, last_flagged_on + 1) END
FROM locked WHERE clawback_case.id = locked.id
"""

_RECORD: Final = """
INSERT INTO clawback_calculation (id, case_id, run_id, as_of, policy_version, budget_id, weekly_gross_pence,
    threshold_weeks, threshold_pence, posted_pence, held_pence, counted_pence, excess_pence, transactions,
    low_point_pence, low_point_on, last_load_on, last_load_pence)
SELECT flagged.calculation_id, flagged.case_id, $1, $2, $3, flagged.budget_id, flagged.weekly_gross_pence, $4,
    flagged.threshold_pence, flagged.posted_pence, flagged.held_pence, flagged.counted_pence,
    flagged.counted_pence - flagged.threshold_pence, flagged.transactions, flagged.low_point_pence,
    flagged.low_point_on, flagged.last_load_on, flagged.last_load_pence
FROM pg_temp.flagged JOIN clawback_case ours
  ON ours.id = flagged.case_id AND ours.calculation_id = flagged.calculation_id
RETURNING id, weekly_gross_pence, posted_pence, held_pence, excess_pence
"""

_RECORD_LINES: Final = """
INSERT INTO clawback_calculation_line (calculation_id, account_id, account_kind, posted_pence, held_pence,
    transactions, last_booked_on)
SELECT part.calculation_id, part.account_id, part.account_kind, part.posted_pence, part.held_pence,
    part.transactions, part.last_booked_on
FROM pg_temp.flagged_account part JOIN clawback_calculation ours ON ours.id = part.calculation_id
"""

_DIGEST: Final = """
SELECT sha256(convert_to(concat_ws(E'\\n',
    (SELECT string_agg(ours::text, E'\\n' ORDER BY ours.id)
     FROM clawback_calculation ours JOIN pg_temp.flagged ON flagged.calculation_id = ours.id),
    (SELECT string_agg(part::text, E'\\n' ORDER BY part.calculation_id, part.account_id)
     FROM clawback_calculation_line part JOIN pg_temp.flagged ON flagged.calculation_id = part.calculation_id)
), 'UTF8'))
"""
