"""The driver's connections lent for one statement at a time, out of the engine's own pool.

A single statement is a transaction of its own and leaves nothing behind on its connection, so that none has to be reset
after it. Opening a session for it would cost three times what the statement does.
"""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple, cast

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from services.shared import driver

AT_HAND_SECONDS: Final = driver.PING_AFTER_IDLE_SECONDS
"""How long a connection that nobody asks for stays at hand; the pool then asks it whether it is alive."""


class _Lent(NamedTuple):
    pooled: PoolProxiedConnection
    connection: driver.Connection
    since: float


class Lender:
    """Lends connections; up to `at_hand` stay with it between two loans, the last returned going out first.

    They count among the engine's, so that both together never open more than the engine may. `at_hand` must leave
    enough of them to the sessions, which wait for the pool alone.
    """

    def __init__(self, engine: AsyncEngine, *, at_hand: int) -> None:
        self._engine = engine
        self._at_hand = at_hand
        self._idle: list[_Lent] = []

    async def fetch(self, statement: str, arguments: Sequence[object]) -> list[asyncpg.Record]:
        """Run one statement in its own transaction: what it wrote is committed when its rows are here.

        Whatever ends it otherwise than by PostgreSQL's own refusal (a time-out, a caller that went) ends its
        connection too, since nobody knows what is still on its way there.
        """
        lent = await self._lent()
        try:
            rows = await lent.connection.fetch(statement, *arguments)
        except asyncpg.PostgresError:
            await self._take_back(lent)
            raise
        except BaseException:
            lent.pooled.invalidate()
            raise
        await self._take_back(lent)
        return rows

    async def close(self) -> None:
        """Give what is at hand back to the pool."""
        while self._idle:
            await greenlet_spawn(self._idle.pop().pooled.close)

    async def _lent(self) -> _Lent:
        now = time.monotonic()
        while self._idle:
            lent = self._idle.pop()
            if lent.connection.is_closed():
                lent.pooled.invalidate()
            elif now - lent.since <= AT_HAND_SECONDS:
                return lent
            else:
                await greenlet_spawn(lent.pooled.close)
        pooled = await greenlet_spawn(self._engine.sync_engine.raw_connection)
        return _Lent(pooled, cast(driver.Connection, pooled.driver_connection), now)

    async def _take_back(self, lent: _Lent) -> None:
        if lent.connection.is_closed():
            lent.pooled.invalidate()
        elif len(self._idle) < self._at_hand:
            self._idle.append(lent._replace(since=time.monotonic()))
        else:
            await greenlet_spawn(lent.pooled.close)
