"""`dp openapi`: the OpenAPI documents."""

from pathlib import Path
from typing import Annotated

import typer

from services import together
from services.shared.settings.installation import Settings
from services.shared.web import openapi

app = typer.Typer(name="openapi", no_args_is_help=True, help="The OpenAPI documents.")


@app.callback()
def documents() -> None:
    """Have `export` named, also while it is the only command."""


@app.command(name="export")
def export_openapi(
    directory: Annotated[Path, typer.Option(help="Where the documents go.")] = Path("openapi"),
) -> None:
    """Write each service's OpenAPI document."""
    directory.mkdir(parents=True, exist_ok=True)
    for service, create in together.CREATE.items():
        file = directory / f"{service.value}.json"
        file.write_text(openapi.as_text(create(settings=Settings())))
        typer.echo(str(file))
