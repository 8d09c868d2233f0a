"""A batch: some thousand rows of a delivery, prepared beside the loop, then posted in one transaction or not at all."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from itertools import islice
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from services.card_ingest import deliveries, holds, originals, outcomes, posting, quarantine, staging
from services.card_ingest.categories import payees, returns
from services.card_ingest.categories import queries as category_queries
from services.card_ingest.categories.rules import Rules
from services.card_ingest.complete_days import Disputed
from services.card_ingest.deliveries import StoredDelivery
from services.card_ingest.events import ReadRow, Row
from services.card_ingest.matching import stage as matching
from services.card_ingest.outcomes import Result, Tally
from services.card_ingest.posting import Posted
from services.card_ingest.quarantine import Origin
from services.card_ingest.reasons import Note
from services.card_ingest.staging import Record
from services.shared import audit, database, driver
from services.shared.audit import Act, Subject
from services.shared.database import AnySession, WriteSession
from services.shared.vocabulary.feeds import RowOutcome
from services.shared.vocabulary.money import EventStatus

ROWS: Final = 10_000
"""Rows of one transaction: more would hold locks longer and gain nothing."""

# Rules are only ever added, and no id comes twice: as many with the same sum of ids are the same rules.
_STATE: Final = """
SELECT count(*) AS rules, sum(id) AS ids,
    (SELECT provider_account_ref FROM account WHERE provider_code = $1 AND kind = 'trial') AS trial_ref,
    (SELECT first_day_on FROM feed_provider WHERE code = $1) AS first_day_on
FROM category_rule WHERE account_id IS NULL
"""
_RULES: Final[WeakKeyDictionary[Engine, tuple[tuple[int, int | None], Rules]]] = WeakKeyDictionary()
# Whoever opens or releases a hold must see every settlement of it, and the other way round, or it would be held for
# ever. So a batch with such events has its provider to itself, and batches that only post share it with each other.
# The statements are planned anew each time: what was right for a table of a thousand rows is wrong for a million.
_NUMBER_AND_LOCK: Final = """
SELECT nextval('feed_batch_number_seq'), set_config('plan_cache_mode', 'force_custom_plan', true),
    pg_advisory_xact_lock{mode}(hashtextextended('holds of ' || current_schema() || ' ' || $1::text, 0))
"""
_NUMBER_BESIDE_OTHERS: Final = _NUMBER_AND_LOCK.format(mode="_shared")
_NUMBER_ALONE: Final = _NUMBER_AND_LOCK.format(mode="")

# Once it is committed, whatever moved money or was declined is looked at for alerts, and what moved money is compared
# with statements.
_RECORD: Final = """
WITH due AS (
    INSERT INTO alert_due (batch_number, first_id, last_id) SELECT $1::bigint, $8::bigint, $9::bigint WHERE $7::boolean
), moved AS (
    INSERT INTO reconciliation_due (batch_number, first_id, last_id)
    SELECT $1::bigint, $8::bigint, $9::bigint WHERE $8::bigint IS NOT NULL
)
INSERT INTO feed_batch (number, delivery_id, first_row, rows, digest, posted_at)
VALUES ($1::bigint, $2, $3, $4, $5, $6)
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides on a delivery's events: the council's category rules, the provider's trial account, and what of a
    delivery without ids waits for a person. `first_day` is the first on which a row of the provider can be booked.
    """

    rules: Rules
    trial_ref: str | None
    first_day: date = outcomes.FIRST_DAY
    disputed: Disputed | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows ready to post: all of them, those that the database must judge (by number, and as they are staged), and the
    results of those that are judged by their own content.

    `payee_rules` are there where any staged row is a transfer: its payee may be registered for the account.
    """

    rows: Sequence[Row]
    staged: Mapping[int, ReadRow]
    records: Sequence[Record]
    told: Sequence[Result]
    payee_rules: Rules | None = None

    @property
    def first_row(self) -> int:
        """The number of the first row in its delivery."""
        return self.rows[0].number


def _nothing() -> None:
    """Do nothing."""


async def policy(session: AnySession, provider_code: str) -> Policy:
    """Return what a provider's events are decided by; the rules are read again only where there are others now, since
    there are a thousand, and they remember what they have chosen.
    """
    connection = await database.raw(session)
    found = await connection.fetchrow(_STATE, provider_code)
    assert found is not None  # noqa: S101 (an aggregate has one row)
    engine, state = session.get_bind().engine, (found["rules"], found["ids"])
    known = _RULES.get(engine)
    if known is None or known[0] != state:
        known = _RULES[engine] = state, await category_queries.policy(connection)
    return Policy(known[1], found["trial_ref"], max(outcomes.FIRST_DAY, found["first_day_on"] or outcomes.FIRST_DAY))


def prepared(rows: Iterator[Row], policy: Policy) -> Batch | None:
    """Read the next batch of rows and encode them for staging; None after the last. No database is needed."""
    found = list(islice(rows, ROWS))
    return of_rows(found, policy) if found else None


def of_rows(rows: Sequence[Row], policy: Policy) -> Batch:
    """Judge rows by their own content, however many, and encode what is left for staging."""
    staged: dict[int, ReadRow] = {}
    told: list[Result] = []
    for row in rows:
        if (end := outcomes.by_itself(row, first_day=policy.first_day)) is not None:
            told.append(end)
            continue
        assert isinstance(row, ReadRow)  # noqa: S101 (what cannot be read has ended by itself)
        if policy.disputed is not None and (disputed := policy.disputed.judged(row)) is not None:
            told.append(Result(row, *disputed))
        else:
            staged[row.number] = row
    records: list[Record] = []
    has_transfers = False
    for row in staged.values():
        event = row.event
        choice = policy.rules.choose(event.type, event.mcc, event.merchant_name, row.booked_on)
        has_transfers = has_transfers or choice.is_transfer
        record = staging.record(
            row,
            category=choice.category,
            category_rule_id=choice.rule_id,
            payee=choice.payee,
            trial_ref=policy.trial_ref,
        )
        records.append(record)
    return Batch(rows, staged, staging.in_order(records), told, policy.rules if has_transfers else None)


async def post(
    session: WriteSession,
    delivery: StoredDelivery,
    batch: Batch,
    *,
    now: datetime,
    staged: Callable[[], None] = _nothing,
) -> bool:
    """Post one batch: stage, hold, post, quarantine, count, in the session's transaction.

    `staged` is called once the rows are with the database, which has the work from then on. False where somebody else
    has posted it meanwhile. Raises RowsLostError unless every row and penny is accounted for.
    """
    progress = await deliveries.lock(session, delivery.id)
    if progress.rows_done != batch.first_row - 1:
        await session.rollback()
        return False
    connection = await database.raw(session)
    origin = Origin(delivery.provider_code, delivery.number, now)
    number, posted = await _write(session, delivery, batch, now=now, staged=staged)
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
    batch = of_rows(rows, policy)
    number, posted = await _write(session, delivery, batch, now=now, staged=_nothing)
    others = [*posted.others, *batch.told]
    gone = await quarantine.release(
        connection, posted.rows, others, Origin(delivery.provider_code, delivery.number, now)
    )
    counted = outcomes.tally(posted=posted.rows, others=gone)
    left = outcomes.total([*posted.rows, *(result.row for result in gone)])
    await deliveries.move_released(session, delivery.id, left=left, counted=counted)
    await _record_batch(session, delivery, number, batch=batch, posted=posted, counted=counted, now=now)
    return left.rows


async def post_decided(session: WriteSession, delivery: StoredDelivery, batch: Batch, *, now: datetime) -> Posted:
    """Post rows that two people have decided on, whatever they were waiting for; their delivery must be locked.

    A row that no decision can post (its day lies before any that it can have) is among the others, as it ends.
    """
    connection = await database.raw(session)
    provider = delivery.provider_code
    number = int(await connection.fetchval(_NUMBER_BESIDE_OTHERS, provider))
    await staging.stage(connection, batch.records)
    if batch.payee_rules is not None:
        await payees.resolve(connection, batch.payee_rules, provider_code=provider)
    await returns.resolve(connection, batch.staged.values(), provider_code=provider)
    posted = await posting.post(
        connection,
        batch.staged,
        provider_code=provider,
        delivery_number=delivery.number,
        batch_number=number,
    )
    await matching.keep(session, posted.rows, matching.Origin(provider, delivery.number, now))
    counted = outcomes.tally(posted=posted.rows, others=posted.others)
    await _record_batch(session, delivery, number, batch=batch, posted=posted, counted=counted, now=now)
    return replace(posted, others=[*posted.others, *batch.told])


async def begin_beside_others(connection: driver.Connection, provider_code: str) -> None:
    """Begin to post rows that neither open nor release a hold, in the open transaction."""
    await connection.fetchval(_NUMBER_BESIDE_OTHERS, provider_code)


async def begin_alone(connection: driver.Connection, provider_code: str) -> None:
    """Begin to write rows of which some hold or release something: nobody else of the provider posts meanwhile."""
    await connection.fetchval(_NUMBER_ALONE, provider_code)


def digests(batch: Batch, rows: Iterable[ReadRow]) -> Iterator[bytes]:
    """Yield the content digest of each row, as it is staged."""
    staged = {record[0]: record[-1] for record in batch.records}
    return (staged[row.number] for row in rows)


async def _write(
    session: WriteSession, delivery: StoredDelivery, batch: Batch, *, now: datetime, staged: Callable[[], None]
) -> tuple[int, Posted]:
    """Write what is staged of a batch, alone if it holds or releases anything or may tell of a payment again."""
    connection = await database.raw(session)
    to_hold = {place: row for place, row in batch.staged.items() if row.event.status is not EventStatus.POSTED}
    to_post = {place: row for place, row in batch.staged.items() if place not in to_hold} if to_hold else batch.staged
    provider, delivery_number = delivery.provider_code, delivery.number
    await staging.stage(connection, batch.records)  # Nobody waits for that yet.
    staged()
    lock = _NUMBER_ALONE if to_hold or matching.is_needed(to_post.values()) else _NUMBER_BESIDE_OTHERS
    number, origin = int(await connection.fetchval(lock, provider)), matching.Origin(provider, delivery_number, now)
    told = await matching.take_out(session, to_post, origin)
    to_post = {place: row for place, row in to_post.items() if place not in told} if told else to_post
    if batch.payee_rules is not None:
        await payees.resolve(connection, batch.payee_rules, provider_code=provider)
    linked = [row for row in to_post.values() if row.event.reverses_transaction_id]
    waiting = await originals.take_out(connection, to_post, provider_code=provider) if linked else {}
    to_post = {place: row for place, row in to_post.items() if place not in waiting} if waiting else to_post
    await returns.resolve(connection, linked, provider_code=provider)
    held = await holds.apply(connection, to_hold, provider_code=provider, delivery_number=delivery_number)
    reversed_before = await holds.take_out(connection, to_post, provider_code=provider)
    to_post = {place: row for place, row in to_post.items() if place not in reversed_before}
    posted = await posting.post(
        connection, to_post, provider_code=provider, delivery_number=delivery_number, batch_number=number
    )
    await matching.keep(session, posted.rows, origin)
    others = [*told.values(), *held, *posted.others, *waiting.values(), *reversed_before.values()]
    known = await quarantine.known_by_decision(connection, others, provider_code=provider, ciphers=session.ciphers)
    return number, Posted(posted.rows, known, posted.first_id, posted.last_id)


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
    digest = sha256(b"".join(digests(batch, posted.rows))).digest()
    connection = await database.raw(session)
    is_due = bool(posted.rows) or any(result.code is Note.DECLINED for result in posted.others)
    told = (number, delivery.id, batch.first_row, len(batch.rows), digest, now)
    await connection.execute(_RECORD, *told, is_due, posted.first_id, posted.last_id)
    counts = {f"{outcome.value}_rows": count.rows for outcome, count in counted.items() if count.rows}
    pence = {"posted_pence": counted[RowOutcome.POSTED].pence}
    act = Act(
        actor=session.actor,
        action="post_feed_batch",
        subject=Subject(deliveries.SUBJECT, str(delivery.id)),
        after={"batch": number, **counts, **pence},
        digest=digest,
        request_id=session.request_id,
    )
    await audit.record_acts(session, [act])
