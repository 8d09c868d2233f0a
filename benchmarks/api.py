"""dp_api over HTTP, one server process, against a constant answer of the same frame: reading, listing, amending."""

import asyncio
import itertools
import statistics
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import httpx

from benchmarks import measure, served, stage
from benchmarks.measure import Result, Scale, Stopwatch
from benchmarks.stage import Stage
from services.shared import dev_tokens, embedded
from services.shared.identity.roles import Role

_ACCOUNTS = 2_700
_CONNECTIONS = 16
_LIMIT_IS = "a constant answer of the same frame"

Call = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Measure requests a second and their spread; raises WrongResultError on any answer but the right one."""
    async with stage.stage(running, name="bench_api", accounts=_ACCOUNTS) as on, AsyncExitStack() as stack:
        ours = await stack.enter_async_context(_client(await stack.enter_async_context(served.served("together", on))))
        plain = await stack.enter_async_context(_client(await stack.enter_async_context(served.served("constant", on))))
        signed = dev_tokens.sign(on.settings, role=Role.CARE_WORKER, name="bench-worker", teams=["bench"])
        ours.headers["Authorization"] = f"Bearer {signed}"
        people = [row["id"] for row in await on.superuser.fetch("SELECT id FROM recipient ORDER BY id")]
        calls: dict[str, Call] = {
            "get": _reading(people),
            "list": _listing,
            "write_audit": _amending(people),
        }
        found: list[Result] = []
        for name, call in calls.items():
            report(f"api.{name}")
            found += await _measured(scale, ours, plain, name=name, call=call)
        await _prove(on, scale)
        return found


async def _measured(
    scale: Scale, ours: httpx.AsyncClient, plain: httpx.AsyncClient, *, name: str, call: Call
) -> list[Result]:
    spread: list[float] = []

    async def mine(number: int) -> float:
        taken, rate = await _load(ours, call, scale.requests)
        if number >= 0:
            spread.extend(taken)
        return rate

    async def limit(_: int) -> float:
        return (await _load(plain, _constant, scale.requests))[1]

    median = await measure.interleaved(scale, {"mine": mine, "limit": limit})
    cuts = statistics.quantiles(spread, n=100)
    return [
        Result(f"api.{name}", median["mine"], median["limit"], "req/s", _LIMIT_IS),
        Result(f"api.{name}.p99", cuts[98], cuts[49], "ms", "its own median"),
    ]


async def _load(client: httpx.AsyncClient, call: Call, requests: int) -> tuple[list[float], float]:
    """Send so many requests through the connections; return each one's milliseconds, and requests a second."""
    numbers = iter(range(requests))
    taken: list[float] = []

    async def connection(mine: int) -> None:
        for _ in numbers:
            watch = Stopwatch()
            answer = await call(client, mine)
            taken.append(watch.milliseconds)
            measure.require(answer.is_success, f"{answer.request.method} answered {answer.status_code}")

    watch = Stopwatch()
    await asyncio.gather(*(connection(number) for number in range(_CONNECTIONS)))
    return taken, watch.rate(requests)


def _client(address: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    return httpx.AsyncClient(base_url=address, limits=limits, timeout=60)


async def _constant(client: httpx.AsyncClient, _: int) -> httpx.Response:
    return await client.get("/constant")


async def _listing(client: httpx.AsyncClient, _: int) -> httpx.Response:
    return await client.get("/v1/recipients", params={"limit": 50})


def _reading(people: list[UUID]) -> Call:
    turn: Iterator[UUID] = itertools.cycle(people)

    async def read(client: httpx.AsyncClient, _: int) -> httpx.Response:
        return await client.get(f"/v1/recipients/{next(turn)}")

    return read


def _amending(people: list[UUID]) -> Call:
    """Return a call that amends a person of the connection's own, whose version it keeps."""
    versions = dict.fromkeys(range(_CONNECTIONS), '"1"')

    async def amend(client: httpx.AsyncClient, mine: int) -> httpx.Response:
        answer = await client.patch(
            f"/v1/recipients/{people[mine]}",
            json={"known_as": f"Name {uuid4().hex[:8]}"},
            headers={"If-Match": versions[mine]},
        )
        versions[mine] = answer.headers.get("ETag", "")
        return answer

    return amend


async def _prove(on: Stage, scale: Scale) -> None:
    """Every answer left its record: one read row for each read and list, one entry for each amendment."""
    sent = scale.requests * (scale.rounds + scale.warm_up)
    reads = await on.superuser.fetchval("SELECT count(*) FROM read_log")
    acts = await on.superuser.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'amend_recipient'")
    measure.require(reads == 2 * sent, f"{2 * sent} reads left {reads} records")
    measure.require(acts == sent, f"{sent} amendments left {acts} entries")
