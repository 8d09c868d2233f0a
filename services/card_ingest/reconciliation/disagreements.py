"""What disagrees now, as SQL over sets: one statement a kind, each of which fills `found_finding`.

What is about an account is asked of the accounts in `due_account`, few or all, by the same statement: so a finding is
the same whichever look finds it. What is about a provider or a delivery is asked of everything each time, since it is
few, and an index holds it.

$1 is the moment and $2 the first moment of the days that are looked at (both are named by every statement, so that all
are asked alike). The key says what a finding is about; the same key with other figures is another finding.
"""

from typing import Final

from services.shared import lateness
from services.shared.vocabulary.feeds import FindingKind

DAYS: Final = 35
"""Statements of so many days are compared: those delivered or closing in them, and those that a finding is open about.
"""

TEMPORARY: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS found_finding (
    key text PRIMARY KEY, kind text, provider_code text, account_id uuid, concerns_on date, stated_pence bigint,
    held_pence bigint, detail text, delivery_number bigint, account_ref text
) ON COMMIT DELETE ROWS;
DELETE FROM pg_temp.found_finding;
"""

_INTO: Final = "INSERT INTO pg_temp.found_finding "

_LATE: Final = f"""
SELECT concat_ws(':', 'feed_is_late', provider.code, feed.newest_at), 'feed_is_late', provider.code, NULL::uuid,
    (feed.late_from AT TIME ZONE 'Europe/London')::date, NULL::bigint, NULL::bigint,
    format('a delivery is expected every %s hours, and the last one came %s', provider.expected_every_hours,
        coalesce(to_char(feed.newest_at AT TIME ZONE 'Europe/London', '"on" FMDD FMMonth YYYY "at" HH24:MI'), 'never')),
    NULL::bigint, NULL::text
FROM ({lateness.LATE_FROM}) AS feed JOIN feed_provider AS provider ON provider.code = feed.provider_code
WHERE feed.late_from < $1::timestamptz AND $2::timestamptz IS NOT NULL
"""  # noqa: S608 (joined from constants)

# A statement sent again that adds up speaks for itself.
_DOES_NOT_ADD_UP: Final = """
SELECT 'statement_does_not_add_up:' || wrong.id, 'statement_does_not_add_up', wrong.provider_code, account.id,
    wrong.closing_on, wrong.closing_pence, wrong.opening_pence + wrong.entries_pence,
    'what the statement opened with and its ' || wrong.entries || ' entries do not make what it closed with',
    wrong.delivery_number, wrong.account_ref
FROM pg_temp.due_account AS due
JOIN feed_statement AS wrong ON wrong.provider_code = due.provider_code AND wrong.account_ref = due.account_ref
LEFT JOIN account ON account.provider_code = wrong.provider_code AND account.provider_account_ref = wrong.account_ref
WHERE wrong.is_proved IS FALSE AND $1::timestamptz >= $2::timestamptz AND NOT EXISTS (
    SELECT FROM feed_statement AS again
    WHERE again.provider_code = wrong.provider_code AND again.account_ref = wrong.account_ref
        AND again.closing_on IS NOT DISTINCT FROM wrong.closing_on AND again.statement_ref = wrong.statement_ref
        AND again.delivery_number > wrong.delivery_number AND again.is_proved)
"""


def _held(account_id: str, day: str) -> str:
    """Return the SQL of our posted balance at the end of a day: today's less what was booked later."""
    return f"""(
        SELECT coalesce(sum(balance.posted_pence), 0)::bigint - coalesce((
            SELECT sum(later.amount_pence) FROM card_transaction AS later
            WHERE later.account_id = {account_id} AND later.booked_on > {day}), 0)::bigint
        FROM account_balance AS balance WHERE balance.account_id = {account_id})"""  # noqa: S608 (names of columns)


# A difference is found on the day on which it begins: the days after it inherit it and say nothing new.
_BALANCE_DIFFERS: Final = f"""
WITH stated AS (
    SELECT DISTINCT ON (statement.provider_code, statement.account_ref, statement.closing_on)
        account.id AS account_id, statement.provider_code, statement.account_ref, statement.closing_on,
        statement.closing_pence, statement.delivery_number
    FROM pg_temp.due_account AS due
    JOIN feed_statement AS statement
        ON statement.provider_code = due.provider_code AND statement.account_ref = due.account_ref
    JOIN account ON account.provider_code = statement.provider_code
        AND account.provider_account_ref = statement.account_ref AND account.kind <> 'trial'
    JOIN feed_delivery AS delivery ON delivery.number = statement.delivery_number
    JOIN feed_progress AS progress ON progress.delivery_id = delivery.id AND progress.status = 'posted'
    WHERE statement.closing_pence IS NOT NULL AND statement.closing_on IS NOT NULL AND statement.currency = 'GBP'
        AND statement.closing_on < ($1::timestamptz AT TIME ZONE 'Europe/London')::date + 1
        AND (delivery.received_at >= $2::timestamptz OR statement.closing_on >= $2::date OR EXISTS (
            SELECT FROM reconciliation_finding AS open WHERE open.status = 'open' AND open.kind = 'balance_differs'
                AND open.provider_code = statement.provider_code AND open.account_ref = statement.account_ref
                AND open.concerns_on = statement.closing_on))
    ORDER BY statement.provider_code, statement.account_ref, statement.closing_on, statement.delivery_number DESC,
        statement.sequence DESC NULLS LAST, statement.id DESC
), compared AS MATERIALIZED (
    SELECT stated.*, {_held("stated.account_id", "stated.closing_on")} AS held_pence FROM stated
)
SELECT concat_ws(':', 'balance_differs', compared.account_id, compared.closing_on), 'balance_differs',
    compared.provider_code, compared.account_id, compared.closing_on, compared.closing_pence, compared.held_pence,
    'the provider states another balance at the end of the day than the rows that have posted make',
    compared.delivery_number, compared.account_ref
FROM compared LEFT JOIN LATERAL (
    SELECT before.closing_pence, before.closing_on FROM feed_statement AS before
    WHERE before.provider_code = compared.provider_code AND before.account_ref = compared.account_ref
        AND before.closing_on < compared.closing_on AND before.closing_pence IS NOT NULL AND before.currency = 'GBP'
    ORDER BY before.closing_on DESC, before.delivery_number DESC, before.sequence DESC NULLS LAST, before.id DESC
    LIMIT 1
) AS before ON compared.closing_pence <> compared.held_pence
WHERE compared.closing_pence <> compared.held_pence AND (before.closing_on IS NULL
    OR before.closing_pence - {_held("compared.account_id", "before.closing_on")}
        <> compared.closing_pence - compared.held_pence)
"""  # noqa: S608 (joined from constants)

# Banks begin to count anew each year, so that only a step up of more than one is a gap, in the order of days.
_STATEMENT_GAPS: Final = """
SELECT concat_ws(':', 'sequence_gap', gap.provider_code, account_ref, before + 1, sequence - 1, closing_on),
    'sequence_gap', gap.provider_code, account.id, closing_on, NULL::bigint, NULL::bigint,
    CASE WHEN sequence - before = 2 THEN 'statement ' || before + 1 || ' of the account has not come'
        ELSE 'statements ' || before + 1 || ' to ' || sequence - 1 || ' of the account have not come' END,
    delivery_number, account_ref
FROM (
    SELECT provider_code, account_ref, closing_on, sequence, delivery_number,
        lag(sequence) OVER (PARTITION BY provider_code, account_ref ORDER BY closing_on, sequence) AS before
    FROM (
        SELECT statement.provider_code, statement.account_ref, statement.sequence, statement.closing_on,
            min(statement.delivery_number) AS delivery_number
        FROM pg_temp.due_account AS due JOIN feed_statement AS statement
            ON statement.provider_code = due.provider_code AND statement.account_ref = due.account_ref
        WHERE statement.sequence IS NOT NULL AND statement.closing_on IS NOT NULL
        GROUP BY statement.provider_code, statement.account_ref, statement.sequence, statement.closing_on
    ) AS numbered
) AS gap
LEFT JOIN account ON account.provider_code = gap.provider_code AND account.provider_account_ref = gap.account_ref
WHERE sequence - before > 1 AND $1::timestamptz >= $2::timestamptz
"""

_DELIVERY_GAPS: Final = """
SELECT concat_ws(':', 'sequence_gap', provider_code, before + 1, sequence - 1), 'sequence_gap', provider_code,
    NULL::uuid, NULL::date, NULL::bigint, NULL::bigint,
    CASE WHEN sequence - before = 2 THEN 'delivery ' || before + 1 || ' of the provider has not come'
        ELSE 'deliveries ' || before + 1 || ' to ' || sequence - 1 || ' of the provider have not come' END,
    number, NULL::text
FROM (
    SELECT provider_code, sequence, number,
        lag(sequence) OVER (PARTITION BY provider_code ORDER BY sequence) AS before
    FROM (
        SELECT provider_code, sequence, min(number) AS number FROM feed_delivery WHERE sequence IS NOT NULL
        GROUP BY provider_code, sequence
    ) AS numbered
) AS gap
WHERE sequence - before > 1 AND $1::timestamptz >= $2::timestamptz
"""

_DAY_CHANGED: Final = """
SELECT 'complete_day_changed:' || delivery.number, 'complete_day_changed', delivery.provider_code, NULL::uuid,
    NULL::date, NULL::bigint, NULL::bigint,
    count(*) || ' rows wait: they are of days that an earlier file held whole, with other rows', delivery.number,
    NULL::text
FROM quarantined_row AS waiting JOIN feed_delivery AS delivery ON delivery.number = waiting.delivery_number
WHERE waiting.status = 'waiting' AND waiting.code = 'complete_day_changed' AND $1::timestamptz >= $2::timestamptz
GROUP BY delivery.number, delivery.provider_code
"""

LATE: Final = {FindingKind.FEED_IS_LATE: (_INTO + _LATE,)}
"""Asked every minute: a feed becomes late by nothing happening."""

REST: Final = {
    FindingKind.STATEMENT_DOES_NOT_ADD_UP: (_INTO + _DOES_NOT_ADD_UP,),
    FindingKind.BALANCE_DIFFERS: (_INTO + _BALANCE_DIFFERS,),
    FindingKind.SEQUENCE_GAP: (_INTO + _STATEMENT_GAPS, _INTO + _DELIVERY_GAPS),
    FindingKind.COMPLETE_DAY_CHANGED: (_INTO + _DAY_CHANGED,),
}
"""Asked every quarter of an hour of what is new, and once a day of all: each changes with a delivery, a decision, a
registration, or the day on which a statement closes.
"""
