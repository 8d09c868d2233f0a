"""`dp categories`: what a changed rule would move, before it is used."""

import asyncio
import time
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from services import running
from services.card_ingest.categories import backtest as trials
from services.card_ingest.categories.schemas import Backtest, BacktestOfRule, RegisteredPayee, RuleToTry
from services.command import line, terminal
from services.shared import dates
from services.shared.errors import Invalid
from services.shared.settings.installation import Settings
from services.shared.vocabulary.money import SpendCategory, TransactionType
from services.shared.vocabulary.records import Service

app = typer.Typer(name="categories", no_args_is_help=True, help="Spend categories and their rules.")

USUAL_MONTHS: Final = 12
_OPTION: Final = "one of --mcc, --merchant, --type and --registered, or --file"


@app.callback()
def categories() -> None:
    """Have `backtest` named, also while it is the only command."""


@app.command()
def backtest(
    category: Annotated[SpendCategory | None, typer.Option(help="The category that the rule gives.")] = None,
    mcc: Annotated[str | None, typer.Option(help="A merchant category code of four digits.")] = None,
    merchant: Annotated[str | None, typer.Option(help="Words to look for in merchants' names.")] = None,
    kind: Annotated[TransactionType | None, typer.Option("--type", help="A transaction type.")] = None,
    registered: Annotated[RegisteredPayee | None, typer.Option(help="Payees whom the council has registered.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The rule as TOML; a payee's name is given so and never here."),
    ] = None,
    first_day: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first booked day; a year ago.")
    ] = None,
    last_day: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last booked day, included; today.")
    ] = None,
    as_json: line.AsJson = False,
) -> None:
    """Tell what a rule would move of what has posted, if it were in force among the rules of today; change nothing."""
    settings, started = line.settings(), time.monotonic()
    given = {"category": category, "mcc": mcc, "merchant": merchant, "type": kind, "registered": registered}
    options = {name: value for name, value in given.items() if value is not None}
    today = line.day(None)
    values = _wanted(_rule(options, file), first_day=first_day, last_day=last_day, today=today)
    with running.embedded_server(settings), terminal.progress() as report:
        found = asyncio.run(_backtest(settings, values, today=today, report=report))
    terminal.show(_told(found, as_json=as_json, seconds=time.monotonic() - started), as_json=as_json)


async def _backtest(settings: Settings, values: BacktestOfRule, *, today: date, report: terminal.Report) -> Backtest:
    async with running.acting(settings) as own, own[Service.CARD_INGEST].read(actor=line.ACTOR) as session:
        return await trials.backtest_category_rule(
            session, values=values, today=today, progress=lambda done, total: report("months", done, total)
        )


def _rule(options: dict[str, Any], file: Path | None) -> RuleToTry:
    """Return the rule that the options or the file describe; what is wrong is told by its field, never its value."""
    if (file is None) == (not options):
        raise Invalid(f"describe the rule by --category and {_OPTION}", code="one_choice_needed")
    try:
        described = options if file is None else tomllib.loads(file.read_text(encoding="utf-8"))
        return RuleToTry.model_validate(described, strict=False)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise Invalid("the file is not TOML") from None
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors()})
        raise Invalid(f"the rule is not right in {', '.join(fields)}") from None


def _wanted(rule: RuleToTry, *, first_day: datetime | None, last_day: datetime | None, today: date) -> BacktestOfRule:
    last = today if last_day is None else last_day.date()
    first = dates.add_months(last, -USUAL_MONTHS) if first_day is None else first_day.date()
    return BacktestOfRule(rule=rule, first_day=first, last_day=last)


def _told(found: Backtest, *, as_json: bool, seconds: float) -> dict[str, Any]:
    """Return all of it for a machine; for a person the sums, and the merchants a line each."""
    if as_json:
        return {**found.model_dump(mode="json"), "seconds": round(seconds, 3)}
    moves = {
        f"{move.month} {move.from_category} to {move.to_category}": f"{move.rows} rows, {move.pence} pence"
        for move in found.moves
    }
    merchants = {
        f"{each.merchant} {each.mcc or ''}".strip(): f"{each.rows} rows, {each.pence} pence" for each in found.merchants
    }
    sums = {"rows": found.rows, "pence": found.pence, "kept_by_people": found.kept_by_people}
    marked = {"unknown_code": True} if found.unknown_code else {}
    return {**sums, **marked, "moves": moves, "merchants": merchants, "seconds": round(seconds, 3)}
