"""What the tests of clawback share: a day, a connection that plants what other services write, runs, and clients."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from typing import Protocol
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from services.clawback import main
from services.clawback.grounds.ground import Ground
from services.clawback.grounds.register import GROUNDS
from services.clawback.runs import operations as runs
from services.clawback.runs.schemas import RunResult
from services.shared import dev_tokens, driver, embedded
from services.shared.database import Database
from services.shared.identity.actor import machine
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.vocabulary.clawback import RunTrigger
from services.shared.web import app as frame
from services.shared.web import dependencies
from tests import databases as test_databases
from tests import rolled_back

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)

SHARED = "clawback_shared"

ACTOR = machine("command_line")


class Run(Protocol):
    """Make a run of a day, at a moment."""

    def __call__(
        self,
        as_of: date = TODAY,
        *,
        now: datetime = NOW,
        trigger: RunTrigger = RunTrigger.MANUAL,
        grounds: Sequence[Ground] = GROUNDS,
    ) -> Awaitable[RunResult]: ...


class ClientOf(Protocol):
    """Open a client with a role's token, or without one."""

    def __call__(self, role: Role | None = None, *, teams: Sequence[str] = ()) -> httpx.AsyncClient: ...


@pytest.fixture(scope="session")
def shared_settings(server: embedded.Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the database in which each test has one transaction."""
    maintenance = test_databases.settings_for(server, name="postgres", data_dir=server.data_dir)

    async def create() -> None:
        async with test_databases.superuser(maintenance) as connection:
            await connection.execute(f"CREATE DATABASE {SHARED} TEMPLATE {template}")

    asyncio.run(create())
    return test_databases.settings_for(server, name=SHARED, data_dir=tmp_path_factory.mktemp("clawback"))


@pytest.fixture
async def shared(shared_settings: Settings) -> AsyncIterator[rolled_back.Shared]:
    """The test's transaction, as each service sees it."""
    async with rolled_back.opened(shared_settings) as opened:
        yield opened


@pytest.fixture
def planted(shared: rolled_back.Shared) -> driver.Connection:
    """The connection that may write what dp_api and card_ingest write."""
    return shared.superuser


@pytest.fixture
def run(shared: rolled_back.Shared) -> Run:
    """A run inside the test's transaction."""
    return run_on(shared.clawback)


def run_on(clawback: Database) -> Run:
    """Return a run over this database."""

    async def make(
        as_of: date = TODAY,
        *,
        now: datetime = NOW,
        trigger: RunTrigger = RunTrigger.MANUAL,
        grounds: Sequence[Ground] = GROUNDS,
    ) -> RunResult:
        return await runs.run(clawback, as_of=as_of, trigger=trigger, now=now, actor=ACTOR, grounds=grounds)

    return make


@pytest.fixture(scope="session")
def app(shared_settings: Settings) -> FastAPI:
    """The service's own application, on `TODAY`; made once: it works its routes out at the first request of each."""
    made = main.create(settings=shared_settings)
    made.dependency_overrides[dependencies.today] = lambda: TODAY
    return made


@pytest.fixture
async def client_of(app: FastAPI, shared: rolled_back.Shared) -> AsyncIterator[ClientOf]:
    """A function that opens a client of the application inside the test's transaction."""
    frame.attach(app, settings=shared.clawback.settings, database=shared.clawback)
    async with AsyncExitStack() as stack:

        def opened(role: Role | None = None, *, teams: Sequence[str] = ()) -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app=app)
            client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
            if role is not None:
                signed = dev_tokens.sign(shared.clawback.settings, role=role, teams=teams)
                client.headers["Authorization"] = f"Bearer {signed}"
            stack.push_async_callback(client.aclose)
            return client

        yield opened


def once() -> dict[str, str]:
    """Return the header of an act that is done once."""
    return {"Idempotency-Key": uuid4().hex}
