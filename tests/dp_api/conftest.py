"""Callers of dp_api's own application and sessions of its machine, on a database that all its tests share.

What a session writes is rolled back; what callers write stays, so each test has teams of its own. A test that counts
everything asks for `databases` instead.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from services.dp_api import main
from services.shared import database, dev_tokens, embedded
from services.shared.database import Database, WriteSession
from services.shared.identity.actor import machine
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import app as frame
from services.shared.web import dependencies
from tests import databases as test_databases
from tests.builders import recipients

MACHINE = machine("test", Service.DP_API)
SHARED = "dp_api_shared"


@pytest.fixture(scope="session")
def shared_settings(server: embedded.Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the database that dp_api's tests share."""
    maintenance = test_databases.settings_for(server, name="postgres", data_dir=server.data_dir)

    async def create() -> None:
        async with test_databases.superuser(maintenance) as connection:
            await connection.execute(f"CREATE DATABASE {SHARED} TEMPLATE {template}")

    asyncio.run(create())
    folder: Path = tmp_path_factory.mktemp("dp_api")
    return test_databases.settings_for(server, name=SHARED, data_dir=folder)


@pytest.fixture
async def shared(shared_settings: Settings) -> AsyncIterator[Database]:
    """The shared database as dp_api sees it."""
    opened = await database.connect(shared_settings, service=Service.DP_API)
    yield opened
    await opened.close()


@pytest.fixture
async def session(shared: Database) -> AsyncIterator[WriteSession]:
    """A session of dp_api's machine whose transaction is rolled back at the end of the test."""
    async with WriteSession(shared, actor=MACHINE, request_id=None) as opened:
        yield opened
        await opened.rollback()


@pytest.fixture
def north() -> str:
    """A team of the test's own."""
    return f"north-{uuid4().hex[:12]}"


@pytest.fixture
def south() -> str:
    """Another team of the test's own."""
    return f"south-{uuid4().hex[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """Clients of dp_api, each with the token of one role; a POST gets a fresh `Idempotency-Key` unless it has one."""

    app: FastAPI
    settings: Settings
    stack: AsyncExitStack = field(repr=False)

    def of(self, role: Role, *, teams: Sequence[str] = (), name: str | None = None) -> httpx.AsyncClient:
        """Return a client with the role's token."""
        signed = dev_tokens.sign(self.settings, role=role, name=name, teams=teams)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app),
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {signed}"},
            event_hooks={"request": [_add_key]},
        )
        self.stack.push_async_callback(client.aclose)
        return client

    def care_worker(self, *teams: str) -> httpx.AsyncClient:
        """Return a care worker of these teams."""
        return self.of(Role.CARE_WORKER, teams=teams)

    def care_manager(self, *teams: str) -> httpx.AsyncClient:
        """Return a care manager of these teams."""
        return self.of(Role.CARE_MANAGER, teams=teams)

    def finance(self) -> httpx.AsyncClient:
        """Return a finance officer."""
        return self.of(Role.FINANCE_OFFICER)

    def auditor(self) -> httpx.AsyncClient:
        """Return an auditor."""
        return self.of(Role.AUDITOR)

    def administrator(self) -> httpx.AsyncClient:
        """Return an administrator."""
        return self.of(Role.ADMINISTRATOR)


@pytest.fixture(scope="session")
def app(shared_settings: Settings) -> FastAPI:
    """The application, made once: it works its routes out at the first request of each."""
    made = main.create(settings=shared_settings)
    made.dependency_overrides[dependencies.today] = _today
    return made


@pytest.fixture
async def callers(app: FastAPI, shared: Database) -> AsyncIterator[Callers]:
    """Callers of the application on the shared database, on the tests' own day."""
    async with AsyncExitStack() as stack:
        yield callers_of(app, shared, stack)


def callers_of(app: FastAPI, store: Database, stack: AsyncExitStack) -> Callers:
    """Return callers of the application on this database."""
    frame.attach(app, settings=store.settings, database=store)
    return Callers(app=app, settings=store.settings, stack=stack)


def _today() -> date:
    return recipients.TODAY


async def _add_key(request: httpx.Request) -> None:
    if request.method == "POST":
        request.headers.setdefault("Idempotency-Key", str(uuid4()))
