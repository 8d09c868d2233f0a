"""Posting alone: from batches that are read, judged and ready, to their commit."""

import asyncio
import io
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from benchmarks import batches, filling
from benchmarks.batches import Batch
from benchmarks.measure import Contender, Stopwatch
from benchmarks.stage import Stage
from services.card_ingest import batches as ingest_batches
from services.card_ingest import deliveries, keeping, pipeline, reading
from services.card_ingest.batches import Batch as Ready
from services.card_ingest.deliveries import NewDelivery, StoredDelivery
from services.card_ingest.profiles import profile as profiles
from services.shared import clock
from services.shared import database as databases
from services.shared.identity.actor import machine
from services.shared.vocabulary.feeds import DeliveryDoor

if TYPE_CHECKING:
    from benchmarks.ingest import Ledger

ACTOR = machine("benchmark")


def contender(on: Stage, ledger: "Ledger", *, name: str, rows: int, count: int, writers: int) -> Contender:
    """Return the measuring of this many batches of this many rows, through this many writers at once."""

    async def rate(number: int) -> float:
        sent = batches.batches(Random(f"posting {name} {number}"), count=count, rows=rows, accounts=on.accounts)
        waiting = iter([await _ready(on, batch) for batch in sent])
        watch = Stopwatch()
        await asyncio.gather(*(_post(on, waiting) for _ in range(writers)))
        found = watch.rate(count * rows)
        ledger.add(sent)
        return found

    return rate


async def _post(on: Stage, waiting: Iterator[tuple[StoredDelivery, Sequence[Ready]]]) -> None:
    for stored, ready in waiting:
        for batch in ready:
            await databases.on_transient(partial(_commit, on, stored, batch))


async def _commit(on: Stage, stored: StoredDelivery, batch: Ready) -> None:
    async with on.card_ingest.write(actor=ACTOR) as session:
        await ingest_batches.post(session, stored, batch, now=clock.now())


async def _ready(on: Stage, batch: Batch) -> tuple[StoredDelivery, list[Ready]]:
    """Store a delivery, and prepare its batches; none of it is measured."""
    profile = profiles.load("canonical", own_folder=pipeline.own_profiles(on.card_ingest))
    new = NewDelivery(
        provider_code=filling.PROVIDER,
        door=DeliveryDoor.COMMAND_LINE,
        profile=profile.name,
        profile_version=profile.version,
        account_ref=None,
        external_id=None,
        came=keeping.fingerprint(batch.body),
        rows=batch.rows,
        received_at=clock.now(),
    )
    async with on.card_ingest.write(actor=ACTOR) as session:
        policy = await ingest_batches.policy(session, filling.PROVIDER)
        stored = await deliveries.store(session, new, keeping.chunks(batch.body, came=new.came))
    content = io.BytesIO(batch.body)
    rows = reading.rows(profile, content, account_ref=None, received_on=new.received_on, is_redacted=False)
    return stored, list(iter(lambda: ingest_batches.prepared(rows, policy), None))
