"""The load that benchmarks send: every answer is looked at, and what sends it is faster than what it measures."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from benchmarks import generator, measure
from benchmarks.generator import Load

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
ASK = b"GET /%d HTTP/1.1\r\nHost: here\r\n\r\n"


@asynccontextmanager
async def answering(answer: Answer) -> AsyncGenerator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await answer(await reader.readuntil(b"\r\n\r\n"), writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def whole(status: bytes, body: bytes, *, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), headers, body)


async def test_each_request_is_sent_once_and_its_answer_measured_however_it_is_cut() -> None:
    asked: list[bytes] = []

    async def in_pieces(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(request)
        sent = whole(b"200 OK", b"body of " + request.split()[1])
        for place in range(0, len(sent), 23):
            writer.write(sent[place : place + 23])
            await writer.drain()

    requests = [ASK % number for number in range(300)]
    async with answering(in_pieces) as port:
        figures = await generator.driven(Load(host="127.0.0.1", port=port, connections=7, scripts=[requests]))
    assert sorted(asked) == sorted(requests)
    assert len(figures.milliseconds) == 300
    assert 0 < figures.percentile(50) <= figures.percentile(99)
    assert figures.kept
    assert all(body == b"body of " + request.split()[1] for request, body in figures.kept)


async def test_one_answer_of_another_status_spoils_the_figures() -> None:
    async def wrong_once(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(whole(b"503 Busy" if b"/99 " in request else b"200 OK", b""))

    requests = [ASK % number for number in range(100)]
    async with answering(wrong_once) as port:
        with pytest.raises(measure.WrongResultError, match="503"):
            await generator.driven(Load(host="127.0.0.1", port=port, connections=4, scripts=[requests]))


async def test_a_server_that_hangs_up_spoils_the_figures() -> None:
    async def hang_up(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        writer.close()

    async with answering(hang_up) as port:
        with pytest.raises(measure.WrongResultError, match="hung up"):
            await generator.driven(Load(host="127.0.0.1", port=port, connections=1, scripts=[[ASK % 1]]))


async def test_an_amendment_names_the_version_of_its_connections_last_answer() -> None:
    asked: list[int] = []

    async def next_version(request: bytes, writer: asyncio.StreamWriter) -> None:
        version = int(request.split(b'"')[1])
        asked.append(version)
        writer.write(whole(b"200 OK", b"", headers=b'ETag: "%d"\r\n' % (version + 1)))

    amend = b"PATCH /1 HTTP/1.1\r\nIf-Match: " + generator.VERSION + b"\r\n\r\n"
    async with answering(next_version) as port:
        load = Load(host="127.0.0.1", port=port, connections=2, scripts=[[amend] * 3] * 2, versions=[b'"1"', b'"50"'])
        figures = await generator.driven(load)
    assert sorted(asked) == [1, 2, 3, 50, 51, 52]
    assert figures.versions == [b'"4"', b'"53"']
