"""`dp audit`: the sealed trail."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import typer

from services import running
from services.command import line, terminal
from services.shared import ciphers, sealing
from services.shared.database import Database
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service

T = TypeVar("T")

app = typer.Typer(name="audit", no_args_is_help=True, help="The sealed trail.")


@app.command(name="verify")
def verify_audit(as_json: line.AsJson = False) -> None:
    """Check the whole trail against its seals; the exit code is 1 where anything is broken."""
    settings = line.settings()
    with running.embedded_server(settings):
        found = asyncio.run(_on_trail(settings, sealing.verify))
    shown: dict[str, Any] = {"ok": found.ok, "entries": found.entries, "first_broken": found.first_broken}
    keys = ", ".join(ciphers.from_settings(settings).public_keys())
    terminal.show(shown if as_json else {**shown, "unsealed": found.unsealed, "public_key": keys}, as_json=as_json)
    raise typer.Exit(0 if found.ok else 1)


@app.command()
def begin_seal_file(reason: Annotated[str, typer.Option(help="Why, for the trail.")]) -> None:
    """Begin a new seal file where the old one was lost or the database restored; the trail says so."""
    settings = line.settings()
    with running.embedded_server(settings):
        act = partial(sealing.begin_file, actor=line.ACTOR, reason=reason)
        terminal.show(asyncio.run(_on_trail(settings, act)), as_json=False)


async def _on_trail(settings: Settings, act: Callable[[Database], Awaitable[T]]) -> T:
    async with running.opened(settings) as own:
        return await act(own[Service.DP_API])
