"""Real connections to a real server of ours whose limits are small, so that each is met in a moment."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from services.connections import BoundedConnection

WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Quick(BoundedConnection):
    """The same limits, soon reached."""

    most_connections = 5
    head_seconds = 0.3
    pace_seconds = 0.3
    pace_bytes = 100
    answer_seconds = 0.3


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, then answer with its length; `/large` answers with more than anybody takes."""
    count, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        count, more = count + len(message["body"]), message["more_body"]
    body = b"x" * 50_000_000 if scope["path"] == "/large" else b"%d" % count
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(answer, http=Quick, ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 (uvicorn tells it in no other way)
            await asyncio.sleep(0.01)
        try:
            yield int(listening.getsockname()[1])
        finally:
            server.should_exit = True
            await serving


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with served() as number:
        yield number


async def said(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """Return all that a connection answers to these bytes until it is closed, for five seconds at most."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
    found = b""
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(5):
            found = await reader.read()
    writer.close()
    return found


async def test_a_whole_request_is_answered_however_it_is_cut(port: int) -> None:
    last = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde"
    assert (await said(port, last)).endswith(b"5")
    assert (await said(port, *(last[place : place + 9] for place in range(0, len(last), 9)))).endswith(b"5")
    assert (await said(port, WHOLE * 3 + last)).count(b"HTTP/1.1 200") == 4


async def test_a_head_that_does_not_come_whole_in_time_is_cut_off(port: int) -> None:
    for parts in (
        (b"",),
        (b"GET / HT",),
        (b"GET / HTTP/1.1\r\n", b"X-A: 1\r\n"),
        (b"\r\n",),
        (WHOLE, b"\r\n", b"GET "),
    ):
        assert b" 500 " not in await said(port, *parts)
    slowly = (b"GET / HTTP/1.1\r\n", *[b"X-A: 1\r\n"] * 60)
    assert await said(port, *slowly, pause=0.05) == b""


async def test_a_body_that_comes_too_slowly_is_cut_off_and_a_slow_enough_one_is_not(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 600\r\n\r\n"
    assert await said(port, head, *[b"x"] * 30, pause=0.05) == b""
    assert (await said(port, head, *[b"x" * 60] * 10, pause=0.1)).endswith(b"600")


async def test_an_answer_that_nobody_takes_is_given_up(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(1)
    with suppress(ConnectionError):
        assert len(await reader.read()) < 50_000_000
    writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-A: 1\r\n" * 101 + b"\r\n",
        b"GET / HTTP/1.1\r\nX-A: " + b"a" * 66_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-A: " + b"a" * 9_000 + b"\r\n" + b"X-B: 1\r\n" * 200 + b"\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n",
    ],
    ids=["address", "number", "one", "both", "trailers"],
)
async def test_a_head_beyond_its_limits_is_400_and_closes_the_connection(port: int, head: bytes) -> None:
    assert (await said(port, head)).startswith((b"HTTP/1.1 400 ", b""))
    assert b" 200 " not in await said(port, head)


async def test_no_more_connections_are_kept_than_may_be_and_those_kept_are_served(port: int) -> None:
    async with asyncio.timeout(5):
        kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(Quick.most_connections)]
        turned_away = await said(port)
        assert turned_away.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in turned_away
        for reader, writer in kept:
            writer.write(WHOLE)
            assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
            writer.close()


async def test_a_web_socket_is_not_opened(port: int) -> None:
    asked = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert b" 101 " not in await said(port, asked)
