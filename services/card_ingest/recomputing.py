"""Deliveries read again: what posted from each is what its kept content says, row by row.

While the raw content lasts it is what counts. After its time the posted rows are all there is: each batch must still be
what its digest says.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final
from uuid import UUID

from services.card_ingest import deliveries, pipeline, reading, surveying
from services.card_ingest.deliveries import StoredDelivery
from services.card_ingest.events import ReadRow, Row
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.profile import ProfileTrouble
from services.shared import database, driver
from services.shared.database import Database
from services.shared.errors import NotFound
from services.shared.identity.actor import Actor

ROWS: Final = 10_000
"""Rows compared at a time."""

_NUMBERS: Final = """
SELECT delivery.id FROM feed_delivery AS delivery WHERE ($1::text IS NULL OR delivery.provider_code = $1)
    AND ($2::uuid IS NULL OR delivery.id = $2) ORDER BY delivery.number
"""
_IS_KEPT: Final = "SELECT EXISTS (SELECT FROM feed_content WHERE delivery_id = $1)"
_VERSION: Final = "SELECT profile_version FROM feed_delivery WHERE id = $1"
# What two people decided about a row posts under another id or beside its own, with their reason: it is no slip.
_POSTED: Final = """
SELECT posted.row_number, posted.content_digest AS digest, EXISTS (
    SELECT FROM quarantined_row AS waited JOIN quarantine_resolution AS resolution
        ON resolution.quarantined_row_id = waited.id AND resolution.status = 'confirmed'
    WHERE waited.delivery_number = posted.delivery_number AND waited.row_number = posted.row_number) AS is_decided
FROM card_transaction AS posted
WHERE posted.delivery_number = $1 AND posted.row_number BETWEEN $2 AND $3
"""
# Row 0 is no row of the delivery: it takes back what two people decided to replace.
_POSTED_ROWS: Final = "SELECT count(*) FROM card_transaction WHERE delivery_number = $1 AND row_number > 0"
_BATCHES_CHANGED: Final = """
SELECT count(*) FROM feed_batch AS batch LEFT JOIN (
    SELECT batch_number, sha256(string_agg(content_digest, ''::bytea ORDER BY row_number)) AS digest
    FROM card_transaction WHERE delivery_number = $2 GROUP BY batch_number
) AS posted ON posted.batch_number = batch.number
WHERE batch.delivery_id = $1 AND batch.digest <> coalesce(posted.digest, sha256(''::bytea))
"""


class Source(StrEnum):
    """What a delivery was recomputed from: its content, or the posted rows alone.

    They are all there is after the content's time, and where the profile that it was read by is gone (or is not of its
    form any more), or has another version by now.
    """

    KEPT_CONTENT = "kept_content"
    POSTED_ROWS = "posted_rows"
    PROFILE_GONE = "profile_gone"
    PROFILE_CHANGED = "profile_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What came of it, in rows: posted as the content says, posted by two people's decision, or otherwise (`differ`).

    From posted rows alone `agree` is all that posted, and `differ` counts batches that are not what they were.
    """

    delivery_id: UUID
    source: Source
    agree: int
    decided: int
    differ: int


async def delivery_ids(own: Database, *, provider: str | None, delivery_id: UUID | None) -> list[UUID]:
    """Return the deliveries of a provider, or of all, the oldest first."""
    async with own.read() as session:
        connection = await database.raw(session)
        return [found["id"] for found in await connection.fetch(_NUMBERS, provider, delivery_id)]


async def recompute(own: Database, delivery_id: UUID, *, actor: Actor) -> Recomputed:
    """Compare what a delivery posted with what is kept of it, as far as it can be read as it was."""
    async with own.read() as session:
        delivery = await deliveries.stored(session, delivery_id)
        connection = await database.raw(session)
        source = await _source(own, connection, delivery)
        if source is not Source.KEPT_CONTENT:
            return await _from_posted_rows(connection, delivery, source)
    rows = await _rows(own, delivery, actor=actor)
    found: Counter[str] = Counter()
    seen = 0
    while piece := await asyncio.to_thread(lambda: list(islice(rows, ROWS))):
        async with own.read() as session:
            connection = await database.raw(session)
            posted = await connection.fetch(_POSTED, delivery.number, piece[0].number, piece[-1].number)
        found.update(_compared(piece, [dict(each) for each in posted]))
        seen += len(posted)
    lost = await _posted_rows(own, delivery) - seen
    return Recomputed(
        delivery_id=delivery_id,
        source=Source.KEPT_CONTENT,
        agree=found["agree"],
        decided=found["decided"],
        differ=found["differ"] + lost,
    )


async def _source(own: Database, connection: driver.Connection, delivery: StoredDelivery) -> Source:
    if not await connection.fetchval(_IS_KEPT, delivery.id):
        return Source.POSTED_ROWS
    try:
        profile = profiles.load(delivery.profile, own_folder=pipeline.own_profiles(own))
    except (NotFound, ProfileTrouble):
        return Source.PROFILE_GONE
    is_same = profile.version == await connection.fetchval(_VERSION, delivery.id)
    return Source.KEPT_CONTENT if is_same else Source.PROFILE_CHANGED


def _compared(rows: Sequence[Row], posted: Sequence[Mapping[str, object]]) -> Iterator[str]:
    digests = {row.number: row.digest for row in rows if isinstance(row, ReadRow)}
    for each in posted:
        if digests.get(int(str(each["row_number"]))) == each["digest"]:
            yield "agree"
        else:
            yield "decided" if each["is_decided"] else "differ"


async def _rows(own: Database, delivery: StoredDelivery, *, actor: Actor) -> Iterator[Row]:
    profile = profiles.load(delivery.profile, own_folder=pipeline.own_profiles(own))
    async with own.read() as session:
        is_redacted = await deliveries.is_redacted(session, delivery.id)
    reckoned = await surveying.reckoned_again(own, delivery, profile, actor=actor, is_redacted=is_redacted)
    return reading.rows(
        profile,
        surveying.kept(own, delivery.id),
        account_ref=delivery.account_ref,
        received_on=delivery.received_on,
        is_redacted=is_redacted,
        surveyed=None if reckoned is None else reckoned.surveyed,
        earlier=() if reckoned is None else reckoned.earlier,
    )


async def _posted_rows(own: Database, delivery: StoredDelivery) -> int:
    """Return how many rows posted, so that one which the content does not have at all is not overlooked."""
    async with own.read() as session:
        connection = await database.raw(session)
        return int(await connection.fetchval(_POSTED_ROWS, delivery.number))


async def _from_posted_rows(connection: driver.Connection, delivery: StoredDelivery, source: Source) -> Recomputed:
    return Recomputed(
        delivery_id=delivery.id,
        source=source,
        agree=await connection.fetchval(_POSTED_ROWS, delivery.number),
        decided=0,
        differ=await connection.fetchval(_BATCHES_CHANGED, delivery.id, delivery.number),
    )
