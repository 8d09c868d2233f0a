"""Load from a process of its own, so that whoever measures a server does not share its work: ready requests over raw
sockets, one loop, every answer's status looked at and some answers kept for whoever asked to judge.

`python -m benchmarks.generator` reads a `Load` from its input and writes `Figures` to its output, as MessagePack.
"""

import asyncio
import gc
import re
import selectors
import socket
import statistics
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Final

import msgspec

from benchmarks import measure

VERSION: Final = b"@version@"
"""Stands in a request for the ETag of the answer before it on the same connection."""
SECONDS: Final = 110.0
"""A load that takes longer is stopped: it would measure a neighbour's work too."""

_KEPT_EACH: Final = 256
_BUFFER: Final = 1 << 16
_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ETAG: Final = re.compile(rb"\r\netag: *([^\r]+)", re.IGNORECASE)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Requests as bytes: one script that all connections share, or one for each. All are answered with `status`."""

    host: str
    port: int
    connections: int
    scripts: Sequence[Sequence[bytes]]
    status: int = 200
    versions: Sequence[bytes] = ()


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Requests a second, each one's milliseconds, the last version seen by each connection, and some whole answers."""

    rate: float
    milliseconds: Sequence[float]
    versions: Sequence[bytes]
    kept: Sequence[tuple[bytes, bytes]]
    """A request, and the body that it was answered with."""

    def percentile(self, share: int) -> float:
        """Return the milliseconds within which this share (in hundredths) was answered."""
        return statistics.quantiles(self.milliseconds, n=100)[share - 1]


async def driven(load: Load) -> Figures:
    """Send a load from a process of its own. Raises WrongResultError for an answer of another status, or none."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.generator", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    figures, trouble = await process.communicate(msgspec.msgpack.encode(load))
    said = (trouble.decode().strip().splitlines() or ["nothing said"])[-1]
    measure.require(process.returncode == 0, f"the load ended: {said}")
    return msgspec.msgpack.decode(figures, type=Figures)


class WrongAnswerError(RuntimeError):
    """An answer was not of the status that the load expects, or the server hung up."""


class _Connection:
    """One connection: a request at a time, the next as soon as the one before is answered."""

    def __init__(self, load: Load, script: Iterator[bytes], version: bytes) -> None:
        self.socket = socket.create_connection((load.host, load.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.version = version
        self.request = b""
        self._script = script
        self._expected = f"HTTP/1.1 {load.status} ".encode()
        self._amends = False
        self._began = 0.0
        self._answer = b""
        self._head_ends = self._whole = 0

    def ask(self) -> bool:
        """Send the next request; False where there is none."""
        request = next(self._script, None)
        if request is None:
            return False
        self._amends = VERSION in request
        self.request = request.replace(VERSION, self.version) if self._amends else request
        self._answer, self._whole = b"", 0
        self._began = perf_counter()
        self.socket.sendall(self.request)
        return True

    def take(self) -> float | None:
        """Take what has come of the answer; the milliseconds it took once it is whole. Raises WrongAnswerError."""
        came = self.socket.recv(_BUFFER)
        if not came:
            raise WrongAnswerError(f"the server hung up after {self._answer[:12]!r}")
        self._answer += came
        if not self._whole and not self._head_is_read():
            return None
        return (perf_counter() - self._began) * 1_000 if len(self._answer) >= self._whole else None

    def body(self) -> bytes:
        """Return the body of the answer that is whole."""
        return self._answer[self._head_ends :]

    def _head_is_read(self) -> bool:
        if (end := self._answer.find(_END)) < 0:
            return False
        if not self._answer.startswith(self._expected):
            raise WrongAnswerError(f"a request was answered {self._answer[:12]!r}, not {self._expected!r}")
        length = _LENGTH.search(self._answer, 0, end)
        self._head_ends = end + len(_END)
        self._whole = self._head_ends + int(length[1] if length else 0)
        if self._amends and (tag := _ETAG.search(self._answer, 0, end)):
            self.version = tag[1]
        return True


def sent(load: Load) -> Figures:
    """Send a load, and return what was measured. Raises WrongAnswerError, TimeoutError."""
    shared = [iter(script) for script in load.scripts]
    scripts = shared * load.connections if len(shared) == 1 else shared
    versions = load.versions or [b'"1"'] * load.connections
    connections = [_Connection(load, script, version) for script, version in zip(scripts, versions, strict=True)]
    try:
        return _measured(connections)
    finally:
        for connection in connections:
            connection.socket.close()


def _measured(connections: Sequence[_Connection]) -> Figures:
    took: list[float] = []
    kept: list[tuple[bytes, bytes]] = []
    with selectors.DefaultSelector() as ready:
        for connection in connections:
            ready.register(connection.socket, selectors.EVENT_READ, connection)
        began = perf_counter()
        busy = sum(connection.ask() for connection in connections)
        while busy:
            for key, _ in ready.select(SECONDS):
                connection = key.data
                if (milliseconds := connection.take()) is None:
                    continue
                if len(took) % _KEPT_EACH == 0:
                    kept.append((connection.request, connection.body()))
                took.append(milliseconds)
                busy -= not connection.ask()
            if perf_counter() - began > SECONDS:
                raise TimeoutError(f"{len(took)} requests were answered within {SECONDS:.0f} s")
        rate = len(took) / (perf_counter() - began)
    return Figures(rate=rate, milliseconds=took, versions=[each.version for each in connections], kept=kept)


if __name__ == "__main__":
    asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Load)
    gc.disable()
    try:
        sys.stdout.buffer.write(msgspec.msgpack.encode(sent(asked)))
    except (WrongAnswerError, OSError) as error:
        sys.exit(str(error))
