"""One look at every agreement, in one statement and so of one moment: who is over, by how much, since when.

It leaves what a run has to write in temporary tables of the connection, `flagged`, `flagged_account` and `not_over`,
which empty themselves at the end of the transaction. `writing` writes from them.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final

from services.clawback.cases.rules import CYCLE_DAYS
from services.clawback.grounds.ground import Ground
from services.clawback.policy.schemas import Policy
from services.clawback.runs import cycle, positions
from services.clawback.runs.schemas import Survey
from services.shared import database, dates
from services.shared.database import WriteSession
from services.shared.errors import Invalid
from services.shared.tables.clawback import OPEN_CASE


class FutureDay(Invalid):
    """The day has not come yet, so that nobody knows what the accounts will hold."""

    code = "future_day"


async def survey(
    session: WriteSession, *, as_of: date, today: date, policy: Policy, now: datetime, grounds: Sequence[Ground]
) -> Survey:
    """Test every agreement at the end of `as_of` on every ground, and keep the flagged ones that a case has to be
    written for.

    Tested are the agreements that ran on the day (suspended ones too) and had a budget in force; a one-off payment has
    no four-weekly gross to be judged by. All accounts of an agreement count together, whatever their kind and whether
    or not they are closed; a trial account belongs to no agreement.

    What is known of a past day: money by the day it was booked on, as delivered up to now, so that a row that came
    late counts on its own day; card payments that had been authorised by that day and had not ended (`holds`); the
    budget rows as they stand now. What is not known: whether the agreement was suspended (it does not matter here),
    and holds that the provider never told of. For today the maintained balance of each account is read. A booking
    dated ahead of `as_of` never counts yet.

    An agreement is left out where the feed of one of its open accounts is late at `now` and has delivered nothing since
    `as_of` ended: a balance that nobody has heard of is no ground, and neither is the rest without it.

    A past day never overwrites what a later one has found, and a withdrawal stands for every day up to its own.

    Raises FutureDay for a day after `today`.
    """
    if as_of > today:
        raise FutureDay("a run is for today or a day before it", pointer="/as_of")
    connection = await database.raw(session)
    await connection.execute(_TEMPORARY)
    by = (policy.threshold_weeks, policy.version, [ground.code for ground in grounds], CYCLE_DAYS)
    found = await connection.fetchrow(_statement(tuple(grounds)), as_of, as_of == today, *by, _end_of(as_of), now)
    assert found is not None  # noqa: S101 (an aggregate without GROUP BY is always one row)
    await connection.execute("ANALYZE pg_temp.flagged; ANALYZE pg_temp.flagged_account")
    return Survey(**found)


def _end_of(day: date) -> datetime:
    """Return the moment at which the Europe/London day ends."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=dates.LONDON)


@cache
def _statement(grounds: tuple[Ground, ...]) -> str:
    """Return the statement that finds every ground of the tuple.

    $1 the day, $2 whether it is today, $3 weeks and $4 version of the policy, $5 the grounds' codes, $6 days of a
    payment cycle, $7 the moment at which the day ends, $8 the present one.
    """
    on_each = " UNION ALL ".join(_FOUND.format(code=ground.code, condition=ground.condition) for ground in grounds)
    on_any = " OR ".join(f"({ground.condition})" for ground in grounds)
    found = f"found AS ({on_each})"
    parts = (*positions.PARTS, found, _STANDING, _JUDGED, _PENDING, *cycle.PARTS, _KEPT, _KEPT_LINES, _KEPT_NOT_OVER)
    return f"WITH {','.join(parts)} {_COUNTED.format(on_any=on_any)}"


_TEMPORARY: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS flagged (
    ground text, agreement_id uuid, budget_id uuid, weekly_gross_pence bigint, threshold_pence bigint,
    posted_pence bigint, held_pence bigint, counted_pence bigint, transactions bigint, case_id uuid,
    seen_version bigint, calculation_id uuid, low_point_pence bigint, low_point_on date, last_load_on date,
    last_load_pence bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS flagged_account (
    calculation_id uuid, account_id uuid, account_kind text, posted_pence bigint, held_pence bigint,
    transactions bigint, last_booked_on date
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS not_over (case_id uuid) ON COMMIT DELETE ROWS;
DELETE FROM pg_temp.not_over;
DELETE FROM pg_temp.flagged;
DELETE FROM pg_temp.flagged_account;
"""
"""What a run has to write. A row of `flagged` without `seen_version` has no open case yet; one without `calculation_id`
has the same figures as its case's standing calculation, so that only its last day moves on.
"""

_FOUND: Final = "SELECT '{code}' AS ground, position.* FROM position WHERE stale_accounts = 0 AND ({condition})"
"""The tested agreements that one ground finds."""

_STANDING: Final = f"""
standing AS (
    SELECT open_case.ground, open_case.agreement_id, open_case.id AS case_id, open_case.version AS seen_version,
           open_case.last_flagged_on, open_case.not_over_on, figures.policy_version, figures.budget_id,
           figures.weekly_gross_pence, figures.posted_pence, figures.held_pence, figures.transactions,
           figures.low_point_pence
    FROM clawback_case open_case JOIN clawback_calculation figures ON figures.id = open_case.calculation_id
    WHERE open_case.ground = ANY ($5::text[]) AND open_case.{OPEN_CASE}
)
"""  # noqa: S608 (joined from constants)
"""`standing`: the open cases on these grounds, each with the figures of its standing calculation."""

_JUDGED: Final = """
judged AS (
    SELECT found.*, standing.case_id, standing.seen_version, standing.last_flagged_on, standing.not_over_on,
           standing.low_point_pence AS standing_low_point_pence,
           (standing.policy_version, standing.budget_id, standing.weekly_gross_pence, standing.posted_pence,
            standing.held_pence, standing.transactions)
           IS DISTINCT FROM
           ($4::bigint, found.budget_id, found.weekly_gross_pence, found.posted_pence, found.held_pence,
            found.transactions) AS has_moved
    FROM found LEFT JOIN standing ON standing.agreement_id = found.agreement_id AND standing.ground = found.ground
)
"""
"""`judged`: what was found on each ground, beside the open case on that ground, if there is one."""

_PENDING: Final = """
pending AS MATERIALIZED (
    SELECT judged.* FROM judged
    WHERE CASE
        WHEN judged.case_id IS NOT NULL
            THEN judged.last_flagged_on < $1
                OR judged.last_flagged_on = $1 AND (judged.has_moved OR judged.not_over_on IS NOT NULL)
        ELSE NOT EXISTS (
            SELECT FROM clawback_case withdrawn
            WHERE withdrawn.agreement_id = judged.agreement_id AND withdrawn.ground = judged.ground
              AND withdrawn.status = 'withdrawn' AND withdrawn.closed_on >= $1)
        END
)
"""
"""`pending`: what a case has to be opened or moved on for."""

_KEPT: Final = """
kept AS (
    INSERT INTO pg_temp.flagged
    SELECT ground, agreement_id, budget_id, weekly_gross_pence, threshold_pence, posted_pence, held_pence,
           counted_pence, transactions, coalesce(case_id, gen_random_uuid()), seen_version, calculation_id,
           low_point_pence, low_point_on, last_load_on, last_load_pence
    FROM seen
)
"""
"""`kept`: the rows of `flagged`."""

_KEPT_LINES: Final = """
kept_lines AS (
    INSERT INTO pg_temp.flagged_account
    SELECT seen.calculation_id, line.account_id, line.account_kind, line.posted_pence, line.held_pence,
           line.transactions, line.last_booked_on
    FROM seen JOIN line ON line.agreement_id = seen.agreement_id
    WHERE seen.calculation_id IS NOT NULL
)
"""
"""`kept_lines`: the account lines of the snapshots that have to be written."""

_KEPT_NOT_OVER: Final = """
kept_not_over AS (
    INSERT INTO pg_temp.not_over
    SELECT standing.case_id
    FROM standing JOIN position ON position.agreement_id = standing.agreement_id AND position.stale_accounts = 0
    WHERE standing.last_flagged_on <= $1 AND (standing.not_over_on IS NULL OR standing.not_over_on < $1)
      AND NOT EXISTS (
          SELECT FROM found WHERE found.agreement_id = standing.agreement_id AND found.ground = standing.ground)
)
"""
"""`kept_not_over`: the open cases that were tested on this ground and not found again."""

_COUNTED: Final = """
SELECT count(*) FILTER (WHERE is_tested) AS agreements,
       coalesce(sum(accounts) FILTER (WHERE is_tested), 0)::bigint AS accounts,
       coalesce(sum(stale_accounts), 0)::bigint AS stale_accounts,
       count(*) FILTER (WHERE is_tested AND is_found) AS flagged,
       coalesce(sum(counted_pence - threshold_pence) FILTER (WHERE is_tested AND is_found), 0)::bigint AS excess_pence
FROM (SELECT *, stale_accounts = 0 AS is_tested, ({on_any}) AS is_found FROM position) AS judged_or_not
"""
"""What the look came to; an agreement that is found on several grounds counts once."""
