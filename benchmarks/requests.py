"""Ready requests sent as fast as they are answered, over connections that stay open, with little work of our own."""

import asyncio
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks import measure
from benchmarks.measure import Stopwatch

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests a second, and how long each took in milliseconds."""

    rate: float
    milliseconds: Sequence[float]

    def percentile(self, share: int) -> float:
        """Return the milliseconds within which this share (in hundredths) was answered."""
        return statistics.quantiles(self.milliseconds, n=100)[share - 1]


class Requests:
    """Requests as bytes; each must be answered by bytes that begin as expected."""

    def __init__(self, ready: Sequence[bytes], *, expected: bytes) -> None:
        self._ready = ready
        self._expected = expected

    async def sent(self, host: str, port: int, *, connections: int) -> Figures:
        """Send them all over this many connections."""
        loop = asyncio.get_running_loop()
        waiting, took = iter(self._ready), list[float]()
        ends = [loop.create_future() for _ in range(connections)]

        made = [partial(_Connection, waiting, self._expected, took, end) for end in ends]
        opened = [await loop.create_connection(connection, host, port) for connection in made]
        watch = Stopwatch()
        for transport, each in opened:
            each.begin(transport)
        await asyncio.gather(*ends)
        rate = watch.rate(len(self._ready))
        for transport, _ in opened:
            transport.close()
        return Figures(rate, took)


class _Connection(asyncio.Protocol):
    def __init__(
        self, waiting: Iterator[bytes], expected: bytes, took: list[float], end: "asyncio.Future[None]"
    ) -> None:
        self._waiting = waiting
        self._expected = expected
        self._took = took
        self._end = end
        self._answer = b""

    def begin(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self.send_next()

    def send_next(self) -> None:
        request = next(self._waiting, None)
        if request is None:
            self._end.set_result(None)
            return
        self._watch = Stopwatch()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, ended, body = self._answer.partition(_END)
        length = _LENGTH.search(head)
        if not ended or length is None or len(body) < int(length[1]):
            return
        if not head.startswith(self._expected) and not self._end.done():
            self._end.set_exception(measure.WrongResultError(f"a push was answered {head[:12]!r}"))
            return
        self._took.append(self._watch.milliseconds)
        self._answer = b""
        self.send_next()
