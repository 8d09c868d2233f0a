"""Clients of the small application on the test's own database."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI

from services.shared import dev_tokens
from services.shared.identity.roles import Role
from tests.databases import Databases
from tests.shared.web import small_app

ClientOf = Callable[..., httpx.AsyncClient]


@pytest.fixture
def small(databases: Databases) -> FastAPI:
    """The small application."""
    return small_app.create(settings=databases.settings, database=databases.dp_api)


@pytest.fixture
async def client_of(small: FastAPI, databases: Databases) -> AsyncIterator[ClientOf]:
    """A function that opens a client with a role's token, or without one."""
    async with AsyncExitStack() as stack:

        def opened(
            role: Role | None = None, *, name: str | None = None, teams: Sequence[str] = ()
        ) -> httpx.AsyncClient:
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app=small), base_url="http://localhost")
            if role is not None:
                signed = dev_tokens.sign(databases.settings, role=role, name=name, teams=teams, provider="acme")
                client.headers["Authorization"] = f"Bearer {signed}"
            stack.push_async_callback(client.aclose)
            return client

        yield opened
