"""What a run writes of the cases that its survey found.

The statements read the temporary tables that `survey.survey` filled. A case that another run has opened or moved on
meanwhile is left to it: its snapshot then stands, and none of ours is written for it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.shared import database
from services.shared.database import WriteSession
from services.shared.lifecycles.clawback import CASE
from services.shared.tables.clawback import OPEN_CASE


async def open_cases(session: WriteSession, *, run_id: UUID, as_of: date, now: datetime) -> int:
    """Open a case for every flagged agreement and ground that has none, and return how many; a race is decided by the
    index.
    """
    connection = await database.raw(session)
    status = await connection.execute(_OPEN, CASE.initial.value, as_of, run_id, now)
    return _rows(status)


async def refresh_cases(session: WriteSession, *, as_of: date, now: datetime) -> None:
    """Move open cases on: to the new figures where they changed, and to the day on which they were last flagged.

    A case that a run of a later day has flagged meanwhile stays as that one left it.
    """
    connection = await database.raw(session)
    await connection.execute(_REFRESH, as_of, now)


async def mark_not_over(session: WriteSession, *, as_of: date) -> None:
    """Mark the open cases that this run tested and did not find over any more."""
    connection = await database.raw(session)
    await connection.execute(_MARK_NOT_OVER, as_of)


async def record_calculations(
    session: WriteSession, *, run_id: UUID, as_of: date, policy_version: int, threshold_weeks: int
) -> Sequence[asyncpg.Record]:
    """Write the snapshot of every case that this run opened or moved on, with its accounts; return the snapshots,
    each with its ground.
    """
    connection = await database.raw(session)
    written = await connection.fetch(_RECORD, run_id, as_of, policy_version, threshold_weeks)
    await connection.execute(_RECORD_LINES)
    return written


async def digest_of_calculations(session: WriteSession) -> bytes:
    """Return the SHA-256 of the snapshots and account lines just written, as PostgreSQL writes them, in order of id."""
    connection = await database.raw(session)
    digest: bytes = await connection.fetchval(_DIGEST)
    return digest


def _rows(status: str) -> int:
    """Return the number of rows in PostgreSQL's answer to a command, such as `INSERT 0 3`."""
    return int(status.rsplit(" ", 1)[-1])


# Rows go in, and are locked, in one order, so that two runs at once wait for each other instead of deadlocking. What a
# run of a past day opens is not over any more where the agreement was tested on a later day: else it would have a case.
_OPEN: Final = f"""
WITH later AS MATERIALIZED (SELECT DISTINCT as_of FROM clawback_run WHERE as_of > $2::date)
INSERT INTO clawback_case (id, agreement_id, ground, status, opened_on, opened_by_run_id, last_flagged_on, not_over_on,
    calculation_id, excess_pence, weeks_of_cover_hundredths, version, updated_at)
SELECT case_id, agreement_id, ground, $1, $2, $3, $2, (
        SELECT max(later.as_of) FROM later JOIN agreement ON agreement.id = flagged.agreement_id
        WHERE agreement.ended_on IS NULL OR later.as_of < agreement.ended_on),
    calculation_id, counted_pence - threshold_pence, counted_pence * 100 / nullif(weekly_gross_pence, 0), 1, $4
FROM pg_temp.flagged
WHERE seen_version IS NULL
ORDER BY agreement_id, ground
ON CONFLICT (agreement_id, ground) WHERE {OPEN_CASE} DO NOTHING
"""  # noqa: S608 (joined from constants)

_REFRESH: Final = f"""
WITH locked AS (
    SELECT open_case.id
    FROM pg_temp.flagged JOIN clawback_case open_case
      ON open_case.id = flagged.case_id AND open_case.version = flagged.seen_version
    WHERE open_case.last_flagged_on <= $1::date AND open_case.{OPEN_CASE}
    ORDER BY open_case.agreement_id, open_case.ground
    FOR UPDATE OF open_case
)
UPDATE clawback_case
SET last_flagged_on = $1,
    not_over_on = CASE WHEN clawback_case.not_over_on > $1 THEN clawback_case.not_over_on END,
    calculation_id = coalesce(flagged.calculation_id, clawback_case.calculation_id),
    excess_pence = flagged.counted_pence - flagged.threshold_pence,
    weeks_of_cover_hundredths = flagged.counted_pence * 100 / nullif(flagged.weekly_gross_pence, 0),
    version = clawback_case.version + CASE WHEN flagged.calculation_id IS NULL THEN 0 ELSE 1 END,
    updated_at = $2
FROM pg_temp.flagged JOIN locked ON locked.id = flagged.case_id
WHERE clawback_case.id = flagged.case_id
"""  # noqa: S608

_MARK_NOT_OVER: Final = f"""
WITH locked AS (
    SELECT open_case.id
    FROM pg_temp.not_over JOIN clawback_case open_case ON open_case.id = not_over.case_id
    WHERE open_case.last_flagged_on <= $1::date AND open_case.{OPEN_CASE}
    ORDER BY open_case.agreement_id, open_case.ground
    FOR UPDATE OF open_case
)
UPDATE clawback_case SET not_over_on = greatest(clawback_case.not_over_on, $1)
FROM locked WHERE clawback_case.id = locked.id
"""  # noqa: S608

_RECORD: Final = """
WITH written AS (
    INSERT INTO clawback_calculation (id, case_id, run_id, as_of, policy_version, budget_id, weekly_gross_pence,
        threshold_weeks, threshold_pence, posted_pence, held_pence, counted_pence, excess_pence, transactions,
        low_point_pence, low_point_on, last_load_on, last_load_pence)
    SELECT flagged.calculation_id, flagged.case_id, $1, $2, $3, flagged.budget_id, flagged.weekly_gross_pence, $4,
        flagged.threshold_pence, flagged.posted_pence, flagged.held_pence, flagged.counted_pence,
        flagged.counted_pence - flagged.threshold_pence, flagged.transactions, flagged.low_point_pence,
        flagged.low_point_on, flagged.last_load_on, flagged.last_load_pence
    FROM pg_temp.flagged JOIN clawback_case ours
      ON ours.id = flagged.case_id AND ours.calculation_id = flagged.calculation_id
    RETURNING id, weekly_gross_pence, posted_pence, held_pence
)
SELECT flagged.ground, written.* FROM written JOIN pg_temp.flagged ON flagged.calculation_id = written.id
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
