"""Connections that cannot wear the server out, with no proxy before it: their number, the size and pace of what comes.

A head that is too large is answered 400; whoever is too slow to send a request, or to take its answer, is cut off.
"""

import asyncio
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HeadTooLargeError(Exception):
    """The address or the headers are larger, or the headers more, than any caller of ours needs."""


class BoundedConnection(HttpToolsProtocol):
    """One connection of uvicorn's within limits: numbers of connections and headers, bytes of address and headers,
    seconds for a whole head and for an answer to be taken, and the bytes of a body that have to come in each so many
    seconds. The connections stay below the 1,024 files that a process may have open on most systems.
    """

    most_connections: ClassVar[int] = 900
    most_headers: ClassVar[int] = 100
    longest_address: ClassVar[int] = 8_192
    largest_head: ClassVar[int] = 65_536
    head_seconds: ClassVar[float] = 10.0
    answer_seconds: ClassVar[float] = 60.0
    pace_seconds: ClassVar[float] = 10.0
    pace_bytes: ClassVar[int] = 10_240

    _head_bytes = 0
    _head_headers = 0
    _came_bytes = 0
    _in_body = False
    _waited_for: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or turn it away where there are as many as are served."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.write(_FULL)
            transport.close()
            return
        self._wait(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for."""
        self._wait(None)
        if self._reader is not None:
            self._reader.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; from the first byte after an answer, the next head has its time."""
        self._came_bytes += len(data)
        super().data_received(data)
        if self._waited_for is None and self._is_between() and not self.transport.is_closing():
            self._wait(self.head_seconds)

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        super().on_message_begin()
        self._head_bytes = self._head_headers = 0

    def on_url(self, url: bytes) -> None:
        """Add to the address. Raises HeadTooLargeError."""
        super().on_url(url)
        if len(self.url) > self.longest_address:
            raise HeadTooLargeError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header. Raises HeadTooLargeError."""
        super().on_header(name, value)
        self._head_headers += 1
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self.largest_head or self._head_headers > self.most_headers:
            raise HeadTooLargeError

    def on_headers_complete(self) -> None:
        """Have the body come at a pace from now on."""
        super().on_headers_complete()
        self._in_body, self._came_bytes = True, 0
        self._wait(self.pace_seconds)

    def on_message_complete(self) -> None:
        """Wait for nothing: the answer is ours to give."""
        super().on_message_complete()
        self._in_body = False
        self._wait(None)

    def pause_writing(self) -> None:
        """Give whoever does not take the answer a time to go on."""
        super().pause_writing()
        self._reader = self.loop.call_later(self.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        super().resume_writing()
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def _is_between(self) -> bool:
        """Tell whether the last request is answered and the next one's head has not come whole."""
        return not self._in_body and self.cycle.response_complete

    def _wait(self, seconds: float | None) -> None:
        """Wait so long for what is due, or for nothing."""
        if self._waited_for is not None:
            self._waited_for.cancel()
        self._waited_for = None if seconds is None else self.loop.call_later(seconds, self._judge)

    def _judge(self) -> None:
        """Cut off whoever sent no whole head in time, or too little of a body while we would have read more."""
        self._waited_for = None
        if self._in_body and (self.flow.read_paused or self._came_bytes >= self.pace_bytes):
            self._came_bytes = 0
            self._wait(self.pace_seconds)
        else:
            self.transport.abort()
