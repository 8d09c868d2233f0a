"""What each agreement is worth a week at the end of a day, and what all its accounts together hold: SQL in named parts.

Each part is one or more named queries of a WITH, and names those that it reads. The numbers are the arguments of the
whole statement (`survey`): $1 the day, $2 whether it is today, $3 the weeks of the policy, $7 the moment at which the
day ends, $8 the present one.
"""

from typing import Final

from services.clawback.runs import holds
from services.shared import lateness

LATE: Final = f"""
late AS (
    SELECT feed.provider_code FROM ({lateness.LATE_FROM}) feed
    WHERE feed.late_from < $8::timestamptz AND coalesce(feed.newest_at < $7::timestamptz, true)
)
"""  # noqa: S608 (joined from constants)
"""`late`: the providers whose feed is late now and has told nothing since the day ended."""

RUNNING: Final = """
running AS (
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
)
"""
"""`running`: the agreements that ran on the day, each with the budget in force; from the projection where it is the
day's own, else from the dated rows.
"""

HELD_THEN: Final = f"""
past_account AS (SELECT account.id AS account_id, account.agreement_id FROM account WHERE NOT $2::boolean),
{holds.moves(name="past", among="past_account", since="$1::date + 1")},
held_then AS (
    SELECT account_id, sum(pence)::bigint AS pence FROM past_hold_move WHERE on_day <= $1 GROUP BY account_id
)
"""  # noqa: S608
"""`held_then`: what was set aside on each account at the end of a past day; nothing is read for today."""

LINE: Final = """
line AS NOT MATERIALIZED (
    SELECT account.agreement_id, account.id AS account_id, account.kind AS account_kind,
           account.provider_code = ANY (ARRAY(SELECT late.provider_code FROM late))
               AND (account.closed_on IS NULL OR account.closed_on > $1) AS is_stale,
           coalesce(balance.posted_pence, 0) - coalesce(later.pence, 0) AS posted_pence,
           CASE WHEN $2 THEN coalesce(balance.held_pence, 0) ELSE coalesce(held_then.pence, 0) END AS held_pence,
           coalesce(balance.transactions, 0) - coalesce(later.transactions, 0) AS transactions,
           CASE WHEN balance.last_booked_on > $1 THEN (
               SELECT max(booked.booked_on) FROM card_transaction booked
               WHERE booked.account_id = account.id AND booked.booked_on <= $1
           ) ELSE balance.last_booked_on END AS last_booked_on
    FROM account
    LEFT JOIN account_balance balance ON balance.account_id = account.id
    LEFT JOIN held_then ON held_then.account_id = account.id
    LEFT JOIN LATERAL (
        SELECT sum(booked.amount_pence)::bigint AS pence, count(*) AS transactions
        FROM card_transaction booked
        WHERE balance.last_booked_on > $1 AND booked.account_id = account.id AND booked.booked_on > $1
    ) later ON true
)
"""
"""`line`: one account at the end of the day: the maintained balance, less what was booked later; what is set aside."""

POSITION: Final = """
position AS MATERIALIZED (
    SELECT running.agreement_id, running.budget_id, running.weekly_gross_pence,
           $3::integer * running.weekly_gross_pence AS threshold_pence, count(*) AS accounts,
           count(*) FILTER (WHERE line.is_stale) AS stale_accounts,
           sum(line.posted_pence)::bigint AS posted_pence, sum(line.held_pence)::bigint AS held_pence,
           (sum(line.posted_pence) - sum(line.held_pence))::bigint AS counted_pence,
           sum(line.transactions)::bigint AS transactions
    FROM running JOIN line ON line.agreement_id = running.agreement_id
    GROUP BY running.agreement_id, running.budget_id, running.weekly_gross_pence
)
"""
"""`position`: one agreement with all its accounts together; tested where none of them is stale."""

PARTS: Final = (LATE, RUNNING, HELD_THEN, LINE, POSITION)
"""The parts in the order in which each reads those before it."""
