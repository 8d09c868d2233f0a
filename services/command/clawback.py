"""`dp clawback`: the surplus run."""

import asyncio
import time
from datetime import date
from typing import Any

import typer

from services import running
from services.clawback.runs import operations as clawback_run
from services.command import line, terminal
from services.shared import clock
from services.shared.settings.installation import Settings
from services.shared.vocabulary.clawback import RunTrigger
from services.shared.vocabulary.records import Service

app = typer.Typer(name="clawback", no_args_is_help=True, help="The surplus run.")


@app.callback()
def clawback() -> None:
    """Have `run` named, also while it is the only command."""


@app.command(name="run")
def run_clawback(as_of: line.Day = None, as_json: line.AsJson = False) -> None:
    """Run the surplus test by hand; it claims no day."""
    settings, started = line.settings(), time.monotonic()
    with running.embedded_server(settings):
        found = asyncio.run(_run_clawback(settings, as_of=line.day(as_of)))
    terminal.show({**found, "seconds": round(time.monotonic() - started, 3)}, as_json=as_json)


async def _run_clawback(settings: Settings, *, as_of: date) -> dict[str, Any]:
    async with running.acting(settings) as own:
        found = await clawback_run.run(
            own[Service.CLAWBACK], as_of=as_of, trigger=RunTrigger.MANUAL, now=clock.now(), actor=line.ACTOR
        )
    figures = ("accounts", "flagged", "new_cases", "excess_pence")
    shown = {name: getattr(found, name) for name in figures}
    return {"run_id": str(found.run_id), "as_of": found.as_of.isoformat(), **shown}
