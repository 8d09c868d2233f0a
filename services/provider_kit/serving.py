"""A provider with an interface of its own: `GET /events?after=&limit=`, the worked example of the polling door.

It answers as real ones do: more events as time goes by, now and then too busy, and never before the token is checked.
"""

import asyncio
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs

import uvicorn

from services.provider_kit.stories import Event

PATH: Final = "/events"
LARGEST_PAGE: Final = 1_000
_BUSY: Final = 0.05

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


@dataclass(slots=True)
class Interface:
    """The provider's events in their order, of which so many a second become known; the cursor is a place in them."""

    events: Sequence[Event]
    token: str = field(repr=False)
    rate: float
    random: Random
    began: float = field(default_factory=time.monotonic)
    pages: int = 0
    too_busy: int = 0
    reached: int = 0

    @property
    def known(self) -> int:
        """How many events have become known by now."""
        return min(len(self.events), int((time.monotonic() - self.began) * self.rate))

    async def __call__(self, scope: Message, _receive: object, send: Send) -> None:
        """Answer one request (ASGI)."""
        status, answer, headers = self._answer(scope)
        fields = [(b"content-type", b"application/json"), *headers]
        await send({"type": "http.response.start", "status": status.value, "headers": fields})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def _answer(self, scope: Message) -> tuple[HTTPStatus, dict[str, Any], list[tuple[bytes, bytes]]]:
        sent = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(sent, f"Bearer {self.token}".encode()):
            return HTTPStatus.UNAUTHORIZED, {"error": "unauthorised"}, []
        if scope["path"] != PATH or scope["method"] != "GET":
            return HTTPStatus.NOT_FOUND, {"error": "there is only GET /events"}, []
        asked = parse_qs(scope["query_string"].decode())
        after, limit = (asked.get(name, [default])[0] for name, default in (("after", "0"), ("limit", "100")))
        if not (after.isdigit() and limit.isdigit() and int(after) <= len(self.events)):
            return HTTPStatus.BAD_REQUEST, {"error": "after or limit is none of ours"}, []
        if self.random.random() < _BUSY:
            self.too_busy += 1
            return HTTPStatus.TOO_MANY_REQUESTS, {"error": "too busy"}, [(b"retry-after", b"1")]
        return HTTPStatus.OK, self._page(int(after), min(int(limit), LARGEST_PAGE)), []

    def _page(self, after: int, limit: int) -> dict[str, Any]:
        known = self.known
        end = min(after + limit, known)
        self.pages += 1
        self.reached = max(self.reached, after)
        events = list(self.events[after:end])
        return {"events": events, "next_cursor": str(max(after, end)), "has_more": end < known}


@asynccontextmanager
async def served(interface: Interface, *, port: int) -> AsyncIterator[str]:
    """Serve the interface on this machine for the block, and give its address. Raises OSError where it cannot."""
    config = uvicorn.Config(interface, log_config=None, access_log=False, lifespan="off", interface="asgi3")
    server = _Server(config)
    with socket.create_server(("127.0.0.1", port)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            interface.began = time.monotonic()
            yield f"http://127.0.0.1:{listening.getsockname()[1]}{PATH}"
        finally:
            server.should_exit = True
            await asyncio.wait([serving])


class _Server(uvicorn.Server):
    """A server beside other work, which leaves Ctrl-C to it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield
