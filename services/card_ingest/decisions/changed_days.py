"""A day that a later file tells otherwise: what of it waits, what stands posted, and what the day holds once decided.

What people have made of a day is what it holds from then on, else every further file that says so would wait for them
again; but only once nothing stands posted that the day lacks.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from services.card_ingest import complete_days, events
from services.card_ingest.complete_days import Feed
from services.card_ingest.decisions.queries import Waiting
from services.card_ingest.events import TRIAL, ReadRow
from services.card_ingest.reasons import Reason
from services.shared import database
from services.shared.ciphers import Ciphers
from services.shared.database import AnySession, WriteSession
from services.shared.vocabulary.feeds import DeliveryStatus, QuarantineStatus, RowOutcome

_ENDS: Final = frozenset({RowOutcome.ALREADY_POSTED, RowOutcome.NO_MONEY})

_IS_POSTED: Final = "SELECT status = $2 FROM feed_progress WHERE delivery_id = $1"
_ROWS: Final = """
    SELECT id, row_number, released_as, content_encrypted FROM quarantined_row
    WHERE delivery_number = $1 AND code = $2 ORDER BY row_number
"""
_UNREAD: Final = """
    SELECT count(*) FROM quarantined_row WHERE delivery_number = $1 AND status = $2
        AND (transaction_id IS NULL OR transaction_id LIKE '%:waits')
"""
_IS_POSTING: Final = """
    SELECT EXISTS (SELECT FROM feed_progress AS progress
        JOIN feed_delivery AS delivery ON delivery.id = progress.delivery_id
        WHERE progress.status <> $3 AND delivery.provider_code = $1 AND delivery.profile = $2)
"""
# Rows that post by themselves once what they wait for is registered.
_WAITING_ELSEWHERE: Final = """
    SELECT waiting.id, waiting.row_number, waiting.released_as, waiting.content_encrypted
    FROM quarantined_row AS waiting JOIN feed_delivery AS came ON came.number = waiting.delivery_number
    WHERE waiting.provider_code = $1 AND came.profile = $2 AND waiting.status = 'waiting'
        AND waiting.waits_for IS NOT NULL AND waiting.transaction_id ~ '^[0-9a-f]{32}-[0-9]+$'
"""
# By the account or the card that the day is of, as its rows name it; what was taken back stands no more. A row that
# posted anew after it was taken back has its place behind its id. Rows of a layout that names cards are of their cards'
# days unless the sender named the account.
_STANDING: Final = """
    SELECT posted.id, posted.provider_transaction_id AS transaction_id,
        split_part(posted.provider_transaction_id, '@', 1) AS content_id, posted.account_id, posted.type,
        abs(posted.amount_pence) AS amount_pence, posted.amount_pence AS effect_pence, posted.occurred_at,
        posted.booked_on, posted.mcc, posted.merchant_name, posted.merchant_category, posted.reference, posted.payee,
        posted.category_rule_id, account.provider_account_ref AS account_ref, card.provider_card_ref AS card_ref,
        coalesce((SELECT again.category FROM categorisation AS again WHERE again.transaction_id = posted.id
            ORDER BY again.id DESC LIMIT 1), posted.category) AS category
    FROM card_transaction AS posted
    JOIN account ON account.id = posted.account_id LEFT JOIN card ON card.id = posted.card_id
    JOIN feed_delivery AS came ON came.number = posted.delivery_number
    WHERE posted.account_id = (
            SELECT named.id FROM account AS named WHERE named.provider_code = $1 AND $3::text IS NOT NULL
                AND (named.provider_account_ref = $3 OR ($3 = $6 AND named.kind = 'trial'))
            UNION ALL
            SELECT held.account_id FROM card AS held WHERE held.provider_code = $1 AND $3 IS NULL
                AND held.provider_card_ref = $4
            LIMIT 1)
        AND posted.booked_on = $5 AND posted.provider_code = $1 AND came.profile = $2
        AND CASE WHEN $3 IS NULL THEN came.account_ref IS NULL AND card.provider_card_ref = $4
            ELSE came.account_ref IS NOT NULL OR NOT EXISTS (SELECT FROM feed_complete_day AS claimed
                WHERE claimed.provider_code = $1 AND claimed.profile = $2 AND claimed.booked_on = $5
                    AND claimed.account_ref = 'card ' || card.provider_card_ref) END
        AND posted.provider_transaction_id ~ '^[0-9a-f]{32}-[0-9]+(@[0-9]+-[0-9]+)?$'
        AND NOT EXISTS (SELECT FROM card_transaction AS withdrawn WHERE withdrawn.provider_code = $1
            AND withdrawn.provider_transaction_id = posted.provider_transaction_id || ':withdrawn')
    ORDER BY posted.id
"""
_ENDED: Final = """
    SELECT transaction_id, released_as FROM quarantined_row
    WHERE code = $2 AND released_as IN ('no_money', 'already_posted') AND delivery_number = $1
"""
_TOLD_AGAIN: Final = """
    SELECT DISTINCT told.transaction_id FROM quarantined_row AS told
    JOIN feed_delivery AS came ON came.number = told.delivery_number
    WHERE told.provider_code = $1 AND came.profile = $2 AND told.transaction_id = ANY($3::text[])
        AND told.code IN ('told_by_another_message', 'may_be_told_twice', 'told_in_part')
        AND told.released_as = 'already_posted'
"""
_NEWEST: Final = """
    SELECT delivery_number FROM feed_complete_day
    WHERE provider_code = $1 AND profile = $2 AND account_ref = $3 AND booked_on = $4
    ORDER BY revision DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A row of the day as its delivery tells it; `ended_as` is None while it waits."""

    row_id: UUID
    read: ReadRow
    ended_as: RowOutcome | None

    @property
    def content_id(self) -> str:
        """What it is known by: its content, and how many equal rows came before it in its file."""
        return self.read.event.provider_transaction_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedDay:
    """A day as a delivery tells it, beside what stands posted of it.

    `ended_before` is what people had ended of it without posting it, by id, before this delivery came; `unread` counts
    waiting rows of the delivery that nobody can read, and that may be of this day. `is_behind` tells that a later
    delivery is what the day holds now.
    """

    booked_on: date
    told: Sequence[Told]
    standing: Sequence[Mapping[str, Any]]
    ended_before: Mapping[str, RowOutcome]
    unread: int
    is_behind: bool

    @property
    def waiting(self) -> Sequence[Told]:
        """The rows that nobody has decided about."""
        return [each for each in self.told if each.ended_as is None]

    @property
    def stands(self) -> frozenset[str]:
        """By what the posted rows are known."""
        return frozenset(each["content_id"] for each in self.standing)

    @property
    def adds(self) -> Sequence[Told]:
        """The waiting rows that neither stand posted nor were decided about before."""
        stands = self.stands
        return [each for each in self.waiting if each.content_id not in stands | self.ended_before.keys()]

    @property
    def lacks(self) -> Sequence[Mapping[str, Any]]:
        """The posted rows that the delivery does not have."""
        told = {each.content_id for each in self.told}
        return [each for each in self.standing if each["content_id"] not in told]


async def of_row(session: AnySession, row: Waiting) -> ChangedDay | None:
    """Return the day that a row waits with, None where it waits for anything else."""
    if row.code != Reason.COMPLETE_DAY_CHANGED or row.read is None:
        return None
    connection = await database.raw(session)
    number, feed = row.delivery.number, (row.delivery.provider_code, row.delivery.profile)
    account_ref, booked_on = complete_days.day(row.read)
    event = row.read.event
    asked = (*feed, event.account_ref, event.card_ref, booked_on, TRIAL)
    newest = await connection.fetchval(_NEWEST, *feed, account_ref, booked_on)
    ended = await connection.fetch(_ENDED, newest, row.code)
    told = await _told(session, await connection.fetch(_ROWS, number, row.code), row.read)
    again = await connection.fetch(_TOLD_AGAIN, *feed, [each.content_id for each in told])
    before = {each["transaction_id"]: RowOutcome(each["released_as"]) for each in ended}
    return ChangedDay(
        booked_on=booked_on,
        told=told,
        standing=[dict(each) for each in await connection.fetch(_STANDING, *asked)],
        ended_before=before | {each["transaction_id"]: RowOutcome.ALREADY_POSTED for each in again},
        unread=await connection.fetchval(_UNREAD, number, QuarantineStatus.WAITING.value),
        is_behind=newest is not None and newest > number,
    )


async def is_whole(session: WriteSession, row: Waiting) -> bool:
    """Tell whether every row of the row's delivery has been looked at: else more of the day may come."""
    connection = await database.raw(session)
    return bool(await connection.fetchval(_IS_POSTED, row.delivery.id, DeliveryStatus.POSTED.value))


async def is_still_posting(session: WriteSession, feed: Feed) -> bool:
    """Tell whether a delivery of the feed is not posted to its end: it may yet post what it has of any day."""
    connection = await database.raw(session)
    asked = (feed.provider_code, feed.profile, DeliveryStatus.POSTED.value)
    return bool(await connection.fetchval(_IS_POSTING, *asked))


async def waiting_elsewhere(session: WriteSession, row: Waiting) -> frozenset[str]:
    """Return, by content, the rows of a row's day that wait for their card or account and then post by themselves."""
    if row.read is None:
        return frozenset()
    connection = await database.raw(session)
    kept = await connection.fetch(_WAITING_ELSEWHERE, row.delivery.provider_code, row.delivery.profile)
    return frozenset(each.content_id for each in await _told(session, kept, row.read))


async def keep(session: WriteSession, row: Waiting) -> None:
    """Keep what a file says of a row's day as what the day holds, once the last of the day's rows has been decided.

    Only where nothing stands posted that the file lacks, and where each row stands or was ended by people; to end the
    rows of a file that a later one has gone before changes nothing. The row's delivery must be locked.
    """
    day = await of_row(session, row)
    if day is None or day.waiting or day.lacks or not await is_whole(session, row):
        return
    if day.is_behind and not any(each.ended_as is RowOutcome.POSTED for each in day.told):
        return
    stands = day.stands
    if all(each.content_id in stands or each.ended_as in _ENDS for each in day.told):
        rows = [each.read for each in day.told]
        await complete_days.revise(session, feed_of(row), rows, delivery_number=row.delivery.number)


def feed_of(row: Waiting) -> Feed:
    """Return the feed whose claims a row's day is among."""
    return Feed(row.delivery.provider_code, row.delivery.profile)


async def _told(session: AnySession, kept: Sequence[Any], read: ReadRow) -> Sequence[Told]:
    """Return the rows of a day among kept ones; a file may have many, which are opened beside the loop."""
    rows = await asyncio.to_thread(lambda: [_opened(session.ciphers, each) for each in kept])
    return [each for each in rows if complete_days.day(each.read) == complete_days.day(read)]


def _opened(ciphers: Ciphers, kept: Any) -> Told:
    read = events.decode(ciphers.decrypt(kept["content_encrypted"]), number=kept["row_number"])
    ended_as = None if kept["released_as"] is None else RowOutcome(kept["released_as"])
    return Told(kept["id"], read, ended_as)
