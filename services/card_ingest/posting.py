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
from services.shared.vocabulary.feeds import RowOutcome

# Told as what it is not, since the planner knows nothing of what is staged and takes an equality for one row in 200.
_POSTS: Final = "staged.status NOT IN ('authorised', 'reversed', 'expired', 'declined')"

_DELIVERY: Final = resolving.DELIVERY

_INSERT: Final = f"""
    INSERT INTO card_transaction (
        provider_code, provider_transaction_id, account_id, card_id, type, amount_pence, merchant_pence,
        merchant_currency, occurred_at, booked_on, accounting_month, care_group, category, category_rule_id, mcc,
        merchant_name, merchant_category, reference, reverses_transaction_id, content_digest, delivery_number,
        row_number, batch_number, payee, authorisation_id)
    SELECT $1, staged.provider_transaction_id, account.id, card.id, staged.type, staged.effect_pence,
        staged.merchant_pence, staged.merchant_currency, staged.occurred_at, staged.booked_on, staged.accounting_month,
        account.care_group, staged.category, staged.category_rule_id, staged.mcc, staged.merchant_name,
        staged.merchant_category, staged.reference, staged.reverses_transaction_id, staged.content_digest,
        {_DELIVERY}, staged.row_number, coalesce(staged.batch_number, $3::bigint), staged.payee,
        staged.authorisation_id
    FROM staged_event AS staged {resolving.ACCOUNT}
    WHERE {_POSTS} AND {resolving.TAKES}
    ORDER BY staged.provider_transaction_id, staged.row_number
    ON CONFLICT (provider_code, provider_transaction_id) DO NOTHING
    RETURNING id, account_id, amount_pence, booked_on, accounting_month, category, care_group, row_number
"""  # noqa: S608 (joined from constants)
_MOVE: Final = """
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
"""
_SUM: Final = """
    INSERT INTO spend_delta (batch_number, accounting_month, category, care_group, provider_code, amount_pence,
        transactions)
    SELECT $3, accounting_month, category, care_group, $1, sum(amount_pence), count(*)
    FROM inserted WHERE care_group IS NOT NULL GROUP BY accounting_month, category, care_group
"""

_POST: Final = f"""
WITH inserted AS ({_INSERT}), moved AS ({_MOVE}), summed AS ({_SUM})
SELECT count(*) AS rows, coalesce(sum(amount_pence), 0)::bigint AS pence, min(id) AS first_id, max(id) AS last_id,
    CASE WHEN count(*) < $4::bigint THEN ARRAY(
        SELECT staged.row_number FROM staged_event AS staged
        WHERE {_POSTS} AND staged.row_number NOT IN (SELECT row_number FROM inserted)
    ) END AS left_over,
    EXISTS (SELECT FROM card_hold WHERE provider_code = $1 AND status = 'authorised') AS has_holds
FROM inserted
"""  # noqa: S608

_NOT_POSTED: Final = f"""
SELECT staged.row_number, known.id IS NOT NULL AS has_come, known.content_digest = staged.content_digest AS is_same,
    (known.account_id, known.amount_pence, known.booked_on)
        IS NOT DISTINCT FROM (account.id, staged.effect_pence, staged.booked_on) AS is_same_money,
    account.id IS NOT NULL AS has_account, card.account_id <> account.id AS is_other_card,
    staged.booked_on > account.closed_on AS is_closed
FROM staged_event AS staged {resolving.ACCOUNT_OF_EACH}
LEFT JOIN LATERAL (
    SELECT id, content_digest, account_id, amount_pence, booked_on FROM card_transaction
    WHERE provider_code = $1 AND provider_transaction_id = staged.provider_transaction_id LIMIT 1
) AS known ON true
WHERE staged.row_number = ANY($2::integer[])
"""  # noqa: S608

# Statements of their own, since nothing tells the planner how many rows were inserted: it would compare each with each.
# The accounts are among those whose balances this transaction has moved and so locked already. IS TRUE keeps the open
# holds one hashed look, and NOT IN keeps the planner from taking them for one row: else each row is held against each.
# Of several rows of a delivery that settle one hold, the first does.
_SETTLE: Final = f"""
WITH due AS MATERIALIZED (
    SELECT coalesce(staged.authorisation_id, staged.provider_transaction_id) AS hold_id,
        staged.provider_transaction_id, staged.row_number,
        staged.occurred_at, {_DELIVERY} AS delivery_number
    FROM staged_event AS staged
    WHERE staged.status = 'posted' AND (coalesce(staged.authorisation_id, staged.provider_transaction_id) IN (
        SELECT hold.provider_transaction_id FROM card_hold AS hold
        WHERE hold.provider_code = $1 AND hold.status = 'authorised')) IS TRUE
), first AS MATERIALIZED (
    SELECT DISTINCT ON (due.hold_id, posted.account_id) due.hold_id, posted.account_id, due.occurred_at
    FROM due JOIN card_transaction AS posted ON posted.provider_code = $1
        AND posted.provider_transaction_id = due.provider_transaction_id
        AND posted.delivery_number = due.delivery_number AND posted.row_number = due.row_number
    ORDER BY due.hold_id, posted.account_id, due.row_number
), settled AS (
    UPDATE card_hold AS hold SET status = 'posted', settled_at = first.occurred_at FROM first
    WHERE hold.provider_code = $1 AND hold.provider_transaction_id = first.hold_id
        AND hold.status NOT IN ('posted', 'reversed', 'expired', 'declined') AND hold.account_id = first.account_id
    RETURNING hold.account_id, hold.amount_pence - hold.released_pence AS held_pence
)
UPDATE account_balance AS balance SET held_pence = balance.held_pence - move.pence
FROM (SELECT account_id, sum(held_pence) AS pence FROM settled GROUP BY account_id ORDER BY account_id) AS move
WHERE balance.account_id = move.account_id
"""  # noqa: S608
_SETTLE_BEFORE_HELD: Final = f"""
INSERT INTO card_release (provider_code, provider_transaction_id, status, released_at, amount_pence, hold_id,
    account_id, delivery_number, row_number)
SELECT $1, staged.provider_transaction_id, 'posted', staged.occurred_at, abs(staged.effect_pence),
    staged.authorisation_id, posted.account_id, {_DELIVERY}, staged.row_number
FROM staged_event AS staged JOIN card_transaction AS posted ON posted.provider_code = $1
    AND posted.provider_transaction_id = staged.provider_transaction_id
    AND posted.delivery_number = {_DELIVERY} AND posted.row_number = staged.row_number
WHERE staged.status = 'posted' AND staged.authorisation_id <> staged.provider_transaction_id AND NOT EXISTS (
    SELECT FROM card_hold AS hold
    WHERE hold.provider_code = $1 AND hold.provider_transaction_id = staged.authorisation_id)
ORDER BY staged.provider_transaction_id
ON CONFLICT DO NOTHING
"""  # noqa: S608


_LEFT_OVER: Final = """
SELECT DISTINCT staged.delivery_number FROM staged_event AS staged WHERE staged.status = 'posted' AND NOT EXISTS (
    SELECT FROM card_transaction AS posted
    WHERE posted.provider_code = $1 AND posted.provider_transaction_id = staged.provider_transaction_id
        AND posted.delivery_number = staged.delivery_number AND posted.row_number = staged.row_number)
"""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The numbers of the gathered deliveries of which some row did not post as new, and where those that did lie."""

    left_over: frozenset[int]
    first_id: int | None
    last_id: int | None


@dataclass(frozen=True, slots=True)
class Posted:
    """The rows that posted as new, between which ids they did, and the results of those that did not."""

    rows: list[ReadRow]
    others: list[Result]
    first_id: int | None = None
    last_id: int | None = None


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
    wrote = await connection.fetchrow(_POST, provider_code, delivery_number, batch_number, len(rows))
    assert wrote is not None  # noqa: S101 (an aggregate has one row)
    left = await connection.fetch(_NOT_POSTED, provider_code, wrote["left_over"]) if wrote["left_over"] else ()
    others = [_judged(rows[each["row_number"]], dict(each)) for each in left]
    elsewhere = {result.row.number for result in others}
    posted = [row for number, row in rows.items() if number not in elsewhere]
    if (wrote["rows"], wrote["pence"]) != (len(posted), sum(row.effect_pence for row in posted)):
        raise outcomes.RowsLostError(f"{wrote['rows']} rows were written where {len(posted)} should have been")
    if posted and wrote["has_holds"]:
        await connection.execute(_SETTLE, provider_code, delivery_number)
    if any(row.event.authorisation_id for row in posted):
        await connection.execute(_SETTLE_BEFORE_HELD, provider_code, delivery_number)
    return Posted(posted, others, wrote["first_id"], wrote["last_id"])


async def post_gathered(
    connection: driver.Connection, rows: Sequence[ReadRow], *, provider_code: str, batch_number: int
) -> Gathered:
    """Post what is staged of several deliveries, and move the balances by it and by the holds that were staged before;
    the spend of all is summed under one batch's number.

    `rows` are the staged rows of status `posted`. Where some are left over, nothing of this may be committed. Raises
    RowsLostError as `post` does.
    """
    wrote = await connection.fetchrow(_POST, provider_code, None, batch_number, 0)
    assert wrote is not None  # noqa: S101 (an aggregate has one row)
    if wrote["rows"] != len(rows):
        left = frozenset(each["delivery_number"] for each in await connection.fetch(_LEFT_OVER, provider_code))
        if not left:
            raise outcomes.RowsLostError(f"{wrote['rows']} rows were written where {len(rows)} should have been")
        return Gathered(left, None, None)
    if wrote["pence"] != sum(row.effect_pence for row in rows):
        raise outcomes.RowsLostError(f"{wrote['rows']} rows were written with other pence than they came with")
    if rows and wrote["has_holds"]:
        await connection.execute(_SETTLE, provider_code, None)
    if any(row.event.authorisation_id for row in rows):
        await connection.execute(_SETTLE_BEFORE_HELD, provider_code, None)
    return Gathered(frozenset(), wrote["first_id"], wrote["last_id"])


def _judged(row: ReadRow, found: Mapping[str, Any]) -> Result:
    """Say why a row did not post as new; what has come before is known even where its account has closed since.

    A row known by its content is the same one where the same money moved: another version of its layout has read
    something else of it.
    """
    if found["has_come"]:
        is_ours = outcomes.is_known_by_content(row)
        if found["is_same"] or (is_ours and found["is_same_money"]):
            return Result(row, RowOutcome.ALREADY_POSTED)
        return Result(row, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)
    if found["has_account"] and found["is_other_card"]:
        return Result(row, RowOutcome.QUARANTINED, Reason.CARD_OF_ANOTHER_ACCOUNT)
    if found["has_account"] and found["is_closed"]:
        return Result(row, RowOutcome.QUARANTINED, Reason.ACCOUNT_CLOSED)
    return outcomes.unregistered(row)
