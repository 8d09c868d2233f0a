"""Staged events become transactions, once each: de-duplicated, posted, balances moved, summed, in one statement.

Rows are written in the order of the provider's ids and balances in the order of account ids, so that batches which
overlap wait for each other and do not deadlock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.card_ingest import outcomes, resolving
from services.card_ingest.events import ReadRow
from services.card_ingest.outcomes import Result
from services.card_ingest.reasons import Reason
from services.shared import driver
from services.shared.vocabulary import RowOutcome

_POST: Final = f"""
WITH inserted AS (
    INSERT INTO card_transaction (
        provider_code, provider_transaction_id, account_id, card_id, type, amount_pence, merchant_pence,
        merchant_currency, occurred_at, booked_on, accounting_month, care_group, category, category_rule_id, mcc,
        merchant_name, merchant_category, reference, reverses_transaction_id, content_digest, delivery_number,
        row_number, batch_number)
    SELECT $1, staged.provider_transaction_id, account.id, card.id, staged.type, staged.effect_pence,
        staged.merchant_pence, staged.merchant_currency, staged.occurred_at, staged.booked_on, staged.accounting_month,
        account.care_group, staged.category, staged.category_rule_id, staged.mcc, staged.merchant_name,
        staged.merchant_category, staged.reference, staged.reverses_transaction_id, staged.content_digest,
        $2::bigint, staged.row_number, $3::bigint
    FROM staged_event AS staged {resolving.ACCOUNT}
    WHERE staged.status = 'posted' AND {resolving.TAKES}
    ORDER BY staged.provider_transaction_id, staged.row_number
    ON CONFLICT (provider_code, provider_transaction_id) DO NOTHING
    RETURNING account_id, amount_pence, booked_on, accounting_month, category, care_group
), moved AS (
    INSERT INTO account_balance AS balance (account_id, posted_pence, held_pence, transactions, last_booked_on)
    SELECT account_id, sum(posted_pence), sum(held_pence), sum(transactions), max(booked_on) FROM (
        SELECT account_id, amount_pence AS posted_pence, 0 AS held_pence, 1 AS transactions, booked_on FROM inserted
        UNION ALL SELECT account_id, 0, held_pence, 0, NULL FROM staged_move
    ) AS move
    GROUP BY account_id ORDER BY account_id
    ON CONFLICT (account_id) DO UPDATE SET
        posted_pence = balance.posted_pence + excluded.posted_pence,
        held_pence = balance.held_pence + excluded.held_pence,
        transactions = balance.transactions + excluded.transactions,
        last_booked_on = greatest(balance.last_booked_on, excluded.last_booked_on)
), summed AS (
    INSERT INTO spend_delta (batch_number, accounting_month, category, care_group, provider_code, amount_pence,
        transactions)
    SELECT $3, accounting_month, category, care_group, $1, sum(amount_pence), count(*)
    FROM inserted WHERE care_group IS NOT NULL GROUP BY accounting_month, category, care_group
)
SELECT count(*) AS rows, coalesce(sum(amount_pence), 0)::bigint AS pence FROM inserted
"""  # noqa: S608 (joined from constants)

_NOT_POSTED: Final = f"""
SELECT staged.row_number, known.id IS NOT NULL AS has_come, known.content_digest = staged.content_digest AS is_same,
    account.id IS NOT NULL AS has_account, card.account_id <> account.id AS is_other_card,
    staged.booked_on > account.closed_on AS is_closed
FROM staged_event AS staged {resolving.ACCOUNT}
LEFT JOIN card_transaction AS known
    ON known.provider_code = $1 AND known.provider_transaction_id = staged.provider_transaction_id
WHERE staged.status = 'posted'
    AND (known.delivery_number = $2::bigint AND known.row_number = staged.row_number) IS NOT TRUE
"""  # noqa: S608

# Statements of their own, since nothing tells the planner how many rows were inserted: it would compare each with each.
# The accounts are among those whose balances this transaction has moved and so locked already.
_SETTLE: Final = """
WITH due AS MATERIALIZED (
    SELECT hold.provider_transaction_id AS hold_id, staged.provider_transaction_id, staged.row_number,
        staged.occurred_at
    FROM staged_event AS staged JOIN card_hold AS hold ON hold.provider_code = $1 AND hold.status = 'authorised'
        AND hold.provider_transaction_id = coalesce(staged.authorisation_id, staged.provider_transaction_id)
    WHERE staged.status = 'posted'
), settled AS (
    UPDATE card_hold AS hold SET status = 'posted', settled_at = due.occurred_at
    FROM due JOIN card_transaction AS posted ON posted.provider_code = $1
        AND posted.provider_transaction_id = due.provider_transaction_id
        AND posted.delivery_number = $2::bigint AND posted.row_number = due.row_number
    WHERE hold.provider_code = $1 AND hold.provider_transaction_id = due.hold_id
        AND hold.status = 'authorised' AND hold.account_id = posted.account_id
    RETURNING hold.account_id, hold.amount_pence
)
UPDATE account_balance AS balance SET held_pence = balance.held_pence - move.pence
FROM (SELECT account_id, sum(amount_pence) AS pence FROM settled GROUP BY account_id ORDER BY account_id) AS move
WHERE balance.account_id = move.account_id
"""
_SETTLE_BEFORE_HELD: Final = """
INSERT INTO card_hold (provider_code, provider_transaction_id, account_id, amount_pence, status, authorised_at,
    settled_at, delivery_number, row_number)
SELECT $1, staged.authorisation_id, posted.account_id, abs(staged.effect_pence), 'posted', staged.occurred_at,
    staged.occurred_at, $2::bigint, staged.row_number
FROM staged_event AS staged JOIN card_transaction AS posted ON posted.provider_code = $1
    AND posted.provider_transaction_id = staged.provider_transaction_id
    AND posted.delivery_number = $2::bigint AND posted.row_number = staged.row_number
WHERE staged.status = 'posted' AND staged.authorisation_id IS NOT NULL
ORDER BY staged.authorisation_id, staged.row_number
ON CONFLICT DO NOTHING
"""

_HAS_HOLDS: Final = "SELECT EXISTS (SELECT FROM card_hold WHERE provider_code = $1 AND status = 'authorised')"


@dataclass(frozen=True, slots=True)
class Posted:
    """The rows that posted as new, and the results of those that did not."""

    rows: list[ReadRow]
    others: list[Result]


async def post(
    connection: driver.Connection,
    rows: Mapping[int, ReadRow],
    *,
    provider_code: str,
    delivery_number: int,
    batch_number: int,
) -> Posted:
    """Post what is staged, and move the balances by it and by the holds that were staged before.

    `rows` are the staged rows of status `posted` by row number. Raises RowsLostError unless the database wrote exactly
    the rows and pence that are not accounted for otherwise.
    """
    wrote = await connection.fetchrow(_POST, provider_code, delivery_number, batch_number)
    assert wrote is not None  # noqa: S101 (an aggregate has one row)
    others: list[Result] = []
    if wrote["rows"] != len(rows):
        left = await connection.fetch(_NOT_POSTED, provider_code, delivery_number)
        others = [_judged(rows[each["row_number"]], dict(each)) for each in left]
    elsewhere = {result.row.number for result in others}
    posted = [row for number, row in rows.items() if number not in elsewhere]
    if (wrote["rows"], wrote["pence"]) != (len(posted), sum(row.effect_pence for row in posted)):
        raise outcomes.RowsLostError(f"{wrote['rows']} rows were written where {len(posted)} should have been")
    await _settle(connection, posted, provider_code=provider_code, delivery_number=delivery_number)
    return Posted(posted, others)


async def _settle(
    connection: driver.Connection, posted: Sequence[ReadRow], *, provider_code: str, delivery_number: int
) -> None:
    """Close the holds that posted rows settle, and remember those that were settled before they were ever held."""
    if posted and await connection.fetchval(_HAS_HOLDS, provider_code):
        await connection.execute(_SETTLE, provider_code, delivery_number)
    if any(row.event.authorisation_id for row in posted):
        await connection.execute(_SETTLE_BEFORE_HELD, provider_code, delivery_number)


def _judged(row: ReadRow, found: Mapping[str, Any]) -> Result:
    """Say why a row did not post as new; what has come before is known even where its account has closed since."""
    if found["has_come"]:
        if found["is_same"]:
            return Result(row, RowOutcome.ALREADY_POSTED)
        return Result(row, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)
    if found["has_account"] and found["is_other_card"]:
        return Result(row, RowOutcome.QUARANTINED, Reason.CARD_OF_ANOTHER_ACCOUNT)
    if found["has_account"] and found["is_closed"]:
        return Result(row, RowOutcome.QUARANTINED, Reason.ACCOUNT_CLOSED)
    return outcomes.unregistered(row)
