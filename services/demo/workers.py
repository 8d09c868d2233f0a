"""Processes that load at the same time, since one cannot keep two cores and the database busy; each has its share.

The loader tells every worker the stage; a worker tells how much is done, and that its share of the stage is.
"""

import asyncio
import multiprocessing
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from typing import Final, Protocol

import uvloop

from services.demo import stages
from services.demo.marks import Figures
from services.demo.stages import Done, Share, Stage
from services.shared import garbage
from services.shared.settings.installation import Settings

FEWEST_FOR_PROCESSES: Final = 400
_WORKERS: Final = 2
_STAGE_IS_DONE: Final = -1


class LoadCutOffError(RuntimeError):
    """A worker ended before its work did; loading again goes on where this one stopped."""


class Crew(Protocol):
    """Whoever loads: one process or several."""

    async def load(self, stage: Stage, *, done: Done) -> None:
        """Load a whole stage."""


class Alone:
    """One worker in this process, enough for a small county."""

    def __init__(self, at: stages.Place) -> None:
        self._at = at

    async def load(self, stage: Stage, *, done: Done) -> None:
        """Load a whole stage."""
        for share in range(_WORKERS):
            await stages.load(stage, self._at, Share(share, _WORKERS), done=done)


class Several:
    """Worker processes, each at the other end of a pipe."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    async def load(self, stage: Stage, *, done: Done) -> None:
        """Load a whole stage; raises LoadCutOffError when a worker has ended."""
        for pipe in self._pipes:
            pipe.send(stage)
        await asyncio.gather(*(_heard(pipe, done=done) for pipe in self._pipes))


@asynccontextmanager
async def crew(settings: Settings, figures: Figures, at: stages.Place) -> AsyncGenerator[Crew]:
    """Gather the workers that suit the county's size; processes are gone afterwards, whatever happened."""
    if figures.recipients < FEWEST_FOR_PROCESSES:
        yield Alone(at)
        return
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    try:
        for share in range(_WORKERS):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work, args=(theirs, settings, figures, Share(share, _WORKERS)), daemon=True
            )
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
        yield Several(pipes)
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            await asyncio.to_thread(process.join)


async def _heard(pipe: Connection, *, done: Done) -> None:
    """Hand on what a worker tells until its share of the stage is done."""
    try:
        while (said := await asyncio.to_thread(pipe.recv)) != _STAGE_IS_DONE:
            done(said)
    except (EOFError, OSError):
        raise LoadCutOffError("a worker of the demo load has ended: load again, and it goes on from here") from None


def _work(pipe: Connection, settings: Settings, figures: Figures, share: Share) -> None:
    """Be a worker: load stage after stage as told, until the loader hangs up."""
    garbage.settle()
    uvloop.run(_obey(pipe, settings, figures, share))


async def _obey(pipe: Connection, settings: Settings, figures: Figures, share: Share) -> None:
    async with stages.place(settings, figures) as at:
        try:
            while stage := await asyncio.to_thread(pipe.recv):
                await stages.load(stage, at, share, done=pipe.send)
                pipe.send(_STAGE_IS_DONE)
        except (EOFError, OSError):
            return
