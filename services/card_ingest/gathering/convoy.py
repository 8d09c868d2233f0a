"""The convoys of small pushes: one transaction for all who have come since the last began, and an answer for each."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import Engine

from services.card_ingest import batches, convoys, holds, pipeline, posting, staging
from services.card_ingest.convoys import Convoy
from services.card_ingest.gathering import small_pushes
from services.card_ingest.gathering.small_pushes import ENDED, Push, Small
from services.card_ingest.pipeline import Delivery
from services.card_ingest.schemas import Receipt
from services.shared import audit, driver
from services.shared import database as databases
from services.shared.database import Database

MOST: Final = 128
"""Deliveries of one transaction."""

SMALL_BYTES: Final = 16_384

_STORE: Final = """
WITH came AS (
    SELECT * FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::bytea[], $8::bigint[],
        $9::timestamptz[], $10::bigint[], $11::bytea[])
        AS came(id, profile, profile_version, external_id, sha256, size_bytes, received_at, sequence, content)
), stored AS (
    INSERT INTO feed_delivery (id, provider_code, door, profile, profile_version, external_id, sha256, size_bytes,
        received_at, sequence)
    SELECT id, $1, $2, profile, profile_version, external_id, sha256, size_bytes, received_at, sequence FROM came
    ORDER BY external_id, sha256
    ON CONFLICT DO NOTHING
    RETURNING id, number
), kept AS (
    INSERT INTO feed_content (delivery_id, chunk, content, is_redacted)
    SELECT stored.id, 0, came.content, false FROM stored JOIN came ON came.id = stored.id
)
SELECT id, number, nextval('feed_batch_number_seq') AS batch_number FROM stored
"""
_END: Final = """
WITH ended AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[])
        AS ended(delivery_id, batch_number, rows, pence, digest)
), progress AS (
    INSERT INTO feed_progress (delivery_id, status, rows, rows_done, delivered_pence, unread_amounts, posted_rows,
        posted_pence, already_posted_rows, already_posted_pence, held_rows, held_pence, no_money_rows, no_money_pence,
        quarantined_rows, quarantined_pence, finished_at)
    SELECT delivery_id, $6, rows, rows, pence, 0, rows, pence, 0, 0, 0, 0, 0, 0, 0, 0, $7 FROM ended
), due AS (
    INSERT INTO alert_due (batch_number, first_id, last_id) SELECT batch_number, $8::bigint, $9::bigint FROM ended
)
INSERT INTO feed_batch (number, delivery_id, first_row, rows, digest, posted_at)
SELECT batch_number, delivery_id, 1, rows, digest, $7 FROM ended
"""
log: Final = structlog.get_logger("dp.card_ingest.gathering")


class _NotWhole(Exception):
    """Some deliveries have rows that did not post as new: nothing is committed, and they leave the others."""

    def __init__(self, ids: frozenset[UUID]) -> None:
        super().__init__("some deliveries have rows that did not post")
        self.ids = ids


_CONVOYS: Final[WeakKeyDictionary[Engine, dict[str, Convoy[Push, Receipt | None]]]] = WeakKeyDictionary()


async def receive(database: Database, delivery: Delivery, *, now: datetime) -> Receipt:
    """Take a pushed delivery in, together with others where it is small; answered after the commit. As `pipeline`'s."""
    if isinstance(delivery.body, bytes) and len(delivery.body) <= SMALL_BYTES:
        receipt = await _convoy(database, delivery.provider).join(Push(delivery, now))
        if receipt is not None:
            return receipt
    return await pipeline.receive(database, delivery, now=now, at_once=pipeline.POSTED_AT_ONCE)


def _convoy(database: Database, provider: str) -> Convoy[Push, Receipt | None]:
    of_database = _CONVOYS.setdefault(database.engine.sync_engine, {})
    if provider not in of_database:
        of_database[provider] = convoys.Convoy(partial(_take_in, database), at_most=MOST)
    return of_database[provider]


async def _take_in(database: Database, pushes: Sequence[Push]) -> list[Receipt | None]:
    """Return the receipt of each push that could go with the others; None for one that must go alone."""
    try:
        return await _taken_in(database, pushes)
    except Exception as fault:  # Alone, each is told what is wrong with it, and none suffers by another.
        log.error("gathering_failed", deliveries=len(pushes), error=type(fault).__name__)
        return [None] * len(pushes)


async def _taken_in(database: Database, pushes: Sequence[Push]) -> list[Receipt | None]:
    provider = pushes[0].delivery.provider
    async with database.read() as session:
        policy = await batches.policy(session, provider)
    found = await asyncio.to_thread(small_pushes.all_small, database, pushes, policy)
    going = [small for small in found if small is not None]
    receipts: dict[UUID, Receipt] = {}
    while going:
        try:
            receipts = await databases.on_transient(partial(_commit, database, going))
            break
        except _NotWhole as left_over:
            going = [small for small in going if small.id not in left_over.ids]
    return [None if small is None else receipts.get(small.id) for small in found]


async def _commit(database: Database, going: Sequence[Small]) -> dict[UUID, Receipt]:
    """Store and post deliveries in one transaction; return the receipt of each by its id, but for repeats.

    Raises _NotWhole where a row did not post as new.
    """
    first, now = going[0].push.delivery, max(small.push.now for small in going)
    async with database.write(actor=first.actor, request_id=first.request_id) as session:
        connection = await databases.raw(session)
        await batches.begin_beside_others(connection, first.provider)
        numbers = await _store(connection, going)
        stored = [small for small in going if small.id in numbers]
        if not stored:
            await session.rollback()
            return {}
        records = [(*record, *numbers[small.id]) for small in stored for record in small.batch.records]
        await staging.stage_gathered(connection, records)
        if reversed_before := await holds.reversed_before(connection, provider_code=first.provider):
            raise _NotWhole(frozenset(small.id for small in stored if numbers[small.id][0] in reversed_before))
        posted = await posting.post_gathered(
            connection,
            [row for small in stored for row in small.rows],
            provider_code=first.provider,
            batch_number=min(batch_number for _, batch_number in numbers.values()),
        )
        if posted.left_over:
            raise _NotWhole(frozenset(small.id for small in stored if numbers[small.id][0] in posted.left_over))
        ended = [(small.id, numbers[small.id][1], len(small.rows), small.pence, small.digest) for small in stored]
        ids = (posted.first_id, posted.last_id)
        await connection.execute(_END, *map(list, zip(*ended, strict=True)), ENDED.value, now, *ids)
        delivered = [small_pushes.delivered(small) for small in stored]
        await audit.record_acts(session, [*delivered, small_pushes.posted(session.actor, ended)])
    return {small.id: small_pushes.receipt(small, finished_at=now) for small in stored}


async def _store(connection: driver.Connection, going: Sequence[Small]) -> dict[UUID, tuple[int, int]]:
    """Store the deliveries; return the numbers of each and of its batch, but for those that have come before."""
    first = going[0].push.delivery
    rows = [_columns(small) for small in going]
    found = await connection.fetch(_STORE, first.provider, first.door.value, *map(list, zip(*rows, strict=True)))
    return {row["id"]: (row["number"], row["batch_number"]) for row in found}


def _columns(small: Small) -> tuple[Any, ...]:
    delivery, came = small.push.delivery, small.came
    layout = (small.profile.name, small.profile.version)
    content = (came.sha256, came.size_bytes, small.push.now, delivery.sequence, small.sealed)
    return small.id, *layout, delivery.external_id, *content
