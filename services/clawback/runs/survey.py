"""One look at every agreement, in one statement and so of one moment: who is over, by how much, since when.

It leaves what a run has to write in temporary tables of the connection, `flagged`, `flagged_account` and `left_out`,
which empty themselves at the end of the transaction. `writing` writes from them.
"""

from datetime import date, datetime, time, timedelta
from typing import Final

from services.clawback.cases.rules import CYCLE_DAYS
from services.clawback.policy.schemas import Policy
from services.clawback.runs.schemas import Survey
from services.shared import database, dates, lateness
from services.shared.database import WriteSession
from services.shared.errors import Invalid
from services.shared.vocabulary.clawback import CaseGround


class FutureDay(Invalid):
    """The day has not come yet, so that nobody knows what the accounts will hold."""

    code = "future_day"


async def survey(
    session: WriteSession,
    *,
    as_of: date,
    today: date,
    policy: Policy,
    now: datetime,
    ground: CaseGround = CaseGround.SURPLUS,
) -> Survey:
    """Test every agreement at the end of `as_of` and keep the flagged ones that a case has to be written for.

    Tested are the agreements that ran on the day (suspended ones too) and had a budget in force; a one-off payment has
    no four-weekly gross to be judged by. All accounts of an agreement count together, whatever their kind and whether
    or not they are closed; a trial account belongs to no agreement.

    What is known of a past day: money by the day it was booked on, as delivered up to now, so that a row that came
    late counts on its own day; card payments that were authorised by that day and had not cleared, been reversed or
    expired; the budget rows as they stand now. What is not known: whether the agreement was suspended (it does not
    matter here), and holds that the provider never told of. For today the maintained balance of each account is read.
    A booking dated ahead of `as_of` never counts yet.

    An agreement is left out where the feed of one of its open accounts is late at `now` and has delivered nothing since
    `as_of` ended: a balance that nobody has heard of is no ground, and neither is the rest without it.

    A past day never overwrites what a later one has found, and a withdrawal stands for every day up to its own.

    Raises FutureDay for a day after `today`.
    """
    if as_of > today:
        raise FutureDay("a run is for today or a day before it", pointer="/as_of")
    connection = await database.raw(session)
    await connection.execute(_TEMPORARY)
    by = (policy.threshold_weeks, policy.version, ground.value, CYCLE_DAYS)
    found = await connection.fetchrow(_SURVEY, as_of, as_of == today, *by, _end_of(as_of), now)
    assert found is not None  # noqa: S101 (an aggregate without GROUP BY is always one row)
    await connection.execute("ANALYZE pg_temp.flagged; ANALYZE pg_temp.flagged_account")
    return Survey(**found)


def _end_of(day: date) -> datetime:
    """Return the moment at which the Europe/London day ends."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=dates.LONDON)


# A row of `flagged` without `seen_version` has no open case yet; one without `calculation_id` has the same figures as
# its case's standing calculation, so that only its last day moves on.
_TEMPORARY: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS flagged (
    agreement_id uuid, budget_id uuid, weekly_gross_pence bigint, threshold_pence bigint, posted_pence bigint,
    held_pence bigint, counted_pence bigint, transactions bigint, case_id uuid, seen_version bigint,
    calculation_id uuid, low_point_pence bigint, low_point_on date, last_load_on date, last_load_pence bigint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS flagged_account (
    calculation_id uuid, account_id uuid, account_kind text, posted_pence bigint, held_pence bigint,
    transactions bigint, last_booked_on date
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS left_out (case_id uuid, is_left_out boolean) ON COMMIT DELETE ROWS;
DELETE FROM pg_temp.left_out;
DELETE FROM pg_temp.flagged;
DELETE FROM pg_temp.flagged_account;
"""

# $1 the day, $2 whether it is today, $3 weeks and $4 version of the policy, $5 the ground, $6 days of a payment cycle,
# $7 the moment at which the day ends, $8 the present one.
_SURVEY: Final = f"""
WITH late AS (
    SELECT feed.provider_code FROM ({lateness.LATE_FROM}) feed
    WHERE feed.late_from < $8::timestamptz AND coalesce(feed.newest_at < $7::timestamptz, true)
), running AS (
    SELECT agreement.id AS agreement_id,
           coalesce(ready.budget_id, dated.id) AS budget_id,
           coalesce(ready.weekly_gross_pence, dated.weekly_gross_pence) AS weekly_gross_pence
    FROM agreement
    LEFT JOIN gross_today ready ON ready.agreement_id = agreement.id AND ready.valid_on = $1::date
    LEFT JOIN LATERAL (
        SELECT budget.id, budget.weekly_gross_pence
        FROM budget
        WHERE ready.agreement_id IS NULL AND budget.agreement_id = agreement.id AND budget.effective_from <= $1
        ORDER BY budget.effective_from DESC, budget.revision DESC
        LIMIT 1
    ) dated ON true
    WHERE agreement.status <> 'draft' AND agreement.payment_schedule <> 'one_off' AND agreement.started_on <= $1
      AND (agreement.ended_on IS NULL OR agreement.ended_on > $1)
      AND coalesce(ready.budget_id, dated.id) IS NOT NULL
), hold_then AS (
    SELECT hold.account_id,
           sum(hold.amount_pence - least(hold.amount_pence, coalesce(released.pence, 0)))::bigint AS pence
    FROM card_hold hold
    LEFT JOIN LATERAL (
        SELECT sum(part.amount_pence) AS pence FROM card_release part
        WHERE hold.released_pence > 0 AND part.provider_code = hold.provider_code
          AND part.hold_id = hold.provider_transaction_id AND part.account_id = hold.account_id
          AND part.status = 'reversed' AND part.released_at < $7::timestamptz
    ) released ON true
    WHERE NOT $2::boolean AND hold.authorised_at < $7::timestamptz
      AND (hold.settled_at IS NULL OR hold.settled_at >= $7)
      AND NOT EXISTS (
          SELECT FROM card_transaction cleared
          WHERE cleared.provider_code = hold.provider_code
            AND cleared.provider_transaction_id = hold.provider_transaction_id AND cleared.booked_on <= $1)
    GROUP BY hold.account_id
), line AS NOT MATERIALIZED (
    SELECT account.agreement_id, account.id AS account_id, account.kind AS account_kind,
           account.provider_code = ANY (ARRAY(SELECT late.provider_code FROM late))
               AND (account.closed_on IS NULL OR account.closed_on > $1) AS is_stale,
           coalesce(balance.posted_pence, 0) - coalesce(later.pence, 0) AS posted_pence,
           CASE WHEN $2 THEN coalesce(balance.held_pence, 0) ELSE coalesce(hold_then.pence, 0) END AS held_pence,
           coalesce(balance.transactions, 0) - coalesce(later.transactions, 0) AS transactions,
           CASE WHEN balance.last_booked_on > $1 THEN (
               SELECT max(booked.booked_on) FROM card_transaction booked
               WHERE booked.account_id = account.id AND booked.booked_on <= $1
           ) ELSE balance.last_booked_on END AS last_booked_on
    FROM account
    LEFT JOIN account_balance balance ON balance.account_id = account.id
    LEFT JOIN hold_then ON hold_then.account_id = account.id
    LEFT JOIN LATERAL (
        SELECT sum(booked.amount_pence)::bigint AS pence, count(*) AS transactions
        FROM card_transaction booked
        WHERE balance.last_booked_on > $1 AND booked.account_id = account.id AND booked.booked_on > $1
    ) later ON true
), position AS MATERIALIZED (
    SELECT running.agreement_id, running.budget_id, running.weekly_gross_pence,
           $3::integer * running.weekly_gross_pence AS threshold_pence, count(*) AS accounts,
           count(*) FILTER (WHERE line.is_stale) AS stale_accounts,
           sum(line.posted_pence)::bigint AS posted_pence, sum(line.held_pence)::bigint AS held_pence,
           (sum(line.posted_pence) - sum(line.held_pence))::bigint AS counted_pence,
           sum(line.transactions)::bigint AS transactions
    FROM running JOIN line ON line.agreement_id = running.agreement_id
    GROUP BY running.agreement_id, running.budget_id, running.weekly_gross_pence
), standing AS (
    SELECT open_case.agreement_id, open_case.id AS case_id, open_case.version AS seen_version,
           open_case.last_flagged_on, figures.policy_version, figures.budget_id, figures.weekly_gross_pence,
           figures.posted_pence, figures.held_pence, figures.transactions, figures.low_point_pence
    FROM clawback_case open_case JOIN clawback_calculation figures ON figures.id = open_case.calculation_id
    WHERE open_case.ground = $5::text AND open_case.status <> 'withdrawn'
), judged AS (
    SELECT position.*, standing.case_id, standing.seen_version, standing.last_flagged_on,
           standing.low_point_pence AS standing_low_point_pence,
           (standing.policy_version, standing.budget_id, standing.weekly_gross_pence, standing.posted_pence,
            standing.held_pence, standing.transactions)
           IS DISTINCT FROM
           ($4::bigint, position.budget_id, position.weekly_gross_pence, position.posted_pence, position.held_pence,
            position.transactions) AS has_moved
    FROM position LEFT JOIN standing ON standing.agreement_id = position.agreement_id
    WHERE position.counted_pence > position.threshold_pence AND position.stale_accounts = 0
), pending AS MATERIALIZED (
    SELECT judged.* FROM judged
    WHERE CASE
        WHEN judged.case_id IS NOT NULL
            THEN judged.last_flagged_on < $1 OR judged.last_flagged_on = $1 AND judged.has_moved
        ELSE NOT EXISTS (
            SELECT FROM clawback_case withdrawn
            WHERE withdrawn.agreement_id = judged.agreement_id AND withdrawn.ground = $5
              AND withdrawn.status = 'withdrawn'
              AND (withdrawn.updated_at AT TIME ZONE 'Europe/London')::date >= $1)
        END
), seen AS MATERIALIZED (
    SELECT pending.*, low_point.pence AS low_point_pence, low_point.on_day AS low_point_on,
           last_load.on_day AS last_load_on, last_load.pence AS last_load_pence,
           CASE WHEN pending.has_moved OR low_point.pence <> pending.standing_low_point_pence
                THEN gen_random_uuid() END AS calculation_id
    FROM pending
    CROSS JOIN LATERAL (
        SELECT pending.counted_pence AS pence, $1 AS on_day
        UNION ALL
        SELECT (pending.posted_pence - sum(daily.pence) OVER (ORDER BY daily.booked_on DESC))::bigint,
               daily.booked_on - 1
        FROM (
            SELECT booked.booked_on, sum(booked.amount_pence) AS pence
            FROM account JOIN card_transaction booked ON booked.account_id = account.id
            WHERE account.agreement_id = pending.agreement_id
              AND booked.booked_on BETWEEN $1 - $6::integer + 2 AND $1
            GROUP BY booked.booked_on
        ) daily
        ORDER BY pence, on_day DESC
        LIMIT 1
    ) low_point
    LEFT JOIN LATERAL (
        SELECT latest.booked_on AS on_day, (
                   SELECT sum(loaded.amount_pence)::bigint
                   FROM account JOIN card_transaction loaded ON loaded.account_id = account.id
                   WHERE account.agreement_id = pending.agreement_id AND loaded.booked_on = latest.booked_on
                     AND loaded.type = 'load') AS pence
        FROM account CROSS JOIN LATERAL (
            SELECT loaded.booked_on FROM card_transaction loaded
            WHERE loaded.account_id = account.id AND loaded.booked_on <= $1 AND loaded.type = 'load'
            ORDER BY loaded.booked_on DESC
            LIMIT 1
        ) latest
        WHERE account.agreement_id = pending.agreement_id
        ORDER BY latest.booked_on DESC
        LIMIT 1
    ) last_load ON true
), kept AS (
    INSERT INTO pg_temp.flagged
    SELECT agreement_id, budget_id, weekly_gross_pence, threshold_pence, posted_pence, held_pence, counted_pence,
           transactions, coalesce(case_id, gen_random_uuid()), seen_version, calculation_id, low_point_pence,
           low_point_on, last_load_on, last_load_pence
    FROM seen
), kept_left_out AS (
    INSERT INTO pg_temp.left_out
    SELECT open_case.id, position.stale_accounts > 0
    FROM position JOIN clawback_case open_case ON open_case.agreement_id = position.agreement_id
    WHERE open_case.ground = $5 AND open_case.status <> 'withdrawn'
      AND (position.stale_accounts > 0) <> (open_case.left_out_from IS NOT NULL)
      AND $1 >= coalesce(open_case.left_out_from, open_case.last_flagged_on)
), kept_lines AS (
    INSERT INTO pg_temp.flagged_account
    SELECT seen.calculation_id, line.account_id, line.account_kind, line.posted_pence, line.held_pence,
           line.transactions, line.last_booked_on
    FROM seen JOIN line ON line.agreement_id = seen.agreement_id
    WHERE seen.calculation_id IS NOT NULL
)
SELECT count(*) FILTER (WHERE is_tested) AS agreements,
       coalesce(sum(accounts) FILTER (WHERE is_tested), 0)::bigint AS accounts,
       coalesce(sum(stale_accounts), 0)::bigint AS stale_accounts,
       count(*) FILTER (WHERE is_tested AND counted_pence > threshold_pence) AS flagged,
       coalesce(sum(counted_pence - threshold_pence) FILTER (WHERE is_tested AND counted_pence > threshold_pence),
           0)::bigint AS excess_pence
FROM (SELECT *, stale_accounts = 0 AS is_tested FROM position) AS judged_or_not
"""  # noqa: S608 (joined from constants)
