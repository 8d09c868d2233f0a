"""One test's database as its services see it, and ways to reach any database of the run's server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from services.shared import driver, embedded
from services.shared.database import Database
from services.shared.settings import development_secrets
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """One test's database as each service sees it."""

    settings: Settings
    dp_api: Database
    card_ingest: Database
    clawback: Database

    def of(self, service: Service) -> Database:
        """Return the service's own view."""
        return {Service.DP_API: self.dp_api, Service.CARD_INGEST: self.card_ingest, Service.CLAWBACK: self.clawback}[
            service
        ]

    @asynccontextmanager
    async def superuser(self) -> AsyncGenerator[driver.Connection]:
        """Open a connection that may do anything, to look at what no service is shown or to plant a fault."""
        async with superuser(self.settings) as connection:
            yield connection


def settings_for(server: embedded.Server, *, name: str, data_dir: Path, schema: str = "direct_payments") -> Settings:
    """Return development settings of a database on this server; secrets are made in `data_dir`."""
    return development_secrets.with_development_secrets(
        Settings(
            data_dir=data_dir,
            database_url=SecretStr(server.url("anybody", name)),
            database_admin_url=SecretStr(server.url("postgres", name)),
            schema_name=schema,
            pool_size=4,
            dev_issuer=True,
        )
    )


@asynccontextmanager
async def superuser(settings: Settings) -> AsyncGenerator[driver.Connection]:
    """Connect to these settings' database as its superuser, with the council's schema in the search path."""
    assert settings.database_admin_url is not None
    url = driver.driver_address(settings.database_admin_url.get_secret_value())
    connection = await asyncpg.connect(
        user=url.username,
        database=url.database,
        host=str(url.query["host"]),
        port=int(str(url.query["port"])),
        server_settings={"search_path": settings.schema_name},
    )
    try:
        yield connection
    finally:
        await connection.close()
