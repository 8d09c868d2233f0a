"""`dp demo`: the synthetic county."""

import asyncio
import dataclasses
from functools import partial
from typing import Annotated

import typer

from services import running
from services.command import line, terminal
from services.demo import loading

app = typer.Typer(name="demo", no_args_is_help=True, help="The synthetic county.")


@app.callback()
def demo() -> None:
    """Have `load` named, also while it is the only command."""


@app.command(name="load")
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
