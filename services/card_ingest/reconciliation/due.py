"""Which accounts a look goes over, by the references that statements use: those of which something is new, or all.

What an account's findings are changes only with what is stated about it, with the end of a delivery that states it,
with rows that post to it, with its registration, and with the day on which a statement closes. Each of them makes it
due, late rows that settle an open finding too. Posting and storing tell by rows in queues, in their own transactions,
since numbers do not commit in order; a look takes out what it has seen. Registration and days tell nobody: what waits
for them is written down by the look that has seen it wait, and asked for again by each.

A look comes after what it takes: its questions see at least what the queues told of. What commits meanwhile stays.
"""

from datetime import date
from typing import Final

from services.shared import driver

TEMPORARY: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS due_account (
    provider_code text, account_ref text, PRIMARY KEY (provider_code, account_ref)
) ON COMMIT DELETE ROWS;
DELETE FROM pg_temp.due_account;
"""

# A delivery stays due until its rows have posted: before that its balances are not compared. LIMIT 1 has each looked up
# by its index, since nothing tells the planner that the queues are short: it would go through the whole tables.
_TAKEN: Final = """
WITH batch AS (
    DELETE FROM reconciliation_due RETURNING first_id, last_id
), posted AS (
    DELETE FROM statement_due WHERE delivery_number IN (
        SELECT due.delivery_number FROM statement_due AS due
        CROSS JOIN LATERAL (SELECT id FROM feed_delivery WHERE number = due.delivery_number LIMIT 1) AS delivery
        CROSS JOIN LATERAL (SELECT status FROM feed_progress WHERE delivery_id = delivery.id LIMIT 1) AS progress
        WHERE progress.status = 'posted')
    RETURNING delivery_number
), chosen AS (
    INSERT INTO pg_temp.due_account {chosen}
)
SELECT (SELECT count(*) FROM batch) + (SELECT count(*) FROM posted)
"""
_NEW: Final = """
    SELECT account.provider_code, account.provider_account_ref
    FROM (
        SELECT DISTINCT posted.account_id FROM batch CROSS JOIN LATERAL (
            SELECT DISTINCT account_id FROM card_transaction WHERE id BETWEEN batch.first_id AND batch.last_id
        ) AS posted
    ) AS moved
    CROSS JOIN LATERAL (
        SELECT provider_code, provider_account_ref FROM account WHERE id = moved.account_id LIMIT 1
    ) AS account
    CROSS JOIN LATERAL (
        SELECT FROM feed_statement
        WHERE provider_code = account.provider_code AND account_ref = account.provider_account_ref LIMIT 1
    ) AS stated
    UNION SELECT stated.provider_code, stated.account_ref
    FROM statement_due AS due CROSS JOIN LATERAL (
        SELECT DISTINCT provider_code, account_ref FROM feed_statement WHERE delivery_number = due.delivery_number
    ) AS stated
    UNION SELECT provider_code, account_ref FROM statement_waiting WHERE next_closing_on <= $1::date
    UNION SELECT waiting.provider_code, waiting.account_ref
    FROM statement_waiting AS waiting CROSS JOIN LATERAL (
        SELECT FROM account
        WHERE provider_code = waiting.provider_code AND provider_account_ref = waiting.account_ref LIMIT 1
    ) AS account
    WHERE NOT waiting.has_account
"""
_EVERY: Final = "SELECT DISTINCT provider_code, account_ref FROM feed_statement WHERE $1::date IS NOT NULL"

_TAKE_NEW: Final = _TAKEN.format(chosen=_NEW)
_TAKE_EVERY: Final = _TAKEN.format(chosen=_EVERY)

# The planner must know whether it is ten accounts or all.
_COUNTED: Final = "ANALYZE pg_temp.due_account"
_WAIT_NO_MORE: Final = """
DELETE FROM statement_waiting AS waiting USING pg_temp.due_account AS due
WHERE waiting.provider_code = due.provider_code AND waiting.account_ref = due.account_ref
"""
_WAIT: Final = """
INSERT INTO statement_waiting (provider_code, account_ref, has_account, next_closing_on)
SELECT stated.provider_code, stated.account_ref, account.id IS NOT NULL, stated.next_closing_on
FROM (
    SELECT due.provider_code, due.account_ref,
        min(statement.closing_on) FILTER (WHERE statement.closing_on > $1::date) AS next_closing_on
    FROM pg_temp.due_account AS due JOIN feed_statement AS statement
        ON statement.provider_code = due.provider_code AND statement.account_ref = due.account_ref
    GROUP BY due.provider_code, due.account_ref
) AS stated
LEFT JOIN account ON account.provider_code = stated.provider_code AND account.provider_account_ref = stated.account_ref
WHERE account.id IS NULL OR stated.next_closing_on IS NOT NULL
"""
_ACCOUNTS: Final = "SELECT count(*) FROM pg_temp.due_account"


async def take_new(connection: driver.Connection, *, today: date) -> dict[str, int]:
    """Choose the accounts of which something is new, and take it out of the queues; count both."""
    return await _take(connection, _TAKE_NEW, today=today)


async def take_everything(connection: driver.Connection, *, today: date) -> dict[str, int]:
    """Choose every account that anything was ever stated about, and empty the queues; count both."""
    return await _take(connection, _TAKE_EVERY, today=today)


async def _take(connection: driver.Connection, statement: str, *, today: date) -> dict[str, int]:
    taken = int(await connection.fetchval(statement, today))
    await connection.execute(_COUNTED)
    # Before anything is asked: what is registered in between is then seen by the questions, and by the next look.
    await connection.execute(_WAIT_NO_MORE)
    await connection.execute(_WAIT, today)
    return {"taken": taken, "accounts": int(await connection.fetchval(_ACCOUNTS))}
