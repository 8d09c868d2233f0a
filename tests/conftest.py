"""What every test may ask for: a PostgreSQL of the run's own, a migrated database of its own, the published files."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from services.shared import database, embedded, migrate
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from tests import databases as test_databases
from tests.databases import Databases

pytest_plugins = ["tests.http"]

TEMPLATE = "template"
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """The PostgreSQL of this test process, as durable as the one people run: fsync stays on."""
    started = embedded.start(tmp_path_factory.mktemp("server"))
    yield started
    embedded.stop(started)


@pytest.fixture(scope="session")
def template(server: embedded.Server) -> str:
    """The name of the migrated database that every test's own is copied from; nobody stays connected to it."""
    embedded.create_database_if_missing(server, database=TEMPLATE)
    asyncio.run(migrate.migrate(test_databases.settings_for(server, name=TEMPLATE, data_dir=server.data_dir)))
    return TEMPLATE


@pytest.fixture
async def settings(server: embedded.Server, template: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings of a database of the test's own, migrated and otherwise empty; it is dropped afterwards."""
    name = f"test_{uuid4().hex}"
    maintenance = test_databases.settings_for(server, name="postgres", data_dir=server.data_dir)
    async with test_databases.superuser(maintenance) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield test_databases.settings_for(server, name=name, data_dir=tmp_path)
    async with test_databases.superuser(maintenance) as connection:
        await connection.execute(f"DROP DATABASE {name}")


@pytest.fixture
async def databases(settings: Settings) -> AsyncIterator[Databases]:
    """The test's own database, connected to as each of the three services."""
    opened = {service.value: await database.connect(settings, service=service) for service in Service}
    yield Databases(settings=settings, **opened)
    for each in opened.values():
        await each.close()


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """The folder of published reference files; a test that needs it is skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("DP_REFERENCE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the published reference files are not at {folder} (set DP_REFERENCE_DATA)")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests tell (`tests/conservation`) under the results, whichever process they ran in."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, figures in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(str(figures))
