"""Connections cut at random bytes: a provider's to the HTTP door, and ours to the database."""

import asyncio
import logging
import random
import socket
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from sqlalchemy import URL

from services import together
from services.shared import clock, database, dev_tokens, driver
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from tests.builders import deliveries as build
from tests.conservation import arena as arenas
from tests.conservation import pushers, wires, worker
from tests.conservation.arena import Arena
from tests.conservation.kills import Outcome, Progress, nothing, silent
from tests.conservation.record import Record
from tests.conservation.wires import Wire
from tests.http import bearer

ATTEMPTS = 50
"""Attempts at one delivery, of which some are cut: a provider gives up later."""

Deliver = Callable[[Record, int], Awaitable[None]]


def cut_database(
    arena: Arena, *, cuts: int, seed: int, plant: Callable[[], None] = nothing, progress: Progress = silent
) -> Outcome:
    """Cut our connections to the database at so many random bytes, and compare."""
    return arenas.run(_cut_database(arena, cuts=cuts, seed=seed, plant=plant, progress=progress))


def cut_pushes(arena: Arena, *, cuts: int, seed: int, deaf: bool = False, progress: Progress = silent) -> Outcome:
    """Cut a provider's connections to the HTTP door at so many random bytes, and compare.

    A `deaf` provider takes every push for answered: the bug that is planted here is the sender's.
    """
    return arenas.run(_cut_pushes(arena, cuts=cuts, seed=seed, deaf=deaf, progress=progress))


async def _cut_database(
    arena: Arena, *, cuts: int, seed: int, plant: Callable[[], None], progress: Progress
) -> Outcome:
    address = _address(arena.settings)
    with tempfile.TemporaryDirectory(prefix="wire") as folder:
        port = int(str(address.query["port"]))
        async with wires.to_socket(Path(folder), behind=Path(str(address.query["host"])), port=port) as wire:
            near = address.update_query_dict({"host": folder})
            settings = arena.settings.model_copy(update={"database_url": _secret(arena.settings, near)})
            own = await database.connect(settings, service=Service.CARD_INGEST)
            plant()

            async def deliver(record: Record, place: int) -> None:
                await worker.receive(own, record, place)

            outcome = await _cut(arena, wire, deliver, cuts=cuts, seed=seed, progress=progress)
            await own.close()
    return outcome


async def _cut_pushes(arena: Arena, *, cuts: int, seed: int, deaf: bool, progress: Progress) -> Outcome:
    settings = arena.settings.model_copy(update={"rate_limit": "1000000/second"})
    async with _served(settings) as port, wires.to_port(port) as (wire, near_port):
        secret = await pushers.new_key(settings, port=port)
        headers = bearer(dev_tokens.sign(settings, role=Role.FEED, provider=build.PROVIDER))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{near_port}", headers=headers, timeout=30) as client:

            async def deliver(record: Record, place: int) -> None:
                body = record.body(place)
                signed = build.signed(body, secret=secret, delivery_id=f"msg_{place}", at=clock.now())
                try:
                    (await client.post(pushers.PUSH, content=body, headers=signed)).raise_for_status()
                except httpx.HTTPError:
                    if not deaf:
                        raise

            return await _cut(arena, wire, deliver, cuts=cuts, seed=seed, progress=progress)


async def _cut(arena: Arena, wire: Wire, deliver: Deliver, *, cuts: int, seed: int, progress: Progress) -> Outcome:
    """Deliver what the record has, each delivery until it is answered, cutting the wire again and again."""
    chance, record = random.Random(seed), Record(random.Random(seed))
    began, usual, place = time.monotonic(), 0, 0
    while wire.cuts < cuts:
        if place == len(record.deliveries):
            record.grow()
        before = wire.passed
        if usual:
            wires.aimed(wire, chance, usual=usual)
        if await _until_answered(wire, deliver, record, place, chance=chance, usual=usual, cuts=cuts):
            usual = max(usual, wire.passed - before)
        place += 1
        progress(min(wire.cuts, cuts), cuts)
    wire.rest = None
    while place < len(record.deliveries):
        await _until_answered(wire, deliver, record, place, chance=chance, usual=0, cuts=0)
        place += 1
    await worker.finish(arena)
    seconds = time.monotonic() - began
    found = await arenas.compared(arena, record)
    return Outcome(wire.cuts, 0, 0, seconds, len(record.deliveries), found, are_places_known=False)


async def _until_answered(
    wire: Wire, deliver: Deliver, record: Record, place: int, *, chance: random.Random, usual: int, cuts: int
) -> bool:
    """Send a delivery until it is answered; tell whether that was at the first attempt."""
    for attempt in range(ATTEMPTS):
        try:
            await deliver(record, place)
        except Exception:
            if wire.rest is None and wire.cuts < cuts and chance.random() < 0.5:
                wires.aimed(wire, chance, usual=usual)
            await asyncio.sleep(0.001)
        else:
            return attempt == 0
    raise RuntimeError(f"a delivery was not answered at {ATTEMPTS} attempts")


@asynccontextmanager
async def _served(settings: Settings) -> AsyncGenerator[int]:
    """Serve card_ingest beside the others on a port of this machine, and give the port."""
    own = {service: await database.connect(settings, service=service) for service in Service}
    listening = socket.create_server(("127.0.0.1", 0))
    complaints = logging.getLogger("uvicorn.error")
    level = complaints.level
    complaints.setLevel(logging.CRITICAL)
    app = together.Together(settings, databases=own)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        complaints.setLevel(level)
        for each in own.values():
            await each.close()


def _address(settings: Settings) -> URL:
    assert settings.database_url is not None
    return driver.driver_address(settings.database_url.get_secret_value())


def _secret(settings: Settings, address: URL) -> object:
    assert settings.database_url is not None
    return type(settings.database_url)(address.render_as_string(hide_password=False))
