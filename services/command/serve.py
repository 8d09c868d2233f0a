"""`dp serve`, `dp jobs` and `dp migrate`: what keeps an installation running."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from services import running
from services.command import line, terminal, welcome
from services.demo import loading, marks
from services.demo.examples import Examples
from services.shared import migrate
from services.shared.settings import unsafe, whereabouts
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service

app = typer.Typer()


class Served(StrEnum):
    """What `serve` serves: all three services under one origin, or one of them."""

    ALL = "all"
    DP_API = "dp_api"
    CARD_INGEST = "card_ingest"
    CLAWBACK = "clawback"


@app.command()
def serve(
    service: Annotated[Served, typer.Option(help="One service, or all of them under one origin.")] = Served.ALL,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
) -> None:
    """Serve; the embedded default starts its database, makes its schema and, once, loads the demo county."""
    settings = line.settings_to_serve()
    unsafe.refuse_open_address(settings, host=host)  # Before a database is started and filled for nothing.
    only = None if service is Served.ALL else Service(service.value)
    with running.embedded_server(settings), whereabouts.noted(settings):
        asyncio.run(running.migrated(settings))
        examples = asyncio.run(_county(settings)) if only is None and settings.database_url is None else None

        def say() -> None:
            if examples is not None:
                address = f"http://{host}:{port}"
                typer.echo("\n".join(welcome.lines(settings, address=address, found=examples, today=line.day(None))))

        running.serve(settings, service=only, host=host, port=port, on_start=say)


@app.command()
def jobs() -> None:
    """Run every service's scheduled jobs in a process of their own."""
    settings = line.settings_to_serve()
    with running.embedded_server(settings):
        running.run_jobs(settings)


@app.command(name="migrate")
def migrate_schema() -> None:
    """Make the roles and bring the schema to the newest version."""
    settings = line.settings_to_serve()
    with running.embedded_server(settings):
        asyncio.run(migrate.migrate(settings))
    typer.echo(f"{settings.schema_name} is at {migrate.head()}")


async def _county(settings: Settings) -> Examples | None:
    """Return where to begin looking in the demo county, loaded once; None where the database holds other people."""
    if not await loading.is_loaded(settings):
        with terminal.progress() as report:
            try:
                await loading.load(settings, today=line.day(None), report=report)
            except marks.OtherCountyError:
                return None
    return await loading.find_examples(settings)
