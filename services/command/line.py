"""What every command shares: the settings it starts with, the actor it is, and the options that all spell alike."""

from datetime import date, datetime
from typing import Annotated, Final

import typer

from services.shared import clock, dates, logs
from services.shared.identity.actor import machine
from services.shared.settings import loading, unsafe
from services.shared.settings.installation import Settings

ACTOR: Final = machine("command_line")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A Europe/London day.")]


def settings() -> Settings:
    """Load the settings, refuse unsafe ones, and log as they say."""
    loaded = unsafe.refuse_unsafe(loading.load())
    logs.configure(loaded.log_level)
    return loaded


def day(given: datetime | None) -> date:
    """Return the day that was given, else today in Europe/London."""
    return given.date() if given else dates.london_date(clock.now())
