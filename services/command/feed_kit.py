"""`dp feed check` and `dp feed simulate`: what a provider integrates with.

A check of a file needs no database and leaves nothing behind. The simulator signs in with the dev issuer, which
production refuses, so that it can open no account of a real person.
"""

import asyncio
import dataclasses
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from services.card_ingest import pipeline
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.signatures import standard_webhooks
from services.command import line, terminal
from services.provider_kit import checking, conformance, simulation
from services.provider_kit.checking import Checked
from services.provider_kit.conformance import Door
from services.provider_kit.council import Council, Tokens
from services.provider_kit.judging import Check
from services.provider_kit.simulation import Outcome, Wanted
from services.shared import calling, clock, dev_tokens
from services.shared.errors import Invalid
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings

ADDRESS: Final = "http://127.0.0.1:8000"
AT_ONCE: Final = 64
REQUESTS_OF_A_SENDER: Final = 300
"""Deliveries a minute of one sender: half of what a caller may ask for, so that retries have room."""

AtAddress = Annotated[str, typer.Option("--url", help="Where the services are; on this machine unless given.")]


def check(
    what: Annotated[str, typer.Argument(metavar="FILE|URL", help="A file, or where the services are served.")],
    profile: Annotated[str, typer.Option(help="The layout: its name, or a profile file (.toml).")] = "canonical",
    provider: Annotated[str | None, typer.Option(help="The provider's code; needed for a URL.")] = None,
    account: Annotated[str | None, typer.Option(help="The account of a file that names none.")] = None,
    as_json: line.AsJson = False,
) -> None:
    """Check that a file is of its layout, or that a server keeps the rules of its door; exit code 1 if not.

    For a server, FEED_TOKEN and FEED_SECRET hold the machine's token and the signing secret; where the dev issuer is on
    both are made, and the secret retired again.
    """
    if what.startswith(("http://", "https://")):
        checks = asyncio.run(_door_checked(what, provider=provider))
        _show_checks(checks, as_json=as_json)
        raise typer.Exit(0 if all(each.is_right for each in checks) else 1)
    with terminal.progress() as report:
        found = checking.check(
            _file(what),
            _profile(profile),
            account_ref=account,
            received_on=line.day(None),
            progress=lambda done, total: report("rows", done, total),
        )
    _show_checked(found, as_json=as_json)
    raise typer.Exit(0 if found.is_right else 1)


def simulate(
    url: AtAddress = ADDRESS,
    rate: Annotated[float, typer.Option(help="Deliveries a second.")] = 20.0,
    seconds: Annotated[int, typer.Option(help="For how long.")] = 60,
    accounts: Annotated[int, typer.Option(help="On how many accounts, opened for it.")] = 40,
    seed: Annotated[int, typer.Option(help="The same seed sends the same.")] = 1,
    serve: Annotated[int | None, typer.Option(metavar="PORT", help="Be asked at this port instead of pushing.")] = None,
    as_json: line.AsJson = False,
) -> None:
    """Behave like a real provider towards running services, and compare their books with its own at the end.

    It opens accounts of its own for active agreements. The exit code is 1 where anything is not right to the penny.
    """
    settings, wanted = (
        line.settings(),
        Wanted(rate=rate, seconds=seconds, accounts=accounts, seed=seed).checked(),
    )
    with terminal.progress() as report:
        outcome = asyncio.run(_simulated(settings, wanted, url=url, port=serve, report=report))
    if not as_json:
        terminal.show(outcome.figures, as_json=False)
    _show_checks(outcome.checks, figures=outcome.figures, as_json=as_json)
    raise typer.Exit(0 if outcome.is_right else 1)


async def _simulated(
    settings: Settings, wanted: Wanted, *, url: str, port: int | None, report: terminal.Report
) -> Outcome:
    count = math.ceil(wanted.rate * 60 / REQUESTS_OF_A_SENDER)
    staff = {role: dev_tokens.sign(settings, role=role) for role in (Role.ADMINISTRATOR, Role.FINANCE_OFFICER)}
    senders = [_machine(settings, simulation.PROVIDER, client=f"sender-{place}") for place in range(count)]
    async with calling.connected(url, at_once=AT_ONCE) as caller:
        council = Council(caller, Tokens(staff, senders), simulation.PROVIDER)
        if port is None:
            return await simulation.push(council, wanted, now=clock.now(), report=report)
        return await simulation.serve(council, wanted, port=port, now=clock.now(), report=report)


async def _door_checked(url: str, *, provider: str | None) -> list[Check]:
    if provider is None:
        raise Invalid("name the provider whose door is checked", code="provider_missing")
    token, secret = os.environ.get("FEED_TOKEN"), os.environ.get("FEED_SECRET")
    async with calling.connected(url, at_once=1) as caller:
        if token and secret:
            _require_secret(secret)
            return await conformance.check(Door(caller, provider, token, secret))
        settings = line.settings()
        staff = {Role.ADMINISTRATOR: dev_tokens.sign(settings, role=Role.ADMINISTRATOR)}
        council = Council(caller, Tokens(staff, []), provider)
        key_id, secret = await council.add_key()
        try:
            return await conformance.check(Door(caller, provider, _machine(settings, provider), secret))
        finally:
            await council.retire_key(key_id)


def _require_secret(secret: str) -> None:
    """Raise Invalid where the secret is no such secret, without showing it."""
    try:
        standard_webhooks.key_of(secret)
    except ValueError:
        raise Invalid("FEED_SECRET is not `whsec_` and base64", code="feed_secret_not_of_its_form") from None


def _machine(settings: Settings, provider: str, *, client: str = dev_tokens.CLIENT) -> str:
    return dev_tokens.sign(settings, role=Role.FEED, name=provider, provider=provider, client=client)


def _file(name: str) -> Path:
    file = Path(name)
    if not file.is_file():
        raise Invalid("there is no such file", code="no_such_file")
    return file


def _profile(name: str) -> Profile:
    """Return the profile of this name, or in this file; no secret is made for it, nor anything else."""
    if name.endswith(".toml"):
        return profiles.load(Path(name).stem, own_folder=Path(name).parent)
    return profiles.load(name, own_folder=Settings().data_dir / pipeline.OWN_PROFILES)


def _show_checked(found: Checked, *, as_json: bool) -> None:
    if as_json:
        shown = {**dataclasses.asdict(found), "is_right": found.is_right}
        typer.echo(json.dumps(shown))
        return
    if found.refused is not None:
        typer.echo(f"refused as a whole: {found.refused[1]} ({found.refused[0]})")
        return
    figures: dict[str, Any] = {"rows": found.rows, "pence delivered": found.delivered_pence}
    figures |= {"amounts not read": found.unread_amounts}
    terminal.show(figures | {f"rows {name.value}": rows for name, rows in found.outcomes.items()}, as_json=False)
    for verdict in found.verdicts:
        first = ", ".join(map(str, verdict.first_rows))
        typer.echo(f"\n{verdict.code}: {verdict.rows} rows, {verdict.pence} pence (rows {first})")
        typer.echo(f"  {verdict.message}\n  {verdict.remedy}")


def _show_checks(checks: Sequence[Check], *, as_json: bool, figures: Any = None) -> None:
    if as_json:
        shown = [{**dataclasses.asdict(each), "is_right": each.is_right} for each in checks]
        typer.echo(json.dumps({"figures": figures, "checks": shown} if figures else {"checks": shown}))
        return
    for each in checks:
        mark = "right" if each.is_right else "WRONG"
        typer.echo(f"{mark}  {each.what.ljust(58)}{each.found:>12} of {each.expected}")
    wrong = sum(not each.is_right for each in checks)
    typer.echo(f"{len(checks) - wrong} of {len(checks)} checks are right")
