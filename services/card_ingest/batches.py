"""A batch: some thousand rows of a delivery, prepared beside the loop, then posted in one transaction or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Final

from sqlalchemy import insert

from services.card_ingest import categories, deliveries, holds, outcomes, posting, quarantine, staging
from services.card_ingest.categories import Rule, Rules
from services.card_ingest.deliveries import StoredDelivery
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.outcomes import Result, Tally
from services.card_ingest.posting import Posted
from services.card_ingest.quarantine import Origin
from services.card_ingest.reasons import Note
from services.card_ingest.staging import Record
from services.shared import audit, database, driver
from services.shared.audit import Subject
from services.shared.database import AnySession, WriteSession
from services.shared.tables.feeds import FeedBatch
from services.shared.vocabulary import EventStatus, RowOutcome

ROWS: Final = 10_000
"""Rows of one transaction: more would hold locks longer and gain nothing."""

_RULES: Final = "SELECT id, coalesce(mcc, type) AS key, category, effective_from FROM category_rule"
_TRIAL_REF: Final = "SELECT provider_account_ref FROM account WHERE provider_code = $1 AND kind = 'trial'"
# Whoever opens or releases a hold must see every settlement of it, and the other way round, or it would be held for
# ever. So a batch with such events has its provider to itself, and batches that only post share it with each other.
_NUMBER_AND_LOCK: Final = """
SELECT nextval('feed_batch_number_seq'),
    pg_advisory_xact_lock{mode}(hashtextextended('holds of ' || current_schema() || ' ' || $1::text, 0))
"""
_NUMBER_BESIDE_OTHERS: Final = _NUMBER_AND_LOCK.format(mode="_shared")
_NUMBER_ALONE: Final = _NUMBER_AND_LOCK.format(mode="")


@dataclass(frozen=True, slots=True)
class Policy:
    """What the council holds that decides on events: its category rules, and the provider's trial account."""

    rules: Rules
    trial_ref: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows ready to post: all of them, those that the database must judge (by number, and as they are staged), and the
    results of those that are judged by their own content.
    """

    rows: Sequence[Row]
    staged: Mapping[int, ReadRow]
    records: Sequence[Record]
    told: Sequence[Result]

    @property
    def first_row(self) -> int:
        """The number of the first row in its delivery."""
        return self.rows[0].number


async def policy(session: AnySession, provider_code: str) -> Policy:
    """Read what a provider's events are decided by, once for a delivery."""
    connection = await database.raw(session)
    rules = categories.rules(Rule(**found) for found in await connection.fetch(_RULES))
    return Policy(rules, await connection.fetchval(_TRIAL_REF, provider_code))


def prepared(rows: Iterator[Row], policy: Policy) -> Batch | None:
    """Read the next batch of rows and encode them for staging; None after the last. No database is needed."""
    found = list(islice(rows, ROWS))
    return _batch(found, policy) if found else None


async def post(session: WriteSession, delivery: StoredDelivery, batch: Batch, *, now: datetime) -> bool:
    """Post one batch: stage, hold, post, quarantine, count, in the session's transaction.

    False where somebody else has posted it meanwhile. Raises RowsLostError unless every row and penny is accounted for.
    """
    progress = await deliveries.lock(session, delivery.id)
    if progress.rows_done != batch.first_row - 1:
        await session.rollback()
        return False
    connection = await database.raw(session)
    origin = Origin(delivery.provider_code, delivery.number, now)
    number, posted = await _write(connection, delivery, batch)
    others = [*posted.others, *batch.told]
    await quarantine.keep(connection, others, origin, ciphers=session.ciphers)
    counted = outcomes.tally(posted=posted.rows, others=others)
    await deliveries.advance(session, delivery, progress, rows=batch.rows, counted=counted, now=now)
    await _record_batch(session, delivery, number, batch=batch, posted=posted, counted=counted, now=now)
    return True


async def release(session: WriteSession, delivery: StoredDelivery, policy: Policy, *, now: datetime) -> int:
    """Post rows of a delivery that waited for what is registered by now; return how many have left the quarantine."""
    await deliveries.lock(session, delivery.id)
    connection = await database.raw(session)
    rows = await quarantine.take(connection, delivery.number, at_most=ROWS, ciphers=session.ciphers)
    if not rows:
        await session.rollback()
        return 0
    batch = _batch(rows, policy)
    number, posted = await _write(connection, delivery, batch)
    gone = await quarantine.release(
        connection, posted.rows, posted.others, Origin(delivery.provider_code, delivery.number, now)
    )
    counted = outcomes.tally(posted=posted.rows, others=gone)
    left = outcomes.total([*posted.rows, *(result.row for result in gone)])
    await deliveries.move_released(session, delivery.id, left=left, counted=counted)
    await _record_batch(session, delivery, number, batch=batch, posted=posted, counted=counted, now=now)
    return left.rows


async def _write(connection: driver.Connection, delivery: StoredDelivery, batch: Batch) -> tuple[int, Posted]:
    """Write what is staged of a batch under the next batch number, alone if it holds or releases anything."""
    to_post = {place: row for place, row in batch.staged.items() if row.event.status is EventStatus.POSTED}
    to_hold = {place: row for place, row in batch.staged.items() if place not in to_post}
    provider, delivery_number = delivery.provider_code, delivery.number
    number = int(await connection.fetchval(_NUMBER_ALONE if to_hold else _NUMBER_BESIDE_OTHERS, provider))
    await staging.stage(connection, batch.records)
    held = await holds.apply(connection, to_hold, provider_code=provider, delivery_number=delivery_number)
    posted = await posting.post(
        connection, to_post, provider_code=provider, delivery_number=delivery_number, batch_number=number
    )
    return number, Posted(posted.rows, [*held, *posted.others])


async def _record_batch(
    session: WriteSession,
    delivery: StoredDelivery,
    number: int,
    *,
    batch: Batch,
    posted: Posted,
    counted: Tally,
    now: datetime,
) -> None:
    digest = sha256(b"".join(row.digest for row in posted.rows)).digest()
    row = {"number": number, "delivery_id": delivery.id, "first_row": batch.first_row, "rows": len(batch.rows)}
    await session.execute(insert(FeedBatch).values(row | {"digest": digest, "posted_at": now}))
    counts = {f"{outcome.value}_rows": count.rows for outcome, count in counted.items() if count.rows}
    pence = {"posted_pence": counted[RowOutcome.POSTED].pence}
    await audit.record(
        session,
        action="post_feed_batch",
        subject=Subject(deliveries.SUBJECT, str(delivery.id)),
        after={"batch": number, **counts, **pence},
        digest=digest,
    )


def _batch(rows: Sequence[Row], policy: Policy) -> Batch:
    staged: dict[int, ReadRow] = {}
    told: list[Result] = []
    for row in rows:
        if isinstance(row, BadRow):
            told.append(Result(row, RowOutcome.QUARANTINED, row.reason))
        elif row.effect_pence == 0 and row.event.status is EventStatus.AUTHORISED:
            told.append(Result(row, RowOutcome.NO_MONEY, Note.CARD_CHECK))
        else:
            staged[row.number] = row
    return Batch(rows, staged, [_record(row, policy) for row in staged.values()], told)


def _record(row: ReadRow, policy: Policy) -> Record:
    category, rule_id = policy.rules.choose(row.event.type, row.event.mcc, row.booked_on)
    return staging.record(row, category=category, category_rule_id=rule_id, trial_ref=policy.trial_ref)
