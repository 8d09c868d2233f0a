"""The secrets that a developer's installation makes for itself, once, under `<data_dir>/secrets/` (mode 0600)."""

import base64
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet
from pydantic import SecretStr

from services.shared.settings.installation import Settings


def with_development_secrets(settings: Settings) -> Settings:
    """Return the settings with each missing secret filled in from `<data_dir>/secrets/`, made there if need be."""
    made = {name: SecretStr(_kept(file(settings, name), _NEW_SECRETS[name])) for name in missing(settings)}
    return settings.model_copy(update=made)


def file(settings: Settings, name: str) -> Path:
    """Return where a secret of this name is kept."""
    return settings.data_dir / "secrets" / name


def missing(settings: Settings) -> list[str]:
    """Name the secrets that are not set."""
    return [name for name in _NEW_SECRETS if not getattr(settings, name).get_secret_value()]


def _kept(file: Path, make: Callable[[], str]) -> str:
    """Return the secret in this file, made first if need be: of several processes at once, one makes it for all."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        with suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    return file.read_text()


_NEW_SECRETS: Final[Mapping[str, Callable[[], str]]] = {
    "encryption_keys": lambda: Fernet.generate_key().decode(),
    "blind_index_key": lambda: base64.b64encode(os.urandom(32)).decode(),
    "audit_signing_key": lambda: base64.b64encode(os.urandom(32)).decode(),
}
