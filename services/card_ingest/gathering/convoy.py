"""The convoys of small pushes: one transaction for all who have come since the last began, and an answer for each."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import Engine

from services.card_ingest import batches, convoys, pipeline
from services.card_ingest.convoys import Convoy, Later
from services.card_ingest.gathering import one_commit, small_pushes
from services.card_ingest.gathering.small_pushes import Known, Odd, Push, Small
from services.card_ingest.gathering.turns import Answer, Turns, Way
from services.card_ingest.pipeline import Delivery
from services.card_ingest.schemas import Receipt
from services.shared.database import Database

MOST: Final = 128
"""Deliveries of one transaction."""

SMALL_BYTES: Final = 16_384

log: Final = structlog.get_logger("dp.card_ingest.gathering")

_LEAVING: Final[set[asyncio.Task[None]]] = set()
_CONVOYS: Final[WeakKeyDictionary[Engine, dict[str, Convoy[Known, Answer]]]] = WeakKeyDictionary()


async def receive(database: Database, delivery: Delivery, *, now: datetime) -> Receipt:
    """Take a pushed delivery in, together with others where it is small; answered after the commit. As `pipeline`'s.

    Small pushes to this process that name the same event are taken in one after another, in the order they came.
    """
    push = Push(delivery, now)
    try:
        if isinstance(delivery.body, bytes) and len(delivery.body) <= SMALL_BYTES:
            answer = await _convoy(database, delivery.provider).join(push)
            if isinstance(answer, Receipt):
                return answer
            await _all_over(answer)
        return await pipeline.receive(database, delivery, now=now, at_once=pipeline.POSTED_AT_ONCE)
    finally:
        _leave(push)


def _leave(push: Push) -> None:
    """Let those after it go; who gives up while waiting lets them go once those before it are over, and no sooner."""
    before = [earlier for earlier in push.behind if not earlier.over.is_set()]
    push.behind.clear()
    if not before:
        push.over.set()
        return
    leaving = asyncio.create_task(_all_over(before))
    leaving.add_done_callback(lambda _: push.over.set())
    _LEAVING.add(leaving)
    leaving.add_done_callback(_LEAVING.discard)


async def _all_over(pushes: Sequence[Push]) -> None:
    for push in pushes:
        await push.over.wait()


def _convoy(database: Database, provider: str) -> Convoy[Known, Answer]:
    of_database = _CONVOYS.setdefault(database.engine.sync_engine, {})
    if provider not in of_database:
        of_database[provider] = convoys.Convoy(partial(_take_in, database, Turns()), at_most=MOST)
    return of_database[provider]


async def _take_in(database: Database, turns: Turns, asked: Sequence[Known]) -> Sequence[Answer | Later[Known]]:
    """Return the receipt of each push that could go with the others; of one that goes alone, who goes before it."""
    try:
        found = await _read(database, asked)
    except Exception as fault:  # Alone, each is told what is wrong with it, and none suffers by another.
        _log_failure(asked, fault)
        return [()] * len(asked)
    ways = turns.ways(found)
    going = [each for each, way in zip(found, ways, strict=True) if isinstance(each, Small) and way is Way.TOGETHER]
    return turns.answers(found, ways, await _receipts(database, going))


async def _read(database: Database, asked: Sequence[Known]) -> list[Small | Odd]:
    provider = small_pushes.push(asked[0]).delivery.provider
    async with database.read() as session:
        policy = await batches.policy(session, provider)
    return await asyncio.to_thread(small_pushes.all_read, database, asked, policy)


async def _receipts(database: Database, going: Sequence[Small]) -> Mapping[UUID, Receipt | None]:
    try:
        return await one_commit.take_in(database, going)
    except Exception as fault:  # As above.
        _log_failure(going, fault)
        return {}


def _log_failure(pushes: Sequence[Known], fault: Exception) -> None:
    log.error("gathering_failed", deliveries=len(pushes), error=type(fault).__name__)
