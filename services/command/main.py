"""The `dp` command: serve, migrate, load the demo county, sign tokens, take in feeds, run clawback, check the trail.

Figures go to standard output (with `--json` one object and nothing else), everything else to standard error.
"""

import asyncio
import dataclasses
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from pydantic import ValidationError

from services import running, together
from services.clawback import run as clawback_run
from services.command import categories, feed, line, terminal, welcome
from services.demo import accounts as demo_accounts
from services.demo import loading, marks, staff
from services.demo.examples import Examples
from services.shared import ciphers, clock, dev_tokens, embedded, logs, migrate, sealing
from services.shared.database import Database
from services.shared.errors import ExpectedError
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.settings.unsafe import UnsafeSettingsError
from services.shared.vocabulary.clawback import RunTrigger
from services.shared.vocabulary.records import Service
from services.shared.web import openapi

T = TypeVar("T")

_FAILURES: Final = (
    ExpectedError,
    ValidationError,
    OSError,
    embedded.EmbeddedServerError,
    UnsafeSettingsError,
    migrate.MigrationRefusedError,
    migrate.NoAdminAddressError,
    running.NotServedError,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
demo_app, clawback_app, audit_app, openapi_app = (typer.Typer(no_args_is_help=True) for _ in range(4))
app.add_typer(demo_app, name="demo", help="The synthetic county.")
app.add_typer(feed.app, name="feed", help="Providers' feeds.")
app.add_typer(categories.app, name="categories", help="Spend categories and their rules.")
app.add_typer(clawback_app, name="clawback", help="The surplus run.")
app.add_typer(audit_app, name="audit", help="The sealed trail.")
app.add_typer(openapi_app, name="openapi", help="The OpenAPI documents.")


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
    settings = line.settings()
    only = None if service is Served.ALL else Service(service.value)
    with running.embedded_server(settings):
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
    settings = line.settings()
    with running.embedded_server(settings):
        running.run_jobs(settings)


@app.command(name="migrate")
def migrate_schema() -> None:
    """Make the roles and bring the schema to the newest version."""
    settings = line.settings()
    with running.embedded_server(settings):
        asyncio.run(migrate.migrate(settings))
    typer.echo(f"{settings.schema_name} is at {migrate.head()}")


@app.command()
def token(
    role: Annotated[Role, typer.Option(help="What the bearer is.")],
    name: Annotated[str | None, typer.Option(help="The staff number; the demo county's own if not given.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="A team whose caseload is seen; may be repeated.")] = None,
    provider: Annotated[str | None, typer.Option(help="A feed's provider: `--name`, or the county's first.")] = None,
) -> None:
    """Sign a token of the dev issuer, which production refuses, and print it."""
    settings = line.settings()
    if role is Role.FEED:
        provider = provider or name or next(iter(demo_accounts.PROVIDERS))
    member = staff.example(role) if name is None else None
    number, teams = (member.staff_number, member.teams) if member else (name, ())
    try:
        typer.echo(dev_tokens.sign(settings, role=role, name=number, teams=team or teams, provider=provider))
    except ValueError as malformed:
        raise typer.BadParameter(str(malformed), param_hint="--name") from None


@demo_app.command(name="load")
def load_demo(
    recipients: Annotated[int, typer.Option(help="How many people.")] = 2_700,
    months: Annotated[int, typer.Option(help="How many months of transactions.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed makes the same county.")] = 2018,
    today: line.Day = None,
) -> None:
    """Load the synthetic county."""
    settings = line.settings()
    with running.embedded_server(settings), terminal.progress() as report:
        asyncio.run(running.migrated(settings))
        act = partial(
            loading.load,
            settings,
            recipients=recipients,
            months=months,
            seed=seed,
            today=line.day(today),
            report=report,
        )
        loaded = asyncio.run(running.sealed_after(settings, act))
    terminal.show(
        {name: value for name, value in dataclasses.asdict(loaded).items() if isinstance(value, int)}, as_json=False
    )


@clawback_app.command(name="run")
def run_clawback(as_of: line.Day = None, as_json: line.AsJson = False) -> None:
    """Run the surplus test by hand; it claims no day."""
    settings, started = line.settings(), time.monotonic()
    with running.embedded_server(settings):
        found = asyncio.run(_run_clawback(settings, as_of=line.day(as_of)))
    terminal.show({**found, "seconds": round(time.monotonic() - started, 3)}, as_json=as_json)


@audit_app.command(name="verify")
def verify_audit(as_json: line.AsJson = False) -> None:
    """Check the whole trail against its seals; the exit code is 1 where anything is broken."""
    settings = line.settings()
    with running.embedded_server(settings):
        found = asyncio.run(_on_trail(settings, sealing.verify))
    shown: dict[str, Any] = {"ok": found.ok, "entries": found.entries, "first_broken": found.first_broken}
    keys = ", ".join(ciphers.from_settings(settings).public_keys())
    terminal.show(shown if as_json else {**shown, "unsealed": found.unsealed, "public_key": keys}, as_json=as_json)
    raise typer.Exit(0 if found.ok else 1)


@audit_app.command()
def begin_seal_file(reason: Annotated[str, typer.Option(help="Why, for the trail.")]) -> None:
    """Begin a new seal file where the old one was lost or the database restored; the trail says so."""
    settings = line.settings()
    with running.embedded_server(settings):
        act = partial(sealing.begin_file, actor=line.ACTOR, reason=reason)
        terminal.show(asyncio.run(_on_trail(settings, act)), as_json=False)


@openapi_app.command(name="export")
def export_openapi(
    directory: Annotated[Path, typer.Option(help="Where the documents go.")] = Path("openapi"),
) -> None:
    """Write each service's OpenAPI document."""
    directory.mkdir(parents=True, exist_ok=True)
    for service, create in together.CREATE.items():
        file = directory / f"{service.value}.json"
        file.write_text(openapi.as_text(create(settings=Settings())))
        typer.echo(str(file))


def main() -> None:
    """Do what the command line says; trouble is one line on standard error and exit code 1, without a value."""
    try:
        app()
    except _FAILURES as trouble:
        sys.exit(f"dp: {trouble}")
    except Exception as error:  # The edge of a command: what nobody expected is told as the services log it.
        sys.exit(f"dp: unexpected: {json.dumps(logs.described(error))}")


async def _county(settings: Settings) -> Examples | None:
    """Return where to begin looking in the demo county, loaded once; None where the database holds other people."""
    if not await loading.is_loaded(settings):
        with terminal.progress() as report:
            try:
                await loading.load(settings, today=line.day(None), report=report)
            except marks.OtherCountyError:
                return None
    return await loading.find_examples(settings)


async def _run_clawback(settings: Settings, *, as_of: date) -> dict[str, Any]:
    async with running.acting(settings) as own:
        found = await clawback_run.run(
            own[Service.CLAWBACK], as_of=as_of, trigger=RunTrigger.MANUAL, now=clock.now(), actor=line.ACTOR
        )
    figures = ("accounts", "flagged", "new_cases", "excess_pence")
    shown = {name: getattr(found, name) for name in figures}
    return {"run_id": str(found.run_id), "as_of": found.as_of.isoformat(), **shown}


async def _on_trail(settings: Settings, act: Callable[[Database], Awaitable[T]]) -> T:
    async with running.opened(settings) as own:
        return await act(own[Service.DP_API])


if __name__ == "__main__":
    main()
