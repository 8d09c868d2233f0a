"""What a caller is told while the database cannot do it: 503 with `Retry-After`, in good time, whatever the reason."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from services import together
from services.shared import database, driver
from services.shared.errors import Unavailable
from services.shared.identity.actor import machine
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from tests.builders import deliveries as build
from tests.databases import Databases
from tests.http import Clients

PROVIDER = "acme"
STATES = ("53100", "53200", "53300", "25006", "58030", "57014", "57P01", "57P02", "57P03", "08006")
HURRIED = {"statement_timeout_ms": 1_000}

Act = Callable[[Clients], Coroutine[Any, Any, httpx.Response]]


async def read(clients: Clients) -> httpx.Response:
    return await clients.of(Role.AUDITOR, name=f"A{uuid4().hex[:8]}").get("/v1/teams")


async def write(clients: Clients) -> httpx.Response:
    return await clients.of(Role.ADMINISTRATOR, name=f"D{uuid4().hex[:8]}").put(
        "/v1/teams/north", json={"name": "North"}
    )


async def push(clients: Clients) -> httpx.Response:
    client = clients.of(Role.FEED, name=f"m{uuid4().hex[:8]}", provider=PROVIDER)
    body = build.ndjson([build.an_event(uuid4().hex)])
    headers = {"Content-Type": "application/x-ndjson"}
    return await client.post(f"/v1/feeds/{PROVIDER}/deliveries", content=body, headers=headers)


async def ready(clients: Clients) -> httpx.Response:
    return await clients.anonymous().get("/health/ready")


ACTS = {"read": read, "write": write, "push": push}


def require_try_later(answer: httpx.Response, *, code: str = "unavailable") -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, code), answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"


def is_served(answer: httpx.Response) -> bool:
    """Tell whether the database was asked and answered: a push without a signature is then refused."""
    return answer.status_code in {200, 401}


@asynccontextmanager
async def clients_of(settings: Settings) -> AsyncIterator[Clients]:
    """Open the applications on whatever the settings name, with pools of their own."""
    own = {service: await database.connect(settings, service=service) for service in Service}
    async with AsyncExitStack() as stack:
        yield Clients(app=together.Together(settings, databases=own), settings=settings, stack=stack)
    for each in own.values():
        await each.close()


@pytest.mark.parametrize("state", STATES)
async def test_what_the_server_cannot_do_just_now_is_503_for_a_read_a_write_and_a_push(
    databases: Databases, clients: Clients, state: str
) -> None:
    async with databases.superuser() as connection:
        await build.a_provider(connection, PROVIDER)
        await connection.execute(
            f"""CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '{state}'; END $$;
                CREATE FUNCTION fails() RETURNS boolean LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '{state}'; END $$;
                GRANT EXECUTE ON FUNCTION fails(), fail() TO PUBLIC;
                CREATE TRIGGER fail BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION fail();
                CREATE TRIGGER fail BEFORE INSERT ON feed_delivery FOR EACH ROW EXECUTE FUNCTION fail();
                ALTER TABLE staff_login RENAME TO held;
                CREATE VIEW staff_login AS SELECT * FROM held WHERE (SELECT fails());
                GRANT SELECT ON staff_login TO PUBLIC"""
        )
    require_try_later(await read(clients))
    async with databases.superuser() as connection:
        await connection.execute("DROP VIEW staff_login; ALTER TABLE held RENAME TO staff_login")
    assert (await read(clients)).status_code == 200
    require_try_later(await write(clients))
    require_try_later(await push(clients))
    async with databases.superuser() as connection:
        assert await connection.fetchval("SELECT count(*) FROM team") == 0


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_a_standby_that_only_reads_is_503(databases: Databases, act: Act) -> None:
    async with databases.superuser() as connection:
        await build.a_provider(connection, PROVIDER)
        for service in Service:
            role = database.role_name(databases.settings, service)
            await connection.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    try:
        async with clients_of(databases.settings) as clients:
            answer = await act(clients)
            if act is read:
                assert answer.status_code == 200
            else:
                require_try_later(answer)
    finally:
        async with databases.superuser() as connection:
            for service in Service:
                role = database.role_name(databases.settings, service)
                await connection.execute(f"ALTER ROLE {role} RESET default_transaction_read_only")


NOWHERE = {
    "no such name": "postgresql://x@nowhere.invalid/x",
    "closed port": "postgresql://x@127.0.0.1:1/x",
    "several addresses, all closed": "postgresql://x@localhost:1/x",
    "socket gone": "postgresql://x@/x?host=/nowhere/at/all&port=5432",
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("address", NOWHERE.values(), ids=NOWHERE)
async def test_a_server_that_cannot_be_reached_is_503(settings: Settings, address: str, act: Act) -> None:
    async with clients_of(settings.model_copy(update={"database_url": SecretStr(address)})) as clients:
        require_try_later(await act(clients))
        answer = await ready(clients)
        assert answer.status_code == 503
        assert answer.json()["services"]["dp_api"]["database"] == "unreachable"


@dataclass
class Wire:
    """A way to the server that a test can cut, or make silent, for the connections that are open and for new ones."""

    folder: Path
    upstream: Path
    is_silent: bool = False
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    pumps: set[asyncio.Task[None]] = field(default_factory=set)

    async def opened(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        if self.is_silent:
            return
        theirs, ours = await asyncio.open_unix_connection(str(self.upstream))
        self.writers.append(ours)
        for source, sink in ((reader, ours), (theirs, writer)):
            task = asyncio.create_task(self.pump(source, sink))
            self.pumps.add(task)

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(65_536):
            if not self.is_silent:
                sink.write(chunk)

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


@pytest.fixture
async def wire(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wire]:
    assert settings.database_url is not None
    query = driver.driver_address(settings.database_url.get_secret_value()).query
    name = f".s.PGSQL.{query['port']}"
    made = Wire(folder=tmp_path_factory.mktemp("w"), upstream=Path(str(query["host"])) / name)
    server = await asyncio.start_unix_server(made.opened, str(made.folder / name))
    yield made
    made.cut()
    for task in made.pumps:
        task.cancel()
    server.close()


def through(wire: Wire, settings: Settings) -> Settings:
    assert settings.database_url is not None
    address = driver.driver_address(settings.database_url.get_secret_value())
    direct = address.set(drivername="postgresql").update_query_dict({"host": str(wire.folder)})
    return settings.model_copy(update={"database_url": SecretStr(direct.render_as_string(False)), **HURRIED})


@pytest.mark.parametrize("is_warm", [True, False], ids=["open connections", "new connections"])
async def test_a_silent_server_keeps_nobody_for_long(databases: Databases, wire: Wire, is_warm: bool) -> None:
    async with databases.superuser() as connection:
        await build.a_provider(connection, PROVIDER)
    async with clients_of(through(wire, databases.settings)) as clients:
        if is_warm:
            for act in (read, write, push):
                assert is_served(await act(clients))
        wire.is_silent = True
        began = time.monotonic()
        found = await asyncio.gather(read(clients), write(clients), push(clients))
        for answer in found:
            require_try_later(answer)
        assert time.monotonic() - began < 20
        began = time.monotonic()
        assert (await ready(clients)).status_code == 503
        assert time.monotonic() - began < 5
        wire.is_silent = False
        wire.cut()
        for act in (read, write, push):
            assert is_served(await act(clients))
        assert (await ready(clients)).json()["services"]["dp_api"]["database"] == "ok"


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_a_connection_lost_half_way_is_503_and_the_next_call_is_served(
    databases: Databases, wire: Wire, act: Act
) -> None:
    async with databases.superuser() as connection:
        await build.a_provider(connection, PROVIDER)
        async with clients_of(through(wire, databases.settings)) as clients:
            assert is_served(await act(clients))
            async with connection.transaction():
                await connection.execute("LOCK TABLE staff_login, audit_entry, feed_key IN ACCESS EXCLUSIVE MODE")
                waiting = asyncio.create_task(act(clients))
                await asyncio.sleep(0.5)
                wire.cut()
                require_try_later(await waiting)
            assert is_served(await act(clients))


async def test_a_commit_that_nobody_answers_is_in_doubt_and_the_same_key_does_it_once(
    databases: Databases, wire: Wire
) -> None:
    async with clients_of(through(wire, databases.settings)) as clients:
        own = clients.apps[Service.DP_API].state.database

        async def act() -> None:
            async with own.write(actor=machine("test")) as session:
                await session.execute(text("SELECT 1"))
                session.audited = True
                wire.is_silent = True

        with pytest.raises(Unavailable, match="same Idempotency-Key"):
            await act()
