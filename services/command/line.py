"""What every command shares: the settings it starts with, the actor it is, and the options that all spell alike."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from services.shared import clock, dates, logs
from services.shared.identity.actor import machine
from services.shared.settings import loading, unsafe, whereabouts
from services.shared.settings.installation import Settings

ACTOR: Final = machine("command_line")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A Europe/London day.")]


def settings() -> Settings:
    """Load the settings, refuse unsafe ones, and log as they say.

    Where no data folder is set and none is here, it is that of the installation that this user serves; which one is
    used is then said on standard error. Raises SeveralInstallationsError where that would be a guess.
    """
    return _ready(loading.load(elsewhere=_elsewhere))


def settings_to_serve() -> Settings:
    """Load the settings of an installation that is begun here, whatever else is served; refuse unsafe ones."""
    return _ready(loading.load())


def _ready(loaded: Settings) -> Settings:
    unsafe.refuse_unsafe(loaded)
    logs.configure(loaded.log_level)
    return loaded


def _elsewhere(usual: Path) -> Path:
    """Return the data folder to work on where none is set, and say so unless it is the usual one, which is there."""
    if usual.exists():
        return usual
    folder = whereabouts.of_the_running()
    typer.echo(f"dp: the data folder is {folder or usual.resolve()} (DP_DATA_DIR names another)", err=True)
    return folder or usual


def day(given: datetime | None) -> date:
    """Return the day that was given, else today in Europe/London."""
    return given.date() if given else dates.london_date(clock.now())
