"""The parts of the long proof, each cut into shares that run in processes of their own and come to one outcome."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from services.shared import embedded
from tests.conservation import arena as arenas
from tests.conservation import cuts, kills, mutations, pushed_kills
from tests.conservation.arena import Arena

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import SynchronizedArray

LEAST_INSIDE = 0.8
"""The share of workers' kills that must land inside an open transaction, at which they are aimed."""
ENOUGH_TO_AIM = 100
"""Fewer kills say nothing of the aim, which is learnt from kill to kill."""

Advance: TypeAlias = Callable[[int, int], None]
Outcome: TypeAlias = kills.Outcome | mutations.Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one process does of a part: how many, by which chance, in which books, with which folder."""

    count: int
    seed: int
    server: embedded.Server
    arena: Arena
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the proof: what it counts, how many, in how many processes, and how a share of it is done."""

    what: str
    count: int
    processes: int
    prove: Callable[[Share, Advance], Outcome]

    def of(self, count: int) -> "Part":
        """Return the same part, of another count."""
        return replace(self, count=count, processes=min(self.processes, count))


def parts(*, killed: int, databases: int, cut: int, mangled: int) -> list[Part]:
    """Return the parts of a proof: kills are done as often to a server of pushes as to a worker of the line."""
    all_of_them = [
        Part(what="workers killed", count=killed, processes=_processes(), prove=_workers),
        Part(what="servers killed under gathered pushes", count=killed, processes=_processes(), prove=_servers),
        Part(what="database servers killed", count=databases, processes=1, prove=_databases),
        Part(what="database servers killed under gathered pushes", count=databases, processes=1, prove=_under_pushes),
        Part(what="connections to the database cut", count=cut // 2, processes=_processes(), prove=_connections),
        Part(what="pushes cut", count=cut - cut // 2, processes=_processes(), prove=_pushes),
        Part(what="mangled files", count=mangled, processes=_processes(), prove=_mangled),
    ]
    return [part.of(part.count) for part in all_of_them if part.count]


def proved(part: Part, server: embedded.Server, folder: Path, *, seed: int, advance: Callable[[int], None]) -> Outcome:
    """Do a part in its processes, and return what came of all shares together."""
    running = embedded.start(server.data_dir)
    made = [arenas.make(running, folder, template=None) for _ in range(part.processes)]
    sizes = [part.count // part.processes + (place < part.count % part.processes) for place in range(part.processes)]
    shares = [
        Share(count=size, seed=seed + place, server=running, arena=arena, folder=folder)
        for place, (size, arena) in enumerate(zip(sizes, made, strict=True))
    ]
    forked = multiprocessing.get_context("fork")
    done = forked.Array("q", part.processes)
    with ProcessPoolExecutor(part.processes, forked, initializer=_begin, initargs=(done,)) as pool:
        under_way = [pool.submit(_share, part.prove, share, place) for place, share in enumerate(shares)]
        while wait(under_way, timeout=0.5).not_done:
            advance(sum(done[:]))
    advance(part.count)
    outcomes = [each.result() if each.exception() is None else _ended(each.exception(), folder) for each in under_way]
    if isinstance(outcomes[0], mutations.Outcome):
        return mutations.joined([each for each in outcomes if isinstance(each, mutations.Outcome)])
    return kills.joined([each for each in outcomes if isinstance(each, kills.Outcome)])


_DONE: "list[SynchronizedArray[int]]" = []


def _begin(done: "SynchronizedArray[int]") -> None:
    """Take note of where to tell how far one is; what the parsers' libraries print is left out."""
    _DONE.append(done)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _share(prove: Callable[[Share, Advance], Outcome], share: Share, place: int) -> Outcome:
    def advance(so_far: int, _of: int) -> None:
        _DONE[0][place] = so_far

    return prove(share, advance)


def _ended(fault: BaseException | None, folder: Path) -> Outcome:
    """Return the outcome of a process that has ended by itself, with the files that were at hand."""
    at_hand = [mutations.at_hand(path).hex() for path in sorted(folder.glob("at_hand_*"))]
    told = f"a process has ended by itself ({type(fault).__name__}: {fault}); files at hand: {at_hand}"
    return mutations.Outcome(0, 0, 0, 0.0, [told]) if at_hand else kills.Outcome(0, 0, 0, 0.0, 0, [told])


def _workers(share: Share, advance: Advance) -> Outcome:
    return kills.kill_workers(share.arena, kills=share.count, seed=share.seed, progress=advance)


def _servers(share: Share, advance: Advance) -> Outcome:
    return pushed_kills.kill_servers(share.arena, kills=share.count, seed=share.seed, progress=advance)


def _databases(share: Share, advance: Advance) -> Outcome:
    return kills.kill_databases(share.arena, share.server, kills=share.count, seed=share.seed, progress=advance)


def _under_pushes(share: Share, advance: Advance) -> Outcome:
    return pushed_kills.kill_databases(share.arena, share.server, kills=share.count, seed=share.seed, progress=advance)


def _connections(share: Share, advance: Advance) -> Outcome:
    return cuts.cut_database(share.arena, cuts=share.count, seed=share.seed, progress=advance)


def _pushes(share: Share, advance: Advance) -> Outcome:
    return cuts.cut_pushes(share.arena, cuts=share.count, seed=share.seed, progress=advance)


def _mangled(share: Share, advance: Advance) -> Outcome:
    own = share.folder / f"layouts_{share.seed}"
    own.mkdir(exist_ok=True)
    with mutations.noting(share.folder / f"at_hand_{share.seed}") as noted:
        return mutations.mangle(
            own, seed=share.seed, files=share.count, plant=noted, progress=lambda so_far: advance(so_far, share.count)
        )


def _processes() -> int:
    return os.cpu_count() or 1


def sentences(part: Part, outcome: Outcome) -> Sequence[str]:
    """Return what came of a part in words, and then what went wrong, one line each."""
    if isinstance(outcome, mutations.Outcome):
        return [outcome.sentence, *outcome.failures[:20]]
    is_aimed = part.prove is _workers and part.count >= ENOUGH_TO_AIM
    missed = [f"fewer than {LEAST_INSIDE:.0%} met an open transaction: the proof proves too little"]
    return [
        outcome.sentence(part.what),
        *outcome.differences,
        *(missed if is_aimed and outcome.share_inside < LEAST_INSIDE else ()),
    ]
