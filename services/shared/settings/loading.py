"""Reads the settings of the installation."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.shared.settings import development_secrets
from services.shared.settings.installation import Settings
from services.shared.settings.unsafe import UnsafeSettingsError

MOUNTED_SECRETS: Final = Path("/run/secrets")


def _usual(folder: Path) -> Path:
    return folder


def load(*, elsewhere: Callable[[Path], Path] = _usual) -> Settings:
    """Read the settings; in development a missing secret is made once and kept under `<data_dir>/secrets/` (mode 0600).

    `elsewhere` is given the usual data folder where none is set, and says which to use.

    None is made beside a `database_url`, nor beside an embedded database that is there already: UnsafeSettingsError
    names what is missing, since the records in that database may be real and `DP_ENVIRONMENT` forgotten. Raises
    pydantic's ValidationError where a setting is not of its form; its text repeats no value.
    """
    mounted = Path(os.environ.get("DP_SECRETS_DIR", MOUNTED_SECRETS))
    folder = mounted if mounted.is_dir() else None
    settings = Settings(_secrets_dir=folder)
    if settings.is_self_contained:
        if "data_dir" not in settings.model_fields_set:
            settings = Settings(_secrets_dir=folder, data_dir=elsewhere(settings.data_dir))
        _refuse_new_secrets_beside_data(settings)
        return development_secrets.with_development_secrets(settings)
    if not settings.is_production and (
        missing := [f"DP_{name.upper()}" for name in development_secrets.missing(settings)]
    ):
        raise UnsafeSettingsError("\n- ".join(["no secret is made beside a DP_DATABASE_URL; set these:", *missing]))
    return settings


def _refuse_new_secrets_beside_data(settings: Settings) -> None:
    """Raise UnsafeSettingsError where an embedded database is there and a key is not: a new one opens none of it."""
    if not (settings.data_dir / "postgres" / "PG_VERSION").exists():
        return
    files = {name: development_secrets.file(settings, name) for name in development_secrets.missing(settings)}
    lost = [f"DP_{name.upper()} ({file})" for name, file in files.items() if not file.exists()]
    if lost:
        raise UnsafeSettingsError(
            f"the database in {settings.data_dir} was made with keys that are gone, and no new ones are made beside it:"
            f" put back {', '.join(lost)}, or begin anew with `make clean-data`"
        )
