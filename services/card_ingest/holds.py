"""Authorisations and declines: a hold counts in the available balance only, and a declined attempt in none.

A hold opens with an `authorised` event and closes once: with the posted event of the same id (or that names it), or
when it is reversed, declined or expires. Whatever comes first is remembered, so that events may come in any order, and
only what names the hold's own account ends it. A reversal of a part leaves the whole held, which errs on the side of
the person: the surplus test subtracts holds. A settlement of a part frees the whole: what the provider still holds of
it comes as an authorisation of its own.
"""

from collections.abc import Mapping
from typing import Any, Final

from services.card_ingest import outcomes, resolving
from services.card_ingest.events import ReadRow
from services.card_ingest.outcomes import Result
from services.card_ingest.reasons import Note, Reason
from services.shared import driver
from services.shared.vocabulary import EventStatus, RowOutcome

_OPEN: Final = f"""
WITH opened AS (
    INSERT INTO card_hold (provider_code, provider_transaction_id, account_id, amount_pence, status, mcc, merchant_name,
        authorised_at, delivery_number, row_number)
    SELECT $1, staged.provider_transaction_id, account.id, abs(staged.effect_pence), 'authorised', staged.mcc,
        staged.merchant_name, staged.occurred_at, $2::bigint, staged.row_number
    FROM staged_event AS staged {resolving.ACCOUNT}
    WHERE staged.status = 'authorised' AND {resolving.TAKES} AND NOT EXISTS (
        SELECT FROM card_transaction AS known
        WHERE known.provider_code = $1 AND known.provider_transaction_id = staged.provider_transaction_id
    ) AND NOT EXISTS (
        SELECT FROM card_decline AS decline WHERE decline.provider_code = $1
            AND decline.provider_transaction_id = staged.provider_transaction_id AND decline.account_id = account.id)
    ORDER BY staged.provider_transaction_id, staged.row_number
    ON CONFLICT DO NOTHING
    RETURNING account_id, amount_pence
)
INSERT INTO staged_move SELECT account_id, amount_pence FROM opened
"""  # noqa: S608 (joined from constants)

# Of several events that each end the hold the first row does; those that end no hold of their account are not asked.
_CLOSE: Final = f"""
WITH asked AS (
    SELECT DISTINCT ON (hold.provider_transaction_id) hold.provider_transaction_id AS hold_id, staged.status,
        staged.occurred_at, staged.row_number
    FROM staged_event AS staged {resolving.ACCOUNT}
    JOIN card_hold AS hold ON hold.provider_code = $1 AND hold.status = 'authorised' AND hold.account_id = account.id
        AND hold.provider_transaction_id = coalesce(staged.authorisation_id, staged.provider_transaction_id)
    WHERE staged.status IN ('reversed', 'expired', 'declined') AND (card.id IS NULL OR card.account_id = account.id)
        AND (staged.status <> 'reversed' OR staged.effect_pence = 0 OR abs(staged.effect_pence) >= hold.amount_pence)
    ORDER BY hold.provider_transaction_id, staged.row_number
), closed AS (
    UPDATE card_hold AS hold SET status = asked.status, settled_at = asked.occurred_at FROM asked
    WHERE hold.provider_code = $1 AND hold.provider_transaction_id = asked.hold_id AND hold.status = 'authorised'
    RETURNING hold.account_id, hold.amount_pence, asked.row_number
), moved AS (
    INSERT INTO staged_move SELECT account_id, -amount_pence FROM closed
)
SELECT row_number FROM closed
"""  # noqa: S608

# A release that comes first still needs a magnitude, though none is ever held for it.
_CLOSE_BEFORE_OPEN: Final = f"""
INSERT INTO card_hold (provider_code, provider_transaction_id, account_id, amount_pence, status, authorised_at,
    settled_at, delivery_number, row_number)
SELECT $1, coalesce(staged.authorisation_id, staged.provider_transaction_id), account.id,
    greatest(abs(staged.effect_pence), 1), staged.status, staged.occurred_at, staged.occurred_at, $2::bigint,
    staged.row_number
FROM staged_event AS staged {resolving.ACCOUNT}
WHERE staged.status IN ('reversed', 'expired') AND {resolving.TAKES} AND NOT EXISTS (
    SELECT FROM card_transaction AS known WHERE known.provider_code = $1
        AND known.provider_transaction_id = coalesce(staged.authorisation_id, staged.provider_transaction_id))
ORDER BY 2, staged.row_number
ON CONFLICT DO NOTHING
"""  # noqa: S608

_DECLINE: Final = f"""
INSERT INTO card_decline (provider_code, provider_transaction_id, account_id, amount_pence, reason, mcc, merchant_name,
    declined_at, delivery_number, row_number)
SELECT $1, staged.provider_transaction_id, account.id, abs(staged.effect_pence), staged.decline_reason, staged.mcc,
    staged.merchant_name, staged.occurred_at, $2::bigint, staged.row_number
FROM staged_event AS staged {resolving.ACCOUNT}
WHERE staged.status = 'declined' AND {resolving.TAKES}
ORDER BY staged.provider_transaction_id, staged.row_number
ON CONFLICT DO NOTHING
"""  # noqa: S608

_FACTS: Final = f"""
SELECT staged.row_number, account.id IS NOT NULL AS has_account, card.account_id <> account.id AS is_other_card,
    staged.booked_on > account.closed_on AS is_closed, hold.status AS hold_status,
    (hold.delivery_number = $2::bigint AND hold.row_number = staged.row_number) IS TRUE AS is_own_hold,
    (hold.account_id <> account.id) IS TRUE AS is_hold_of_another,
    (hold.account_id = account.id AND hold.amount_pence = abs(staged.effect_pence)
        AND hold.authorised_at = staged.occurred_at) IS TRUE AS is_same_hold,
    known.id IS NOT NULL AS has_posted,
    (decline.delivery_number = $2 AND decline.row_number = staged.row_number) IS TRUE AS is_own_decline,
    decline.account_id IS NOT NULL AS has_declined, (decline.account_id = account.id) IS TRUE AS is_declined,
    (decline.account_id = account.id AND decline.amount_pence = abs(staged.effect_pence)
        AND decline.declined_at = staged.occurred_at) IS TRUE AS is_same_decline
FROM staged_event AS staged {resolving.ACCOUNT}
LEFT JOIN card_hold AS hold ON hold.provider_code = $1 AND hold.provider_transaction_id = CASE staged.status
    WHEN 'authorised' THEN staged.provider_transaction_id
    ELSE coalesce(staged.authorisation_id, staged.provider_transaction_id) END
LEFT JOIN card_transaction AS known ON known.provider_code = $1
    AND known.provider_transaction_id = coalesce(staged.authorisation_id, staged.provider_transaction_id)
LEFT JOIN card_decline AS decline ON decline.provider_code = $1 AND staged.status IN ('authorised', 'declined')
    AND decline.provider_transaction_id = staged.provider_transaction_id
WHERE staged.status <> 'posted'
"""  # noqa: S608


async def apply(
    connection: driver.Connection, rows: Mapping[int, ReadRow], *, provider_code: str, delivery_number: int
) -> list[Result]:
    """Open and close holds and keep declines, as staged; the balances' moves are staged for the posting statement.

    `rows` are the staged rows of any status but `posted`, by row number.
    """
    if not rows:
        return []
    statuses = {row.event.status for row in rows.values()}
    released: set[int] = set()
    if EventStatus.AUTHORISED in statuses:
        await connection.execute(_OPEN, provider_code, delivery_number)
    if statuses - {EventStatus.AUTHORISED}:
        released = {each["row_number"] for each in await connection.fetch(_CLOSE, provider_code)}
        await connection.execute(_CLOSE_BEFORE_OPEN, provider_code, delivery_number)
    if EventStatus.DECLINED in statuses:
        await connection.execute(_DECLINE, provider_code, delivery_number)
    facts = await connection.fetch(_FACTS, provider_code, delivery_number)
    return [judged(rows[each["row_number"]], dict(each), is_released=each["row_number"] in released) for each in facts]


def judged(row: ReadRow, facts: Mapping[str, Any], *, is_released: bool) -> Result:
    """Say where an event that posts nothing has ended, from what the tables hold after it was applied."""
    judge = {EventStatus.AUTHORISED: _authorised, EventStatus.DECLINED: _declined}.get(row.event.status, _released)
    if is_released and row.event.status is not EventStatus.DECLINED:
        return Result(row, RowOutcome.NO_MONEY, Note.HOLD_RELEASED)
    found = judge(row, facts)
    if found is not None:
        return found
    if facts["has_account"] and facts["is_other_card"]:
        return Result(row, RowOutcome.QUARANTINED, Reason.CARD_OF_ANOTHER_ACCOUNT)
    if facts["has_account"] and facts["is_closed"]:
        return Result(row, RowOutcome.QUARANTINED, Reason.ACCOUNT_CLOSED)
    return outcomes.unregistered(row)


def _authorised(row: ReadRow, facts: Mapping[str, Any]) -> Result | None:
    if facts["is_own_hold"]:
        return Result(row, RowOutcome.HELD)
    if facts["is_same_hold"]:
        return Result(row, RowOutcome.ALREADY_POSTED)
    if facts["hold_status"] == EventStatus.AUTHORISED:
        return Result(row, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)
    if facts["hold_status"] is not None or facts["has_posted"] or facts["is_declined"]:
        return Result(row, RowOutcome.NO_MONEY, Note.HOLD_ALREADY_CLOSED)
    return None


def _declined(row: ReadRow, facts: Mapping[str, Any]) -> Result | None:
    if facts["is_own_decline"]:
        return Result(row, RowOutcome.NO_MONEY, Note.DECLINED)
    if facts["is_same_decline"]:
        return Result(row, RowOutcome.ALREADY_POSTED)
    if facts["has_declined"]:
        return Result(row, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)
    return None


def _released(row: ReadRow, facts: Mapping[str, Any]) -> Result | None:
    if facts["is_own_hold"]:
        return Result(row, RowOutcome.NO_MONEY, Note.RELEASE_BEFORE_HOLD)
    if facts["is_hold_of_another"]:
        return Result(row, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)
    if facts["hold_status"] == EventStatus.AUTHORISED and (not facts["has_account"] or facts["is_other_card"]):
        return None
    if facts["hold_status"] == row.event.status:
        return Result(row, RowOutcome.ALREADY_POSTED)
    if facts["hold_status"] == EventStatus.AUTHORISED:
        return Result(row, RowOutcome.NO_MONEY, Note.PARTIAL_RELEASE)
    has_posted = facts["has_posted"] or facts["hold_status"] == EventStatus.POSTED
    if has_posted and row.event.status is EventStatus.REVERSED:
        return Result(row, RowOutcome.QUARANTINED, Reason.REVERSES_POSTED)
    if has_posted or facts["hold_status"] is not None:
        return Result(row, RowOutcome.NO_MONEY, Note.HOLD_ALREADY_CLOSED)
    return None
