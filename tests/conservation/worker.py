"""A worker process: forked off a warmed one, it takes deliveries in and tells what it does until it is killed."""

import asyncio
import mmap
import os
import select
import signal
import struct
import time
import warnings
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.card_ingest import batches, pipeline
from services.shared import clock, database
from services.shared.database import Database, WriteSession
from services.shared.settings.installation import Settings
from services.shared.vocabulary.feeds import DeliveryDoor
from services.shared.vocabulary.records import Service
from tests.builders import deliveries as build
from tests.conservation import arena as arenas
from tests.conservation.arena import AFTERWARDS, Arena
from tests.conservation.record import Record

ROWS_OF_A_BATCH = 5
_MESSAGE = struct.Struct("=ci")
_BEGAN, _ENDED, _ANSWERED, _DONE = b"b", b"e", b"a", b"d"


class Place(IntEnum):
    """Where a worker stands, as it notes for whoever kills it."""

    OUTSIDE = 0
    INSIDE = 1
    COMMITTING = 2


@dataclass(slots=True)
class Worker:
    """A running worker as its parent sees it."""

    pid: int
    reports: int
    place: mmap.mmap
    answered: set[int] = field(default_factory=set)
    began: int = 0  # transactions, and the seconds that those took which have ended
    lengths: list[float] = field(default_factory=list)
    is_done: bool = False

    def listen(self, *, until: Callable[["Worker"], bool], seconds: float = 60.0) -> None:
        """Take reports in until something is so, or the worker has ended."""
        deadline = time.monotonic() + seconds
        while not until(self) and (rest := deadline - time.monotonic()) > 0:
            if select.select([self.reports], [], [], rest)[0] and not self._take_in():
                return
        if not until(self):
            raise TimeoutError(f"the worker said nothing for {seconds:.0f} s")

    def end(self, *, by: int | None = None) -> Place:
        """Wait until it has ended, killed first if asked to; return where it stood, with all its reports taken in."""
        if by is not None:
            os.kill(self.pid, by)
        os.waitpid(self.pid, 0)
        place = Place(self.place[0])
        while self._take_in():
            pass
        os.close(self.reports)
        self.place.close()
        return place

    def _take_in(self) -> bool:
        """Take in the reports that are there; false at their end."""
        come = os.read(self.reports, _MESSAGE.size * 4096)
        for kind, number in _MESSAGE.iter_unpack(come[: len(come) // _MESSAGE.size * _MESSAGE.size]):
            self.began += kind == _BEGAN
            self.is_done |= kind == _DONE
            if kind == _ENDED:
                self.lengths.append(number / 1e6)
            if kind == _ANSWERED:
                self.answered.add(number)
        return bool(come)


def fork(settings: Settings, record: Record, pending: Sequence[int], *, turn: int, plant: Callable[[], None]) -> Worker:
    """Start a worker on these deliveries; `plant` plants a bug in it alone (or nothing).

    `turn` counts the workers: to each later one, what the earlier ones left counts as abandoned.
    """
    reports, report = os.pipe()
    place = mmap.mmap(-1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(report)
        return Worker(pid, reports, place)
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.close(reports)
        plant()
        now = AFTERWARDS + turn * (AFTERWARDS - build.NOW)
        asyncio.run(_live(settings, record, pending, Notes(place, report), now))
        os._exit(0)
    except BaseException:  # The parent reads what was answered; a crashed worker is one of the cases under test.
        os._exit(1)


async def receive(own: Database, record: Record, place: int) -> None:
    """Take one delivery of the record in, as a provider pushes it: the same bytes under the same id each time."""
    named: dict[str, Any] = {"door": DeliveryDoor.SIGNED_PUSH, "external_id": f"msg_{place}"}
    await build.receive(own, record.body(place), **named)


async def catch_up(own: Database, *, now: datetime) -> int:
    """Post what crashed workers left, and what waits for something that is there by now; return how many moved."""
    resumed = await pipeline.resume(own, actor=build.ACTOR, now=now)
    return resumed + await pipeline.release_waiting(own, actor=build.ACTOR, now=now)


async def finish(arena: Arena) -> None:
    """Post what was cut off and what waited for its card, as the jobs do, by a worker that nobody disturbs."""
    await arenas.late_card(arena)
    own = await database.connect(arena.settings, service=Service.CARD_INGEST)
    now = max(AFTERWARDS, clock.now() + timedelta(minutes=10))
    while await catch_up(own, now=now):
        now += timedelta(minutes=10)
    await own.close()


@dataclass(frozen=True, slots=True)
class Notes:
    """What a process leaves for whoever kills it: where it stands, and over a pipe what it does."""

    place: mmap.mmap
    report: int

    def stand(self, place: Place) -> None:
        """Note where it stands."""
        self.place[0] = place

    def tell(self, kind: bytes, number: int = 0) -> None:
        """Report something that has happened."""
        os.write(self.report, _MESSAGE.pack(kind, number))


async def _live(settings: Settings, record: Record, pending: Sequence[int], notes: Notes, now: datetime) -> None:
    batches.ROWS = ROWS_OF_A_BATCH  # type: ignore[misc]
    watch(notes)
    own = await database.connect(settings, service=Service.CARD_INGEST)
    await catch_up(own, now=now)
    for place in pending:
        await receive(own, record, place)
        notes.tell(_ANSWERED, place)
    while await catch_up(own, now=now):
        pass
    notes.tell(_DONE)


def watch(notes: Notes) -> None:
    """Have every write session note where it stands: inside from its first statement on until its commit is through.

    Where several are open at once, the one that has come furthest is noted.
    """
    write, commit, roll_back = Database.write, WriteSession.commit, WriteSession.rollback
    open_ones: dict[int, Place] = {}

    def stand() -> None:
        notes.stand(max(open_ones.values(), default=Place.OUTSIDE))

    @asynccontextmanager
    async def noted(self: Database, **named: Any) -> AsyncGenerator[WriteSession]:
        began = time.perf_counter()
        own = -1
        try:
            async with write(self, **named) as session:
                own = id(session)
                await session.execute(text("SELECT 1"))
                open_ones[own] = Place.INSIDE
                stand()
                notes.tell(_BEGAN)
                yield session
        finally:
            open_ones.pop(own, None)
            stand()
            notes.tell(_ENDED, int((time.perf_counter() - began) * 1e6))

    async def noted_commit(self: WriteSession) -> None:
        open_ones[id(self)] = Place.COMMITTING
        stand()
        await commit(self)
        open_ones.pop(id(self), None)
        stand()

    async def noted_rollback(self: AsyncSession) -> None:
        await roll_back(self)
        open_ones.pop(id(self), None)
        stand()

    Database.write = noted  # type: ignore[method-assign]
    WriteSession.commit = noted_commit  # type: ignore[method-assign]
    WriteSession.rollback = noted_rollback  # type: ignore[method-assign]
