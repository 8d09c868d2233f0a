"""What the tests of clawback share: a day, a connection that plants what other services write, runs, and clients."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from typing import Protocol
from uuid import uuid4

import httpx
import pytest

from services.clawback import main
from services.clawback import run as runs
from services.clawback.values import RunResult
from services.shared import dev_tokens, driver
from services.shared.identity.actor import machine
from services.shared.identity.roles import Role
from services.shared.vocabulary.clawback import RunTrigger
from services.shared.web import dependencies
from tests.databases import Databases

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)

ACTOR = machine("command_line")


class Run(Protocol):
    """Make a run of a day, at a moment."""

    def __call__(
        self, as_of: date = TODAY, *, now: datetime = NOW, trigger: RunTrigger = RunTrigger.MANUAL
    ) -> Awaitable[RunResult]: ...


class ClientOf(Protocol):
    """Open a client with a role's token, or without one."""

    def __call__(self, role: Role | None = None, *, teams: Sequence[str] = ()) -> httpx.AsyncClient: ...


@pytest.fixture
async def planted(databases: Databases) -> AsyncIterator[driver.Connection]:
    """A connection that may write what dp_api and card_ingest write."""
    async with databases.superuser() as connection:
        yield connection


@pytest.fixture
def run(databases: Databases) -> Run:
    """A run over the test's database."""

    async def make(as_of: date = TODAY, *, now: datetime = NOW, trigger: RunTrigger = RunTrigger.MANUAL) -> RunResult:
        return await runs.run(databases.clawback, as_of=as_of, trigger=trigger, now=now, actor=ACTOR)

    return make


@pytest.fixture
async def client_of(databases: Databases) -> AsyncIterator[ClientOf]:
    """A function that opens a client of the service's own application, on the test's database and on `TODAY`."""
    application = main.create(settings=databases.settings, database=databases.clawback)
    application.dependency_overrides[dependencies.today] = lambda: TODAY
    async with AsyncExitStack() as stack:

        def opened(role: Role | None = None, *, teams: Sequence[str] = ()) -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app=application)
            client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
            if role is not None:
                signed = dev_tokens.sign(databases.settings, role=role, teams=teams)
                client.headers["Authorization"] = f"Bearer {signed}"
            stack.push_async_callback(client.aclose)
            return client

        yield opened


def once() -> dict[str, str]:
    """Return the header of an act that is done once."""
    return {"Idempotency-Key": uuid4().hex}
