"""Rows that did not post as new: the results on the record, and the content of those that wait, encrypted.

A row waits for a reference (a card or account that nobody has registered yet, a transaction that it takes back) and
then posts by itself, or it waits for a person. One that another message has told of has left it when it comes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from services.card_ingest import events, reasons
from services.card_ingest.events import TRIAL, BadRow, ReadRow
from services.card_ingest.outcomes import Result
from services.card_ingest.reasons import Note, Reason
from services.shared import driver
from services.shared.ciphers import Ciphers
from services.shared.vocabulary.feeds import QuarantineStatus, RowOutcome

_ROW_COLUMNS: Final = ("delivery_number", "row_number", "outcome", "code", "detail", "delivered_pence")
_WAITING_COLUMNS: Final = (
    "id", "delivery_number", "row_number", "provider_code", "code", "detail", "waits_for", "delivered_pence",
    "content_encrypted", "status", "created_at", "transaction_id", "released_at", "released_as",
)  # fmt: skip

# A row may go once what it waits for is there: a card, an account, the provider's one trial account, the transaction
# that it takes back, or the authorisation that may show it to be what was left of that.
_MAY_GO: Final = f"""
    waiting.status = 'waiting' AND (
        (waiting.code = 'unknown_card' AND EXISTS (
            SELECT FROM card
            WHERE card.provider_code = waiting.provider_code AND card.provider_card_ref = waiting.waits_for))
        OR (waiting.code = 'unknown_account' AND EXISTS (
            SELECT FROM account WHERE account.provider_code = waiting.provider_code
                AND (account.provider_account_ref = waiting.waits_for
                    OR (waiting.waits_for = '{TRIAL}' AND account.kind = 'trial'))))
        OR (waiting.code = 'reverses_unknown_transaction' AND EXISTS (
            SELECT FROM card_transaction AS posted WHERE posted.provider_code = waiting.provider_code
                AND posted.provider_transaction_id = waiting.waits_for))
        OR (waiting.code IN ('reverses_posted_transaction', 'reversed_before_it_posted') AND EXISTS (
            SELECT FROM card_hold WHERE card_hold.provider_code = waiting.provider_code
                AND card_hold.provider_transaction_id = waiting.waits_for))
        OR (waiting.code = 'may_be_told_twice' AND EXISTS (
            SELECT FROM card_transaction AS posted JOIN payment_match AS match
                ON match.stands_delivery_number = posted.delivery_number AND match.stands_row_number = posted.row_number
            JOIN quarantined_row AS told ON told.delivery_number = match.delivery_number
                AND told.row_number = match.row_number AND told.released_as = 'already_posted'
            JOIN feed_delivery AS came ON came.number = match.delivery_number
            JOIN feed_delivery AS own ON own.number = waiting.delivery_number AND own.profile = came.profile
            WHERE posted.provider_code = waiting.provider_code
                AND posted.provider_transaction_id = waiting.waits_for)))
"""  # noqa: S608 (joined from constants)
_DELIVERIES: Final = f"""
    SELECT DISTINCT delivery.number, delivery.id FROM quarantined_row AS waiting
    JOIN feed_delivery AS delivery ON delivery.number = waiting.delivery_number
    WHERE {_MAY_GO} ORDER BY delivery.number
"""  # noqa: S608 (joined from constants)
_TAKE: Final = f"""
    SELECT waiting.row_number, waiting.content_encrypted FROM quarantined_row AS waiting
    WHERE waiting.delivery_number = $1 AND {_MAY_GO} ORDER BY waiting.row_number LIMIT $2 FOR UPDATE
"""  # noqa: S608
_RELEASE: Final = """
    UPDATE quarantined_row AS waiting SET status = 'released', released_at = $2, released_as = gone.outcome
    FROM unnest($3::integer[], $4::text[]) AS gone(row_number, outcome)
    WHERE waiting.delivery_number = $1 AND waiting.row_number = gone.row_number
"""
_GIVE_REASON: Final = """
    UPDATE quarantined_row AS waiting SET code = other.code, detail = other.detail, waits_for = other.waits_for
    FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[]) AS other(row_number, code, detail, waits_for)
    WHERE waiting.delivery_number = $1 AND waiting.row_number = other.row_number
"""
_DECIDED: Final = """
    SELECT transaction_id, content_encrypted, released_as FROM quarantined_row
    WHERE provider_code = $1 AND transaction_id = ANY($2::text[]) AND code = 'same_id_other_content'
        AND status = 'released' AND content_encrypted IS NOT NULL
"""
_END_AGAIN: Final = {RowOutcome.NO_MONEY.value: RowOutcome.NO_MONEY}


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose rows they are, and the moment."""

    provider_code: str
    delivery_number: int
    now: datetime


async def keep(connection: driver.Connection, results: Sequence[Result], origin: Origin, *, ciphers: Ciphers) -> None:
    """Enter the results of rows that did not post as new; with their content, encrypted, those in quarantine and those
    that another message told of, which people may find to be another payment.
    """
    waiting = [result for result in results if _keeps_content(result)]
    ended = [result for result in results if not _keeps_content(result)]
    if ended:
        await keep_ended(connection, [(origin.delivery_number, result) for result in ended])
    if waiting:
        sealed = await asyncio.to_thread(lambda: [_waiting(result, origin, ciphers) for result in waiting])
        await connection.copy_records_to_table("quarantined_row", records=sealed, columns=list(_WAITING_COLUMNS))


async def keep_ended(connection: driver.Connection, results: Sequence[tuple[int, Result]]) -> None:
    """Enter the results of rows that ended without posting and wait for nothing, each with its delivery's number."""
    records = [_row(delivery_number, result) for delivery_number, result in results]
    await connection.copy_records_to_table("feed_row", records=records, columns=list(_ROW_COLUMNS))


async def known_by_decision(
    connection: driver.Connection, results: Sequence[Result], *, provider_code: str, ciphers: Ciphers
) -> list[Result]:
    """Return the results; a version that two people have decided about before is what they have made of it."""
    disputes = {_id(result) for result in results if result.code is Reason.SAME_ID_OTHER_CONTENT}
    if not disputes:
        return list(results)
    found = await connection.fetch(_DECIDED, provider_code, sorted(disputes))
    rows = [
        (events.decode(ciphers.decrypt(each["content_encrypted"]), number=0), each["released_as"]) for each in found
    ]
    ends = {row.digest: _END_AGAIN.get(ended, RowOutcome.ALREADY_POSTED) for row, ended in rows}
    return [_again(result, ends) for result in results]


def _id(result: Result) -> str:
    assert isinstance(result.row, ReadRow)  # noqa: S101 (what cannot be read has no version)
    return result.row.event.provider_transaction_id


def _again(result: Result, ends: Mapping[bytes, RowOutcome]) -> Result:
    if result.code is not Reason.SAME_ID_OTHER_CONTENT or not isinstance(result.row, ReadRow):
        return result
    end = ends.get(result.row.digest)
    return result if end is None else Result(result.row, end, Note.DECIDED_BEFORE)


async def deliveries_that_may_go(connection: driver.Connection) -> list[UUID]:
    """Return the deliveries of which some row waits for something that is registered by now, the oldest first."""
    return [found["id"] for found in await connection.fetch(_DELIVERIES)]


async def take(connection: driver.Connection, delivery_number: int, *, at_most: int, ciphers: Ciphers) -> list[ReadRow]:
    """Return rows of a delivery that may go, locked until the transaction ends."""
    found = await connection.fetch(_TAKE, delivery_number, at_most)
    return [events.decode(ciphers.decrypt(each["content_encrypted"]), number=each["row_number"]) for each in found]


async def release(
    connection: driver.Connection, posted: Sequence[ReadRow], others: Sequence[Result], origin: Origin
) -> list[Result]:
    """Mark the rows that have left the quarantine, give the others the reason why they stay; return the former."""
    gone = [result for result in others if result.outcome is not RowOutcome.QUARANTINED]
    numbers = [row.number for row in posted] + [result.row.number for result in gone]
    ends = [RowOutcome.POSTED.value] * len(posted) + [result.outcome.value for result in gone]
    await connection.execute(_RELEASE, origin.delivery_number, origin.now, numbers, ends)
    stay = [
        (result.row.number, *_reason(result), result.waits_for)
        for result in others
        if result not in gone or _keeps_content(result)
    ]
    if stay:
        await connection.execute(_GIVE_REASON, origin.delivery_number, *map(list, zip(*stay, strict=True)))
    return gone


def _row(delivery_number: int, result: Result) -> tuple[Any, ...]:
    code, detail = _reason(result)
    return delivery_number, result.row.number, result.outcome.value, code, detail, result.row.delivered_pence


def _waiting(result: Result, origin: Origin, ciphers: Ciphers) -> tuple[Any, ...]:
    row = result.row
    content = row.content if isinstance(row, BadRow) else events.encode(row)
    transaction_id = None if isinstance(row, BadRow) else row.event.provider_transaction_id
    sealed = None if content is None else ciphers.encrypt(content)
    place = (uuid4(), origin.delivery_number, result.row.number, origin.provider_code)
    why = (*_reason(result), result.waits_for, result.row.delivered_pence)
    if result.outcome is RowOutcome.QUARANTINED:
        return *place, *why, sealed, QuarantineStatus.WAITING.value, origin.now, transaction_id, None, None
    status, ended = QuarantineStatus.RELEASED.value, result.outcome.value
    return *place, *why, sealed, status, origin.now, transaction_id, origin.now, ended


def _keeps_content(result: Result) -> bool:
    return result.outcome is RowOutcome.QUARANTINED or result.code is Reason.TOLD_BY_ANOTHER


def _reason(result: Result) -> tuple[str | None, str | None]:
    """Return the code and the sentence of a result: its own, or its code's."""
    return (None, None) if result.code is None else (result.code.value, result.detail or reasons.detail(result.code))
