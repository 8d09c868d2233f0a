"""`dp feed`: take a provider's file in."""

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from services import running
from services.card_ingest import pipeline, providers, queries
from services.card_ingest.formats import spreadsheet
from services.card_ingest.profiles import statement_mapping
from services.card_ingest.schemas import NewProvider, Receipt
from services.command import feed_kit, line, recompute, terminal
from services.dp_api.accounts import operations as accounts
from services.provider_kit import suggesting
from services.shared import clock, garbage
from services.shared.database import Database
from services.shared.errors import NotFound
from services.shared.settings.installation import Settings
from services.shared.vocabulary.feeds import DeliveryDoor
from services.shared.vocabulary.records import Service

app = typer.Typer(name="feed", no_args_is_help=True, help="Providers' feeds.")
app.command()(feed_kit.check)
app.command()(feed_kit.simulate)
profile_app = typer.Typer(no_args_is_help=True)
app.add_typer(profile_app, name="profile", help="The layouts of providers' files.")
app.command(name="recompute")(recompute.recompute_feed)


@app.command(name="import")
def import_feed(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The provider's file.")],
    provider: Annotated[str, typer.Option(help="The provider's code.")],
    profile: Annotated[str, typer.Option(help="The file's layout.")],
    account: Annotated[str | None, typer.Option(help="The account of a file that names none, or `trial`.")] = None,
    as_json: line.AsJson = False,
) -> None:
    """Take in a provider's file; rows that came before are not posted again."""
    settings, started = line.settings(), time.monotonic()
    garbage.settle()
    with running.embedded_server(settings), terminal.progress() as report:
        receipt = asyncio.run(
            _take_in(settings, file=file, provider=provider, profile=profile, account=account, report=report)
        )
    terminal.show({**_outcome(receipt), "seconds": round(time.monotonic() - started, 3)}, as_json=as_json)


@profile_app.command(name="suggest")
def suggest_profile(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A file of the provider's.")],
    name: Annotated[str, typer.Option(help="What the profile will be called.")] = "draft",
) -> None:
    """Draft a profile from a file, on standard output: a person confirms it and keeps it as NAME.toml."""
    raw = file.read_bytes()
    kind = spreadsheet.kind_of(raw)
    text = raw if kind is None else spreadsheet.as_text(raw, kind=kind, sheet=None)
    typer.echo(suggesting.suggest(text, format=kind or "csv", name=name), nl=False)


@app.command(name="account-token")
def account_token(
    number: Annotated[
        str, typer.Option(prompt="The account's number, as its statements have it", help="IBAN or other number.")
    ],
) -> None:
    """Show the reference under which a bank account's statements look for it; the number itself is not kept."""
    typer.echo(statement_mapping.account_token(number))


async def _take_in(
    settings: Settings, *, file: Path, provider: str, profile: str, account: str | None, report: terminal.Report
) -> Receipt:
    async with running.acting(settings) as own:
        await _know_provider(own[Service.CARD_INGEST], code=provider)
        if account == accounts.TRIAL_REF:
            async with own[Service.DP_API].write(actor=line.ACTOR) as session:
                await accounts.open_trial_account(session, provider_code=provider, today=line.day(None))
        delivery = pipeline.Delivery(
            provider=provider,
            door=DeliveryDoor.COMMAND_LINE,
            profile=profile,
            body=file,
            external_id=None,
            account_ref=account,
            actor=line.ACTOR,
            request_id=None,
        )
        return await pipeline.receive(
            own[Service.CARD_INGEST],
            delivery,
            now=clock.now(),
            progress=lambda done, total: report(f"rows of {file.name}", done, total),
        )


async def _know_provider(own: Database, *, code: str) -> None:
    """Register an unknown provider, as an administrator would; in production that is an administrator's act alone."""
    async with own.write(actor=line.ACTOR) as session:
        if code not in {known.code for known in await queries.providers(session)}:
            if own.settings.is_production:
                raise NotFound(f"no provider {code}: an administrator registers it first", code="unknown_provider")
            await providers.register_provider(session, values=NewProvider(code=code, name=code), now=clock.now())


def _outcome(receipt: Receipt) -> dict[str, Any]:
    """Return what became of the file now; of one that had come before, byte for byte, nothing is posted again."""
    counted = {name: getattr(receipt, name) for name in ("posted", "already_posted", "held", "no_money", "quarantined")}
    rows = {name: each.rows for name, each in counted.items()}
    pence = {"delivered": receipt.delivered_pence, **{name: each.pence for name, each in counted.items()}}
    for figures in (rows, pence) if receipt.already_received else ():
        figures["already_posted"] += figures["posted"]
        figures["posted"] = 0
    return {"delivery_id": str(receipt.delivery_id), "rows": receipt.rows, **rows, "pence": pence}
