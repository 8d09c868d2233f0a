"""How the command line speaks: figures on standard output, progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Report = Callable[[str, int, int], None]
"""Told again and again how far long work is: the step, how much is done, how much there is."""


def show(figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Print figures: as one JSON object, or one a line with pence beneath their own heading."""
    if as_json:
        typer.echo(json.dumps(figures))
        return
    for name, value in figures.items():
        for part, each in value.items() if isinstance(value, dict) else [("", value)]:
            typer.echo(f"{name} {part}".strip().replace("_", " ").ljust(24) + str(each))


@contextmanager
def progress() -> Iterator[Report]:
    """Show how far long work is: bars on a terminal, else one line when a step ends."""
    if not sys.stderr.isatty():
        yield _one_line_each
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        steps: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in steps:
                steps[step] = bars.add_task(step, total=total)
            bars.update(steps[step], completed=done, total=total)

        yield report


def _one_line_each(step: str, done: int, total: int) -> None:
    if done == total:
        typer.echo(f"{step}: {total}", err=True)
