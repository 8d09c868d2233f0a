"""The `dp` command: serve, migrate, load the demo county, sign tokens, take in feeds, run clawback, check the trail.

Figures go to standard output (with `--json` one object and nothing else), everything else to standard error.
"""

import importlib
import json
import sys
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import typer
from pydantic import ValidationError

from services.shared import logs
from services.shared.errors import ExpectedError
from services.shared.setup_error import SetupError

_FAILURES: Final = (ExpectedError, ValidationError, OSError, SetupError)


class Entry(NamedTuple):
    """A line of the help: what the command does, and the module that holds it."""

    module: str
    help: str


COMMANDS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "serve": Entry(
            "serve",
            "Serve; the embedded default starts its database, makes its schema and, once, loads the demo county.",
        ),
        "jobs": Entry("serve", "Run every service's scheduled jobs in a process of their own."),
        "migrate": Entry("serve", "Make the roles and bring the schema to the newest version."),
        "token": Entry("token", "Sign a token of the dev issuer, which production refuses, and print it."),
        "demo": Entry("demo", "The synthetic county."),
        "feed": Entry("feed", "Providers' feeds."),
        "categories": Entry("categories", "Spend categories and their rules."),
        "clawback": Entry("clawback", "The surplus run."),
        "audit": Entry("audit", "The sealed trail."),
        "openapi": Entry("openapi", "The OpenAPI documents."),
    }
)
"""Every command. Its module is loaded only where it is asked for: a token needs no database and no web."""


def application(asked: Collection[str]) -> typer.Typer:
    """Return the command line with the modules of the commands that are asked for; the rest are lines of its help."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
    loaded = {COMMANDS[name].module for name in asked if name in COMMANDS}
    for module in sorted(loaded):
        app.add_typer(importlib.import_module(f"services.command.{module}").app)
    for name, entry in COMMANDS.items():
        if entry.module not in loaded:
            app.command(name=name, help=entry.help)(_not_loaded)
    return app


def main() -> None:
    """Do what the command line says; trouble is one line on standard error and exit code 1, without a value."""
    try:
        application(sys.argv[1:])()
    except _FAILURES as trouble:
        sys.exit(f"dp: {trouble}")
    except Exception as error:  # The edge of a command: what nobody expected is told as the services log it.
        sys.exit(f"dp: unexpected: {json.dumps(logs.described(error))}")


def _not_loaded() -> None:
    """Stand for a command in the help of the others."""


if __name__ == "__main__":
    main()
