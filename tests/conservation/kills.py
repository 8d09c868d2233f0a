"""Workers and servers killed at random moments, over and over; what is left at the end must be what was sent."""

import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from services.shared import embedded
from tests.conservation import arena as arenas
from tests.conservation import worker as workers
from tests.conservation.arena import Arena, Together
from tests.conservation.record import Record
from tests.conservation.worker import Place, Worker

PENDING = 3
"""Deliveries that a worker is given: it is killed before it is through."""

_TRANSACTIONS = 4
"""Within so many of its transactions a worker is killed: as many as one delivery takes."""
_SHORTER, _LONGER = 0.8, 1.03

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many were killed, where they stood, how long it took, and where the books differ from what was sent."""

    kills: int
    inside: int
    committing: int
    seconds: float
    deliveries: int
    differences: list[str]
    are_places_known: bool = True
    together: Together | None = None

    @property
    def share_inside(self) -> float:
        """The share of kills that landed inside an open transaction, its commit under way included."""
        return (self.inside + self.committing) / self.kills if self.kills else 0.0

    def sentence(self, what: str) -> str:
        """Return the figures in words."""
        where = f"{self.share_inside:.1%} inside an open transaction ({self.committing} of them while it committed); "
        return (
            f"{self.kills} {what} in {self.seconds:.1f} s: {where if self.are_places_known else ''}"
            f"{self.deliveries} deliveries{self._gathered()}; {len(self.differences)} differences"
        )

    def _gathered(self) -> str:
        if self.together is None:
            return ""
        return f" ({self.together.deliveries} of them committed with others, at most {self.together.most} at once)"


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return what came of shares that were done at the same time as one."""
    shares = [outcome.together for outcome in outcomes if outcome.together is not None]
    commits, deliveries = sum(share.commits for share in shares), sum(share.deliveries for share in shares)
    return Outcome(
        kills=sum(outcome.kills for outcome in outcomes),
        inside=sum(outcome.inside for outcome in outcomes),
        committing=sum(outcome.committing for outcome in outcomes),
        seconds=max(outcome.seconds for outcome in outcomes),
        deliveries=sum(outcome.deliveries for outcome in outcomes),
        differences=[difference for outcome in outcomes for difference in outcome.differences],
        are_places_known=all(outcome.are_places_known for outcome in outcomes),
        together=Together(commits, deliveries, max(share.most for share in shares)) if shares else None,
    )


def nothing() -> None:
    """Plant no bug."""


def silent(_done: int, _of: int) -> None:
    """Say nothing of the progress."""


class Aim:
    """How long after the beginning of a transaction to strike: at random, within the length that they have."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._most = chance, 0.0

    def wait(self, worker: Worker) -> None:
        """Wait for a random moment; how long a transaction takes is first learnt from those of the worker itself."""
        self._most = self._most or statistics.fmean(worker.lengths or [0.0])
        time.sleep(self._chance.uniform(0, self._most))

    def learn(self, place: Place) -> None:
        """Aim nearer where the last strike was too late."""
        self._most *= _SHORTER if place is Place.OUTSIDE else _LONGER


def kill_workers(
    arena: Arena, *, kills: int, seed: int, plant: Callable[[], None] = nothing, progress: Progress = silent
) -> Outcome:
    """Kill so many workers with SIGKILL, let one finish, and compare."""
    return _strike(lambda: arena, _kill_worker, kills=kills, seed=seed, plant=plant, progress=progress)


def kill_databases(
    arena: Arena,
    server: embedded.Server,
    *,
    kills: int,
    seed: int,
    plant: Callable[[], None] = nothing,
    progress: Progress = silent,
) -> Outcome:
    """Kill the database server's first process with SIGKILL so many times, start it again, and compare."""

    def standing() -> Arena:
        return arena.on(embedded.start(server.data_dir))

    strike = partial(_kill_database, server)
    return _strike(standing, strike, kills=kills, seed=seed, plant=plant, progress=progress)


def _strike(
    standing: Callable[[], Arena],
    strike: Callable[[Worker], Place],
    *,
    kills: int,
    seed: int,
    plant: Callable[[], None],
    progress: Progress,
) -> Outcome:
    chance = random.Random(seed)
    record, aim, places = Record(random.Random(seed)), Aim(chance), dict.fromkeys(Place, 0)
    pending: list[int] = []
    began = time.monotonic()
    done = turn = 0
    while done < kills:
        turn += 1
        while len(pending) < PENDING:
            pending.extend(range(len(record.deliveries), len(record.deliveries) + _grown(record)))
        arena = standing()
        if done == kills // 2:
            arenas.register_late_card(arena)
        worker = workers.fork(arena.settings, record, pending[:PENDING], turn=turn, plant=plant)
        mark = chance.randint(1, _TRANSACTIONS)
        worker.listen(until=lambda each, mark=mark: each.began >= mark or each.is_done)  # type: ignore[misc]
        if not worker.is_done:
            aim.wait(worker)
            place = strike(worker)
            aim.learn(place)
            places[place] += 1
            done += 1
            progress(done, kills)
        else:
            worker.end()
        pending = [each for each in pending if each not in worker.answered]
    arena = standing()
    failures = _finish(arena, record, pending, turn=turn + 1, plant=plant)
    seconds = time.monotonic() - began
    found = failures + arenas.differences(arena, record)
    return Outcome(kills, places[Place.INSIDE], places[Place.COMMITTING], seconds, len(record.deliveries), found)


def _finish(arena: Arena, record: Record, pending: list[int], *, turn: int, plant: Callable[[], None]) -> list[str]:
    """Let one worker take in what nobody has had an answer for, and all that was left lying; return its failure."""
    arenas.register_late_card(arena)
    last = workers.fork(arena.settings, record, pending, turn=turn, plant=plant)
    last.listen(until=lambda each: each.is_done, seconds=600)
    last.end()
    return [] if last.is_done else ["the last worker failed, though nobody killed it"]


def _kill_worker(worker: Worker) -> Place:
    return worker.end(by=signal.SIGKILL)


def _kill_database(server: embedded.Server, worker: Worker) -> Place:
    """Kill the server under a worker, which then fails by itself."""
    running = embedded.running(server.data_dir)
    assert running is not None
    place = Place(worker.place[0])
    os.kill(running.pid, signal.SIGKILL)
    worker.end()
    return place


def _grown(record: Record) -> int:
    before = len(record.deliveries)
    record.grow()
    return len(record.deliveries) - before
