"""card_ingest against django-hordak's `bulk_create` in the same run, on the same server, in batches of a thousand.

The work is not the same: hordak writes two legs and neither de-duplicates nor categorises; we write one row, its
balance and its place in the books. Left out where `make bench PEERS=1` has not installed it.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import hordak_rows, ingest, measure, posting, stage
from benchmarks.ingest import Ledger
from benchmarks.measure import Result, Scale
from services.shared import embedded

_BATCHES = 5
_INSTALLED = Path(__file__).resolve().parents[1] / ".peers"


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Measure posting batches of a thousand rows (stage to commit) against booking a thousand transfers."""
    if not (_INSTALLED / "hordak").is_dir():
        report("no peer: make bench PEERS=1 installs django-hordak beside us")
        return []
    report("peers.hordak")
    embedded.create_database_if_missing(running, database="hordak")
    ledger = Ledger()
    async with (
        stage.stage(running, name="bench_peers", accounts=scale.accounts) as on,
        _hordak(running) as peer,
    ):

        async def theirs(number: int) -> float:
            rates = [await _told(peer) for _ in range(_BATCHES)]
            return len(rates) / sum(1 / rate for rate in rates)

        ours = posting.contender(on, ledger, name="peer", rows=hordak_rows.ROWS, count=_BATCHES, writers=1)
        median = await measure.interleaved(scale, {"ours": ours, "theirs": theirs})
        await ingest.prove(on, ledger)
    limit_is = "django-hordak bulk_create of transfers with two legs, 1,000 a batch"
    return [Result("peers.hordak", median["ours"], median["theirs"], "rows/s", limit_is, at_least=5.0, aim=10.0)]


@asynccontextmanager
async def _hordak(running: embedded.Server) -> AsyncGenerator[Process]:
    address = ("hordak", "postgres", str(running.socket_dir), str(running.port))
    peer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.hordak_process",
        *address,
        stdin=PIPE,
        stdout=PIPE,
        env=os.environ | {"PYTHONPATH": str(_INSTALLED)},
    )
    try:
        measure.require(await _line(peer) == "ready", "hordak did not start")
        yield peer
    finally:
        if peer.stdin is not None:
            peer.stdin.close()
        await peer.wait()


async def _told(peer: Process) -> float:
    assert peer.stdin is not None
    peer.stdin.write(b"go\n")
    await peer.stdin.drain()
    return float(await _line(peer))


async def _line(peer: Process) -> str:
    assert peer.stdout is not None
    return (await peer.stdout.readline()).decode().strip()
