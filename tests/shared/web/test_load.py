import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from services.card_ingest.endpoints import bodies
from services.shared.errors import Unavailable
from services.shared.identity.roles import Role
from services.shared.web.errors import BodyTooLarge
from services.shared.web.load import Hold, Load, held
from tests.shared.web.conftest import ClientOf

JSON = {"Content-Type": "application/json", "Idempotency-Key": "12345678"}
MOST = 1_000


class BrokenOffError(Exception):
    """The caller is gone."""


def a_load(*, most_requests: int = 10, most_bytes: int = MOST) -> Load:
    return Load(most_requests=most_requests, most_bytes=most_bytes)


Part = st.one_of(st.integers(0, 700), st.sampled_from(["disconnect", "error", "cancel"]))


@given(st.lists(st.lists(Part, max_size=6), max_size=8))
def test_however_requests_end_the_bytes_they_held_are_given_back(requests: list[list[int | str]]) -> None:
    load = a_load()

    async def one(parts: list[int | str]) -> None:
        async def receive() -> dict[str, object]:
            await asyncio.sleep(0)
            part = parts.pop(0) if parts else "disconnect"
            if part == "disconnect":
                return {"type": "http.disconnect"}
            if part == "error":
                raise BrokenOffError
            if part == "cancel":
                raise asyncio.CancelledError
            assert isinstance(part, int)
            return {"type": "http.request", "body": bytes(part), "more_body": True}

        with load.hold() as own:
            message = await held(receive, own, at_most=MOST)()
            while message["type"] == "http.request":
                assert 0 <= load.bytes <= MOST
                message = await held(receive, own, at_most=MOST)()

    async def all_at_once() -> None:
        await asyncio.gather(*(one(list(parts)) for parts in requests), return_exceptions=True)

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(all_at_once())
    assert load.bytes == 0


def test_a_body_is_refused_as_soon_as_it_is_larger_than_is_taken() -> None:
    load = a_load()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": bytes(60), "more_body": True}

    async def read() -> int:
        read_bytes = 0
        with load.hold() as own:
            come = held(receive, own, at_most=100)
            read_bytes += len((await come())["body"])
            with pytest.raises(BodyTooLarge):
                await come()
        return read_bytes

    assert asyncio.run(read()) == 60
    assert load.bytes == 0


def test_a_compressed_body_is_counted_by_what_it_unpacks_to() -> None:
    load, bomb = a_load(most_bytes=100_000), gzip.compress(bytes(1_000_000))
    with load.hold() as own, pytest.raises(Unavailable):
        bodies.inflated(bomb, at_most=10_000_000, hold=own)
    with load.hold() as own:
        assert len(bodies.inflated(gzip.compress(bytes(50_000)), at_most=100_000, hold=own)) == 50_000
        assert load.bytes == 50_000
    assert load.bytes == 0


def test_a_thread_that_outlives_its_request_holds_nothing_for_it() -> None:
    load = a_load()
    own = Hold(load)
    own.take(10)
    own.release()
    with pytest.raises(Unavailable):
        own.take(10)
    assert load.bytes == 0


async def test_a_body_that_does_not_fit_beside_the_others_is_503_at_once_and_leaves_nothing(
    client_of: ClientOf, small: FastAPI
) -> None:
    small.state.load = a_load(most_bytes=5_000)
    client = client_of(Role.CARE_WORKER)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"code": "slow", "name": "' + b"x" * 4_000
        arrived.set()
        await go_on.wait()
        yield b'"}'

    first = asyncio.create_task(client.post("/v1/teams", content=slowly(), headers=JSON))
    await arrived.wait()
    other = {**JSON, "Idempotency-Key": "87654321"}
    turned_away = await client.post("/v1/teams", content=b'{"code": "' + b"y" * 2_000 + b'"}', headers=other)
    assert (turned_away.status_code, turned_away.json()["code"]) == (503, "overloaded")
    assert turned_away.headers["Retry-After"] == "1"
    go_on.set()
    assert (await first).status_code == 201
    assert small.state.load.bytes == 0
    again = await client.post("/v1/teams", json={"code": "y", "name": "y"}, headers=other)
    assert again.status_code == 201


async def test_an_upload_that_is_broken_off_leaves_nothing_held(client_of: ClientOf, small: FastAPI) -> None:
    arrived = asyncio.Event()

    async def never_whole() -> AsyncIterator[bytes]:
        yield b'{"code": "'
        arrived.set()
        await asyncio.Event().wait()

    client = client_of(Role.CARE_WORKER)
    asked = asyncio.create_task(client.post("/v1/teams", content=never_whole(), headers=JSON))
    await arrived.wait()
    await asyncio.sleep(0)
    asked.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asked
    assert (small.state.load.bytes, small.state.load.requests) == (0, 0)


async def test_more_requests_than_are_served_at_once_are_turned_away_and_probes_are_not(
    client_of: ClientOf, small: FastAPI
) -> None:
    small.state.load = a_load(most_requests=1)
    client = client_of(Role.CARE_WORKER)
    with small.state.load.request():
        found = await client.get("/v1/teams")
        assert (found.status_code, found.json()["code"]) == (503, "overloaded")
        assert found.headers["Retry-After"] == "1"
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
    assert (await client.get("/v1/teams")).status_code == 200
    assert small.state.load.requests == 0


async def test_another_request_is_served_between_the_pieces_of_a_hostile_body(client_of: ClientOf) -> None:
    """A body of keys alone is refused when it has passed half a megabyte, of which nothing was parsed."""
    client, other, sent = client_of(Role.CARE_WORKER), client_of(Role.CARE_WORKER), 0

    async def keys() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b"{"
        for number in range(200):
            assert (await other.get("/v1/teams/me/today")).status_code == 200
            sent += 1
            yield b"".join(b'"k%d":%d,' % (key, key) for key in range(number * 5_000, number * 5_000 + 5_000))

    found = await client.post("/v1/teams", content=keys(), headers=JSON)
    assert (found.status_code, found.json()["code"]) == (413, "body_too_large")
    assert sent < 12
