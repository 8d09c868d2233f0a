"""The whole line: receive, verify, scan, keep, read, stage, post, categorise, move balances, record results."""

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias, TypeVar
from uuid import UUID

from services.card_ingest import batches, deliveries, keeping, quarantine, queries, reading, stating, surveying
from services.card_ingest.ahead import Ahead
from services.card_ingest.batches import Batch
from services.card_ingest.complete_days import Survey
from services.card_ingest.deliveries import NewDelivery, StoredDelivery
from services.card_ingest.keeping import Body, Chunk, Fingerprint
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.reconciliation.rules import Stated
from services.card_ingest.schemas import Receipt
from services.card_ingest.surveying import Reckoned
from services.shared import database as databases
from services.shared.database import Database, IntegrityTrouble, WriteSession
from services.shared.identity.actor import Actor
from services.shared.vocabulary.feeds import DeliveryDoor

T = TypeVar("T")

OWN_PROFILES: Final = "profiles"
"""The folder of the council's own profiles, in `data_dir`."""

POSTED_AT_ONCE: Final = 20_000
"""Rows up to which a delivery over HTTP is posted before it is answered; the job posts what is larger."""

ABANDONED_AFTER: Final = timedelta(seconds=60)
"""A delivery that nobody has moved on for so long is taken up by the job: whoever was posting it has crashed."""

Progress: TypeAlias = Callable[[int, int], None]
"""Told after each batch how many rows are done, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came, through which door, and by whom. `account_ref` names the account of the whole file (or `trial`),
    `sequence` is the provider's own count of its deliveries, `came` the fingerprint of the bytes as they were sent,
    given where the body is those bytes no more (it was compressed).
    """

    provider: str
    door: DeliveryDoor
    profile: str
    body: Body
    external_id: str | None
    account_ref: str | None
    actor: Actor
    request_id: str | None
    sequence: int | None = None
    came: Fingerprint | None = None


def own_profiles(database: Database) -> Path:
    """Return the folder of the council's own profiles."""
    return database.settings.data_dir / OWN_PROFILES


async def receive(
    database: Database,
    delivery: Delivery,
    *,
    now: datetime,
    progress: Progress | None = None,
    at_once: int | None = None,
) -> Receipt:
    """Take a delivery in: store it once, post its rows batch by batch, answer with its receipt.

    The same bytes (or id of the sender) again get the same receipt. More rows than `at_once` are left to the job.
    Raises UnreadableDelivery, WrongHeading, CardNumberInReference, DeliveryIdReused or LayoutUsedMeanwhile.
    """
    surveying.refuse_card_numbers(delivery.external_id, delivery.account_ref)
    profile = _profile(database, delivery.profile)
    if surveying.is_translated(profile):
        body, came = await asyncio.to_thread(surveying.as_text, profile, delivery.body)
        delivery = replace(delivery, body=body, came=delivery.came or came)
    new = await _described(delivery, profile, now=now)
    if (known := await _receipt_of_same(database, delivery, new)) is not None:
        return known
    earlier = await surveying.earlier(database, new, profile)
    new, surveyed, stated, chunks = await asyncio.to_thread(_looked_through, profile, delivery.body, new, earlier)
    ahead, is_now = None, at_once is None or new.rows <= at_once
    if is_now and isinstance(delivery.body, bytes) and surveyed is None:
        chunks, ahead = await _begun_with(database, new, profile, chunks, Reckoned(earlier))
    try:
        async with database.write(actor=delivery.actor, request_id=delivery.request_id) as session:
            stored = await _stored(session, new, chunks, stated)
            reckoned = await surveying.claimed(session, stored, surveyed, profile=profile, earlier=earlier)
            await (ahead.ready() if ahead else asyncio.sleep(0))  # Rows that cannot be prepared are not stored either.
    except IntegrityTrouble:  # The same delivery came twice at once, and the other was first.
        if (known := await _receipt_of_same(database, delivery, new)) is None:
            raise
        return known
    if is_now:
        ahead = ahead or await _begun_again(database, stored, actor=delivery.actor, reckoned=reckoned)
        await post(database, stored, actor=delivery.actor, now=now, ahead=ahead, progress=progress)
    async with database.read(actor=delivery.actor, request_id=delivery.request_id) as session:
        return await queries.receipt(session, stored.id)


async def _stored(
    session: WriteSession, new: NewDelivery, chunks: Iterator[Chunk], stated: list[Stated]
) -> StoredDelivery:
    stored = await deliveries.store(session, new, chunks)
    await stating.keep(session, stored, stated)
    return stored


async def post(
    database: Database,
    delivery: StoredDelivery,
    *,
    actor: Actor,
    now: datetime,
    ahead: Ahead | None = None,
    progress: Progress | None = None,
) -> None:
    """Post what is left of a stored delivery, reading one batch ahead while the last is posted.

    A crash between batches loses nothing: whoever posts on begins after the last batch that was committed. `ahead` is
    the reading that has begun, if it has; else it begins from what is kept.
    """
    began = time.monotonic()
    ahead = ahead or await _begun_again(database, delivery, actor=actor)
    try:
        while (batch := await ahead.take()) is not None:
            moment = now + timedelta(seconds=time.monotonic() - began)
            act = partial(_post_batch, database, delivery, batch, actor=actor, now=moment, staged=ahead.begin)
            await databases.on_transient(act)
            if progress is not None:
                progress(batch.rows[-1].number, delivery.rows)
    finally:
        await ahead.settled()


async def resume(database: Database, *, actor: Actor, now: datetime) -> int:
    """Post what is left of every delivery that is stored and that nobody is posting; return how many there were."""
    async with database.read(actor=actor) as session:
        unfinished = await deliveries.unfinished(session, more_than=POSTED_AT_ONCE, still_since=now - ABANDONED_AFTER)
    await _each([partial(post, database, delivery, actor=actor, now=now) for delivery in unfinished])
    return len(unfinished)


async def release_waiting(database: Database, *, actor: Actor, now: datetime) -> int:
    """Post every quarantined row whose card or account is registered by now; return how many left the quarantine."""
    async with database.read(actor=actor) as session:
        waiting = await quarantine.deliveries_that_may_go(await databases.raw(session))
    acts = [partial(_release_all, database, delivery_id, actor=actor, now=now) for delivery_id in waiting]
    return sum(await _each(acts))


async def _each(acts: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Do every act, also after one has failed; raise ExceptionGroup at the end where any has."""
    done: list[T] = []
    failures: list[Exception] = []
    for act in acts:
        try:
            done.append(await act())
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise ExceptionGroup("some deliveries failed", failures)
    return done


def _profile(database: Database, name: str) -> Profile:
    return profiles.load(name, own_folder=own_profiles(database))


async def _described(delivery: Delivery, profile: Profile, *, now: datetime) -> NewDelivery:
    return NewDelivery(
        provider_code=delivery.provider,
        door=delivery.door,
        profile=profile.name,
        profile_version=profile.version,
        account_ref=delivery.account_ref,
        external_id=delivery.external_id,
        came=await asyncio.to_thread(keeping.fingerprint, delivery.body) if delivery.came is None else delivery.came,
        rows=0,
        received_at=now,
        sequence=delivery.sequence,
    )


def _looked_through(
    profile: Profile, body: Body, new: NewDelivery, earlier: Sequence[Profile]
) -> tuple[NewDelivery, Survey | None, list[Stated], Iterator[Chunk]]:
    """Return the delivery with its rows counted, what it covers and states, and its content without card numbers."""
    with keeping.opened(body) as content:
        rows = reading.count(profile, content, account_ref=new.account_ref, received_on=new.received_on)
    new = replace(new, rows=rows)
    surveyed, stated = surveying.of_body(profile, body, new, earlier), stating.of_body(profile, body, new)
    return new, surveyed, stated, surveying.chunks(profile, body, new)


async def _receipt_of_same(database: Database, delivery: Delivery, new: NewDelivery) -> Receipt | None:
    """Return the receipt of the delivery that this one repeats, if it does. Raises NotFound, DeliveryIdReused."""
    async with database.read(actor=delivery.actor, request_id=delivery.request_id) as session:
        await deliveries.require_provider(session, delivery.provider)
        known = await deliveries.find(session, new)
        return None if known is None else await queries.receipt(session, known, already_received=True)


async def _begun_with(
    database: Database, new: NewDelivery, profile: Profile, chunks: Iterator[Chunk], reckoned: Reckoned
) -> tuple[Iterator[Chunk], Ahead]:
    """Begin to read a delivery's rows while it is stored; return its chunks from the first on, and its rows."""
    first = await asyncio.to_thread(next, chunks)
    content, is_redacted = io.BytesIO(first.content), first.is_redacted
    ahead = await _begun(database, new, profile, content, is_redacted=is_redacted, reckoned=reckoned)
    return chain([first], chunks), ahead


async def _begun(
    database: Database,
    delivery: NewDelivery | StoredDelivery,
    profile: Profile,
    content: BinaryIO,
    *,
    is_redacted: bool,
    done: int = 0,
    reckoned: Reckoned | None = None,
) -> Ahead:
    """Begin to read a delivery's rows, of which the first `done` have been posted."""
    async with database.read() as session:
        policy = await batches.policy(session, delivery.provider_code)
    policy = policy if reckoned is None else replace(policy, disputed=reckoned.disputed)
    rows = reading.rows(
        profile,
        content,
        account_ref=delivery.account_ref,
        received_on=delivery.received_on,
        is_redacted=is_redacted,
        surveyed=None if reckoned is None else reckoned.surveyed,
        earlier=() if reckoned is None else reckoned.earlier,
    )
    return Ahead(rows, policy, done=done)


async def _begun_again(
    database: Database, delivery: StoredDelivery, *, actor: Actor, reckoned: Reckoned | None = None
) -> Ahead:
    async with database.read() as session:
        done = await deliveries.rows_done(session, delivery.id)
        is_redacted = await deliveries.is_redacted(session, delivery.id)
    profile = _profile(database, delivery.profile)
    if reckoned is None:
        reckoned = await surveying.reckoned_again(database, delivery, profile, actor=actor, is_redacted=is_redacted)
    content = surveying.kept(database, delivery.id)
    return await _begun(database, delivery, profile, content, is_redacted=is_redacted, done=done, reckoned=reckoned)


async def _post_batch(
    database: Database,
    delivery: StoredDelivery,
    batch: Batch,
    *,
    actor: Actor,
    now: datetime,
    staged: Callable[[], None],
) -> None:
    async with database.write(actor=actor) as session:
        await batches.post(session, delivery, batch, now=now, staged=staged)


async def _release_all(database: Database, delivery_id: UUID, *, actor: Actor, now: datetime) -> int:
    released = 0
    while count := await databases.on_transient(partial(_release_batch, database, delivery_id, actor=actor, now=now)):
        released += count
    return released


async def _release_batch(database: Database, delivery_id: UUID, *, actor: Actor, now: datetime) -> int:
    async with database.write(actor=actor) as session:
        delivery = await deliveries.stored(session, delivery_id)
        policy = await batches.policy(session, delivery.provider_code)
        return await batches.release(session, delivery, policy, now=now)
