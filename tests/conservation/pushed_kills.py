"""Server processes, and the database under them, killed while pushes are gathered: what was answered is in the books.

What the outside knows is who was answered 202. That must be stored, once and to the penny. Who was not answered sends
again, most at once and some only at the end: of those all was there or nothing.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services.shared import embedded
from services.shared.settings.installation import Settings
from tests.conservation import arena as arenas
from tests.conservation import pushers, servers, worker
from tests.conservation.arena import Arena
from tests.conservation.kills import Outcome, Progress, nothing, silent
from tests.conservation.pushers import Answers, Pushers
from tests.conservation.record import SMALL_DELIVERIES_OF_A_BLOCK, Record
from tests.conservation.servers import Server
from tests.conservation.worker import Place

PUSHES = 24
"""Deliveries that are pushed to a server: it is killed before it is through."""
_ANSWERS = 10
"""After so many answers at most it is struck."""

_AT_THE_END = 0.1
"""How often a provider that was not answered sends again only at the end."""
_LONGEST_WAIT = 0.02
"""Seconds after one of the answers within which to strike: a commit of a dozen pushes is about as long."""
_LONGEST_WAIT_FOR_A_DATABASE = 0.05
"""As above; a database is killed more seldom, so that a moment that is missed costs little."""
_UNLIMITED = {"rate_limit": "1000000/second", "feed_rate_limit": "1000000/second"}


@dataclass(slots=True)
class _Proof:
    """One proof as it goes on: the books, the record, and what has been answered so far."""

    arena: Arena
    plant: Callable[[], None]
    chance: random.Random
    record: Record
    longest_wait: float
    secret: str = ""
    answers: Answers = field(default_factory=Answers)
    put_off: set[int] = field(default_factory=set)
    pending: list[int] = field(default_factory=list)

    def settings(self) -> Settings:
        """Return the settings of a server, which keeps nobody waiting for his rate."""
        return self.arena.settings.model_copy(update=_UNLIMITED)

    def server(self) -> Server:
        """Start a server."""
        app = servers.application(self.settings())
        return servers.fork(app, self.settings(), plant=self.plant)

    def next_pushes(self) -> list[int]:
        """Return what is pushed next: what was not answered, but for what is put off, and then what is new."""
        self.put_off |= {place for place in sorted(self.answers.in_doubt) if self.chance.random() < _AT_THE_END}
        left = [place for place in self.pending if place not in self.answers.stored | self.put_off]
        while len(left) < PUSHES:
            begun = len(self.record.deliveries)
            self.record.grow()
            left.extend(range(begun, len(self.record.deliveries)))
        self.pending = left
        return left[:PUSHES]

    def pushers(self, server: Server) -> Pushers:
        """Return the provider's machines, which push to this server."""
        return Pushers(self.arena.settings, self.record, server.port, self.secret)


def kill_servers(
    arena: Arena, *, kills: int, seed: int, plant: Callable[[], None] = nothing, progress: Progress = silent
) -> Outcome:
    """Kill so many server processes with SIGKILL while they are pushed to, send what is owed again, and compare."""

    def strike(server: Server) -> Place:
        return server.end()

    outcome, answers = _struck(
        lambda: arena, strike, kills=kills, seed=seed, plant=plant, progress=progress, longest_wait=_LONGEST_WAIT
    )
    if answers.failed:
        outcome.differences.append(f"pushes answered with a fault of ours, though all else stood: {answers.failed}")
    return outcome


def kill_databases(
    arena: Arena,
    server: embedded.Server,
    *,
    kills: int,
    seed: int,
    plant: Callable[[], None] = nothing,
    progress: Progress = silent,
) -> Outcome:
    """Kill the database server under a server process that is pushed to, so many times, start it again, and compare."""

    def standing() -> Arena:
        return arena.on(embedded.start(server.data_dir))

    def strike(pushed_to: Server) -> Place:
        running = embedded.running(server.data_dir)
        assert running is not None
        place = pushed_to.stands()
        os.kill(running.pid, signal.SIGKILL)
        return place

    wait = _LONGEST_WAIT_FOR_A_DATABASE
    outcome, _ = _struck(standing, strike, kills=kills, seed=seed, plant=plant, progress=progress, longest_wait=wait)
    return outcome


def _struck(
    standing: Callable[[], Arena],
    strike: Callable[[Server], Place],
    *,
    kills: int,
    seed: int,
    plant: Callable[[], None],
    progress: Progress,
    longest_wait: float,
) -> tuple[Outcome, Answers]:
    places, began = dict.fromkeys(Place, 0), time.monotonic()
    record = Record(random.Random(seed), deliveries_of_a_block=SMALL_DELIVERIES_OF_A_BLOCK)
    proof = _Proof(standing(), plant, random.Random(seed), record, longest_wait)
    _let_a_key_be_made(proof)
    for done in range(1, kills + 1):
        proof.arena = standing()
        if done == kills // 2:
            arenas.register_late_card(proof.arena)
        places[_strike_once(proof, strike)] += 1
        progress(done, kills)
    proof.arena = standing()
    found = _settled(proof)
    seconds = time.monotonic() - began
    gathered = arenas.run(arenas.together(proof.arena))
    counts = (kills, places[Place.INSIDE], places[Place.COMMITTING], seconds, len(record.deliveries))
    return Outcome(*counts, found, together=gathered), proof.answers


def _let_a_key_be_made(proof: _Proof) -> None:
    server = proof.server()
    proof.secret = arenas.run(pushers.new_key(proof.arena.settings, port=server.port))
    server.end()


def _strike_once(proof: _Proof, strike: Callable[[Server], Place]) -> Place:
    """Push to a server and strike at a random moment after a random number of answers; return where it stood."""
    pushes = proof.next_pushes()
    mark = len(proof.answers.stored) + proof.chance.randint(0, _ANSWERS)
    wait = proof.chance.uniform(0, proof.longest_wait)
    server, struck = proof.server(), list[Place]()

    async def both() -> None:
        enough, pusher = asyncio.Event(), proof.pushers(server)

        def until() -> bool:
            if len(proof.answers.stored) >= mark:
                enough.set()
            return bool(struck)

        pushing = asyncio.ensure_future(pusher.push(pushes, proof.answers, until=until))
        pushing.add_done_callback(lambda _: enough.set())
        await enough.wait()
        await asyncio.sleep(wait)
        struck.append(strike(server))
        await pushing

    arenas.run(both())
    if not _is_gone(server):
        server.end()
    return struck[0]


def _is_gone(server: Server) -> bool:
    return server.place.closed


def _settled(proof: _Proof) -> list[str]:
    """Let a last server take in what is owed, and return where books and record differ before and after all of it is
    pushed once more.
    """
    stored = arenas.run(arenas.stored(proof.arena))
    lost = sum(f"msg_{place}" not in stored for place in proof.answers.stored)
    server = proof.server()
    try:
        owed = [place for place in range(len(proof.record.deliveries)) if place not in proof.answers.stored]
        arenas.run(proof.pushers(server).push(owed, proof.answers, until=lambda: False))
        found = arenas.run(_compared(proof))
        arenas.run(proof.pushers(server).push_again(proof.answers))
    finally:
        server.end()
    counts = {
        "answered as stored, and not there": lost,
        "not answered by a server that nobody killed": len(proof.answers.in_doubt),
        "answered, and unknown when sent again": proof.answers.not_known_again,
    }
    found += [f"pushes {what}: {count}" for what, count in counts.items() if count]
    found += [f"pushes answered with {status}: {count}" for status, count in proof.answers.odd.items() if count]
    return found + [f"after all was sent again: {each}" for each in arenas.run(_compared(proof)) if each not in found]


async def _compared(proof: _Proof) -> list[str]:
    await worker.finish(proof.arena)
    return await arenas.compared(proof.arena, proof.record)
