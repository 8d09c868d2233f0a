"""A wire between two ends that is cut at a chosen byte, whichever way that goes."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

Ends: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Wire:
    """All connections over it are cut once `rest` more bytes have gone over it, both ways counted; None for never."""

    def __init__(self, far_end: Callable[[], Awaitable[Ends]]) -> None:
        self._far_end = far_end
        self._writers: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()
        self.rest: int | None = None
        self.passed = 0
        self.cuts = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until an end hangs up or it is cut."""
        carrying = asyncio.ensure_future(self._carry(reader, writer))
        self._carrying.add(carrying)
        carrying.add_done_callback(self._carrying.discard)
        await carrying

    async def take_down(self) -> None:
        """Hang up whatever is still connected."""
        self._cut()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._far_end()
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, far_writer)
        self._writers.update(ends)
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._writers.difference_update(ends)
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while some := await reader.read(2**16):
                going = some if self.rest is None else some[: self.rest]
                writer.write(going)
                await writer.drain()
                self.passed += len(going)
                if self.rest is not None:
                    self.rest -= len(going)
                    if self.rest <= 0:
                        self.cuts += 1
                        self._cut()
                        return
            if writer.can_write_eof():
                writer.write_eof()

    def _cut(self) -> None:
        self.rest = None
        for writer in self._writers:
            writer.transport.abort()


def aimed(wire: Wire, chance: random.Random, *, usual: int) -> None:
    """Have the wire cut somewhere within what usually goes over it."""
    wire.rest = chance.randint(1, max(2, usual))


@asynccontextmanager
async def to_socket(folder: Path, *, behind: Path, port: int) -> AsyncGenerator[Wire]:
    """Lay a wire to PostgreSQL's socket in `behind`, under the same name in `folder`."""
    name = f".s.PGSQL.{port}"
    wire = Wire(lambda: asyncio.open_unix_connection(behind / name))
    server = await asyncio.start_unix_server(wire.carry, folder / name)
    try:
        yield wire
    finally:
        server.close()
        await wire.take_down()


@asynccontextmanager
async def to_port(port: int) -> AsyncGenerator[tuple[Wire, int]]:
    """Lay a wire to a port of this machine, and give the port of its near end."""
    wire = Wire(lambda: asyncio.open_connection("127.0.0.1", port))
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    try:
        yield wire, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await wire.take_down()
