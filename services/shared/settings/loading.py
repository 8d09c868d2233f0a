"""Reads the settings of the installation."""

import os
from pathlib import Path
from typing import Final

from services.shared.settings import development_secrets
from services.shared.settings.installation import Settings
from services.shared.settings.unsafe import UnsafeSettingsError

MOUNTED_SECRETS: Final = Path("/run/secrets")


def load() -> Settings:
    """Read the settings; in development a missing secret is made once and kept under `<data_dir>/secrets/` (mode 0600).

    Beside a `database_url` none is made: UnsafeSettingsError names what is missing, since the records in that database
    may be real and `DP_ENVIRONMENT` forgotten. Raises pydantic's ValidationError where a setting is not of its form;
    its text repeats no value.
    """
    mounted = Path(os.environ.get("DP_SECRETS_DIR", MOUNTED_SECRETS))
    settings = Settings(_secrets_dir=mounted if mounted.is_dir() else None)
    if settings.is_self_contained:
        return development_secrets.with_development_secrets(settings)
    if not settings.is_production and (
        missing := [f"DP_{name.upper()}" for name in development_secrets.missing(settings)]
    ):
        raise UnsafeSettingsError("\n- ".join(["no secret is made beside a DP_DATABASE_URL; set these:", *missing]))
    return settings
