"""`dp token`: a token of the dev issuer. It starts nothing and asks no database."""

from typing import Annotated

import typer

from services.command import line
from services.demo import accounts, members
from services.shared import dev_tokens
from services.shared.identity.roles import Role

app = typer.Typer()


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
        provider = provider or name or next(iter(accounts.PROVIDERS))
    member = members.example(role) if name is None else None
    number, teams = (member.staff_number, member.teams) if member else (name, ())
    try:
        typer.echo(dev_tokens.sign(settings, role=role, name=number, teams=team or teams, provider=provider))
    except ValueError as malformed:
        raise typer.BadParameter(str(malformed), param_hint="--name") from None
