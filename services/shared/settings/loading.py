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

    Beside a `database_url` none is made: UnsafeSettingsError names what is missing, since the records in that database
    may be real and `DP_ENVIRONMENT` forgotten. Raises pydantic's ValidationError where a setting is not of its form;
    its text repeats no value.
    """
    mounted = Path(os.environ.get("DP_SECRETS_DIR", MOUNTED_SECRETS))
    folder = mounted if mounted.is_dir() else None
    settings = Settings(_secrets_dir=folder)
    if settings.is_self_contained:
        if "data_dir" not in settings.model_fields_set:
            settings = Settings(_secrets_dir=folder, data_dir=elsewhere(settings.data_dir))
        return development_secrets.with_development_secrets(settings)
    if not settings.is_production and (
        missing := [f"DP_{name.upper()}" for name in development_secrets.missing(settings)]
    ):
        raise UnsafeSettingsError("\n- ".join(["no secret is made beside a DP_DATABASE_URL; set these:", *missing]))
    return settings
