"""The transactions that are looked at, in a table of the connection's own: those of some batches, or those that an end
or a death, recorded later, has made worth looking at. Trial accounts and money that came in (but for direct debits that
came back, and what was booked before the account was opened) are left out.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.card_ingest.alerts.finder import PAYEE
from services.shared import driver


class Due(NamedTuple):
    """A batch that waits to be looked at, and between which ids its transactions lie; None where it posted none."""

    number: int
    first_id: int | None
    last_id: int | None


_HAS_TABLE: Final = "SELECT to_regclass('pg_temp.examined') IS NOT NULL"
_TABLE: Final = """
    CREATE TEMPORARY TABLE examined (
        id bigint, provider_transaction_id text, account_id uuid, type text, amount_pence bigint,
        occurred_at timestamptz, booked_on date, accounting_month integer, mcc text, payee text
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE examined_decline (
        provider_code text, provider_transaction_id text, account_id uuid, amount_pence bigint, mcc text,
        declined_at timestamptz
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE examined_over (account_id uuid, ended_on date, died_on date) ON COMMIT DELETE ROWS
"""
_FILL: Final = f"""
    INSERT INTO examined
    SELECT posted.id, posted.provider_transaction_id, posted.account_id, posted.type, posted.amount_pence,
        posted.occurred_at, posted.booked_on, posted.accounting_month, posted.mcc, {PAYEE.format(row="posted")}
"""
_WORTH_A_LOOK: Final = """
    posted.care_group IS NOT NULL AND (posted.amount_pence < 0 OR posted.type = 'direct_debit_bounce'
        OR posted.booked_on < (SELECT opened.opened_on FROM account AS opened WHERE opened.id = posted.account_id))
"""
# Batches that were gathered into one transaction share their range of ids.
_OF_RANGES: Final = f"""{_FILL}
    FROM (
        SELECT first_id, last_id, array_agg(number) AS numbers
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS due (number, first_id, last_id)
        WHERE first_id IS NOT NULL GROUP BY first_id, last_id
    ) AS due
    JOIN card_transaction AS posted ON posted.id BETWEEN due.first_id AND due.last_id
        AND posted.batch_number = ANY(due.numbers)
    WHERE {_WORTH_A_LOOK}
"""  # noqa: S608 (joined from constants)
# A batch is a run of a delivery's rows, or rows that have left the quarantine: those may lie anywhere after its first.
_DECLINES: Final = """
    INSERT INTO examined_decline
    SELECT decline.provider_code, decline.provider_transaction_id, decline.account_id, decline.amount_pence,
        decline.mcc, decline.declined_at
    FROM feed_batch AS batch JOIN feed_delivery AS delivery ON delivery.id = batch.delivery_id
    JOIN card_decline AS decline ON decline.delivery_number = delivery.number
        AND decline.row_number >= batch.first_row
    JOIN account ON account.id = decline.account_id AND account.kind <> 'trial'
    WHERE batch.number = ANY($1::bigint[]) AND (decline.row_number < batch.first_row + batch.rows OR EXISTS (
        SELECT FROM quarantined_row AS waited WHERE waited.delivery_number = decline.delivery_number
            AND waited.row_number = decline.row_number))
"""
# The planner must know how many accounts there are, or it looks each of ten thousand up by itself.
_COUNTED: Final = "ANALYZE examined (account_id)"
_OVER: Final = """
    INSERT INTO examined_over
    SELECT account.id, least(agreement.ended_on, account.closed_on), recipient.died_on
    FROM (SELECT DISTINCT account_id FROM examined) AS seen
    JOIN account ON account.id = seen.account_id
    JOIN agreement ON agreement.id = account.agreement_id
    JOIN recipient ON recipient.id = agreement.recipient_id
    WHERE agreement.ended_on IS NOT NULL OR account.closed_on IS NOT NULL OR recipient.died_on IS NOT NULL
"""
_AFTER_AN_END: Final = f"""{_FILL}
    FROM account JOIN agreement ON agreement.id = account.agreement_id
    JOIN recipient ON recipient.id = agreement.recipient_id
    JOIN card_transaction AS posted ON posted.account_id = account.id
        AND posted.booked_on > least(agreement.ended_on, account.closed_on, recipient.died_on)
    WHERE (agreement.ended_on IS NOT NULL OR account.closed_on IS NOT NULL OR recipient.died_on IS NOT NULL)
        AND {_WORTH_A_LOOK}
"""


async def of_batches(connection: driver.Connection, due: Sequence[Due]) -> None:
    """Take what batches posted, and the declines that they kept."""
    await _have_tables(connection)
    numbers = [batch.number for batch in due]
    await connection.execute(_OF_RANGES, numbers, [batch.first_id for batch in due], [batch.last_id for batch in due])
    await connection.execute(_DECLINES, numbers)
    await _find_what_is_over(connection)


async def after_an_end(connection: driver.Connection) -> None:
    """Take every transaction booked after an end, a closing or a death that is on record by now."""
    await _have_tables(connection)
    await connection.execute(_AFTER_AN_END)
    await _find_what_is_over(connection)


async def _find_what_is_over(connection: driver.Connection) -> None:
    """Note which of the accounts' agreements, accounts or lives have ended, and when."""
    await connection.execute(_COUNTED)
    await connection.execute(_OVER)


async def _have_tables(connection: driver.Connection) -> None:
    if not await connection.fetchval(_HAS_TABLE):
        await connection.execute(_TABLE)
