"""The one transaction of several small pushes: stored, staged, held, posted and recorded, all of it or nothing."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from services.card_ingest import batches, holds, posting, quarantine, staging
from services.card_ingest.categories import payees
from services.card_ingest.gathering import endings
from services.card_ingest.gathering.small_pushes import Small
from services.card_ingest.outcomes import Result
from services.card_ingest.posting import Gathered
from services.card_ingest.schemas import Receipt
from services.shared import audit, driver
from services.shared import database as databases
from services.shared.database import Database
from services.shared.vocabulary.feeds import RowOutcome

# Many who wait on one connection wait longer: each on one of its own, they would keep every other provider waiting.
_PATIENCE: Final = "SET LOCAL lock_timeout = '25s'"
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
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
        $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[], $13::boolean[])
        AS ended(delivery_id, batch_number, rows, pence, unread_amounts, posted_rows, posted_pence, held_rows,
            held_pence, no_money_rows, no_money_pence, digest, is_due)
), progress AS (
    INSERT INTO feed_progress (delivery_id, status, rows, rows_done, delivered_pence, unread_amounts, posted_rows,
        posted_pence, already_posted_rows, already_posted_pence, held_rows, held_pence, no_money_rows, no_money_pence,
        quarantined_rows, quarantined_pence, finished_at)
    SELECT delivery_id, $14, rows, rows, pence, unread_amounts, posted_rows, posted_pence, 0, 0, held_rows, held_pence,
        no_money_rows, no_money_pence, 0, 0, $15 FROM ended
), due AS (
    INSERT INTO alert_due (batch_number, first_id, last_id)
    SELECT batch_number, CASE WHEN posted_rows > 0 THEN $16::bigint END, CASE WHEN posted_rows > 0 THEN $17::bigint END
    FROM ended WHERE is_due
), moved AS (
    INSERT INTO reconciliation_due (batch_number, first_id, last_id)
    SELECT min(batch_number), $16::bigint, $17::bigint FROM ended HAVING $16::bigint IS NOT NULL
)
INSERT INTO feed_batch (number, delivery_id, first_row, rows, digest, posted_at)
SELECT batch_number, delivery_id, 1, rows, digest, $15 FROM ended
"""
_SIMPLE: Final = (RowOutcome.HELD, RowOutcome.NO_MONEY)


class _NotWhole(Exception):
    """Some deliveries have rows that did not end as simply as possible: nothing is committed, and they leave."""

    def __init__(self, ids: frozenset[UUID]) -> None:
        super().__init__("some deliveries have rows that did not end as simply as possible")
        self.ids = ids


async def take_in(database: Database, going: Sequence[Small]) -> Mapping[UUID, Receipt | None]:
    """Store and write pushes, no two of which name the same; return the receipt of each by its id, None where it had
    come before. Those that are missing have rows that end otherwise: nothing of them is stored, and they go alone.
    """
    rest = list(going)
    while rest:
        try:
            return await databases.on_transient(partial(_commit, database, rest))
        except _NotWhole as left_over:
            rest = [small for small in rest if small.id not in left_over.ids]
    return {}


async def _commit(database: Database, going: Sequence[Small]) -> Mapping[UUID, Receipt | None]:
    """Do all of it in one transaction. Raises _NotWhole, RowsLostError."""
    first, now = going[0].push.delivery, max(small.push.now for small in going)
    async with database.write(actor=first.actor, request_id=first.request_id) as session:
        connection = await databases.raw(session)
        await connection.execute(_PATIENCE)
        numbers = await _store(connection, going)
        stored = {numbers[small.id][0]: small for small in going if small.id in numbers}
        batch_numbers = {number: numbers[small.id][1] for number, small in stored.items()}
        if not stored:
            await session.rollback()
            return {small.id: None for small in going}
        found, held = await _written(connection, stored, batch_numbers, provider_code=first.provider)
        ended = [
            endings.ended(small, batch_number=batch_numbers[number], others=[*small.batch.told, *held.get(number, ())])
            for number, small in stored.items()
        ]
        others = [(number, result) for number, each in zip(stored, ended, strict=True) for result in each.others]
        if others:
            await quarantine.keep_ended(connection, others)
        columns = map(list, zip(*(each.columns() for each in ended), strict=True))
        await connection.execute(_END, *columns, endings.STATUS.value, now, found.first_id, found.last_id)
        acts = [endings.delivered(each.small) for each in ended]
        await audit.record_acts(session, [*acts, endings.posted(session.actor, ended)])
    receipts = {each.small.id: endings.receipt(each, finished_at=now) for each in ended}
    return {small.id: receipts.get(small.id) for small in going}


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


async def _written(
    connection: driver.Connection,
    stored: Mapping[int, Small],
    batch_numbers: Mapping[int, int],
    *,
    provider_code: str,
) -> tuple[Gathered, dict[int, list[Result]]]:
    """Write the rows of the deliveries by their numbers, alone if any holds or releases something; return where those
    that posted lie, and the results of the others. Raises _NotWhole.

    As in the line for one delivery, what is held is written before what posts, and nobody waits while it is staged.
    """
    records = [
        (*record, number, batch_numbers[number]) for number, small in stored.items() for record in small.batch.records
    ]
    await staging.stage_gathered(connection, records)
    to_post = [row for small in stored.values() for row in small.to_post]
    to_hold = {(number, row.number): row for number, small in stored.items() for row in small.to_hold}
    await (batches.begin_alone if to_hold else batches.begin_beside_others)(connection, provider_code)
    if rules := next((small.batch.payee_rules for small in stored.values() if small.batch.payee_rules), None):
        await payees.resolve(connection, rules, provider_code=provider_code)
    held: dict[int, list[Result]] = {}
    for number, result in await holds.apply_gathered(connection, to_hold, provider_code=provider_code):
        held.setdefault(number, []).append(result)
    left = {number for number, results in held.items() if any(each.outcome not in _SIMPLE for each in results)}
    if to_post:
        left |= await holds.reversed_before(connection, provider_code=provider_code)
    posted = await posting.post_gathered(
        connection, to_post, provider_code=provider_code, batch_number=min(batch_numbers.values())
    )
    if left := left | posted.left_over:
        raise _NotWhole(frozenset(stored[number].id for number in left))
    return posted, held
