"""What a production installation must not have set, each with the reason."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from services.shared.settings.installation import SHORTEST_PROXY_SECRET, Settings
from services.shared.settings.secret_forms import WELL_FORMED
from services.shared.setup_error import SetupError

SHORTEST_PASSWORD: Final = 12
ON_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
ENCRYPTED: Final = frozenset({"require", "verify-ca", "verify-full"})


class UnsafeSettingsError(SetupError):
    """Production will not start: the text names every unsafe setting and why, never a value."""


def unsafe_settings(settings: Settings) -> list[str]:
    """Name every setting that production must not have, each with the reason; empty when production may start."""
    return [f"DP_{name}: {reason}" for name, reason in _unsafe(settings)]


def refuse_unsafe(settings: Settings) -> Settings:
    """Return the settings, or raise UnsafeSettingsError in production when any of them is unsafe."""
    refuse(settings, unsafe_settings(settings))
    return settings


def refuse(settings: Settings, unsafe: list[str]) -> None:
    """Raise UnsafeSettingsError in production when anything unsafe was found."""
    if settings.is_production and unsafe:
        raise UnsafeSettingsError("\n- ".join(["production does not start with unsafe settings:", *unsafe]))


def refuse_open_address(settings: Settings, *, host: str) -> None:
    """Raise UnsafeSettingsError for an address that others than this machine reach where no proxy stands before it."""
    if host not in ON_THIS_MACHINE and not settings.tls_terminating_proxy:
        raise UnsafeSettingsError(
            f"nothing is served on {host}, which others can reach, unless a proxy before it ends TLS and bounds what"
            " comes: declare it by DP_TLS_TERMINATING_PROXY=true, or listen on 127.0.0.1"
        )


def _unsafe(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each unsafe setting of a production installation: its name without `DP_`, and why."""
    if settings.has_dev_issuer:
        yield "DEV_ISSUER", "is on, so anybody could sign in as anybody"
    if not settings.tls_terminating_proxy:
        yield "TLS_TERMINATING_PROXY", "is off: declare the proxy that ends TLS, since the services speak plain HTTP"
    if settings.client_certificate_header and not settings.takes_client_certificates:
        yield "PROXY_SECRET", f"has not {SHORTEST_PROXY_SECRET} characters, so anybody could claim a certificate"
    if "*" in settings.allowed_hosts:
        yield "ALLOWED_HOSTS", "admits every host name"
    yield from _unsafe_database(settings)
    yield from _unsafe_issuer(settings)
    yield from _unsafe_secrets(settings)


def _unsafe_database(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.database_url is None:
        yield "DATABASE_URL", "is missing, and the embedded database is for development alone"
    for name in ("database_url", "database_admin_url"):
        address: SecretStr | None = getattr(settings, name)
        if address is not None and not settings.database_network_is_private and _is_readable(address):
            yield name.upper(), f"has no sslmode of {', '.join(sorted(ENCRYPTED))}, so records could be read on the way"
    for name in ("database_password_dp_api", "database_password_card_ingest", "database_password_clawback"):
        password: SecretStr | None = getattr(settings, name)
        if password is not None and len(password.get_secret_value()) < SHORTEST_PASSWORD:
            yield name.upper(), f"is shorter than {SHORTEST_PASSWORD} characters"


def _is_readable(address: SecretStr) -> bool:
    """Tell whether what goes to the server and comes back passes a network unencrypted."""
    parts = urlsplit(address.get_secret_value())
    asked = parse_qs(parts.query)
    host = asked.get("host", [parts.hostname or ""])[-1]
    is_here = not host or host.startswith("/") or host in ON_THIS_MACHINE
    return not is_here and asked.get("sslmode", [""])[-1] not in ENCRYPTED


def _unsafe_issuer(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in ("issuer", "audience", "jwks_url"):
        if not getattr(settings, name):
            yield name.upper(), "is missing, so no token could be checked"
    for name in ("issuer", "jwks_url"):
        if getattr(settings, name) and urlsplit(getattr(settings, name)).scheme != "https":
            yield name.upper(), "is not an https address, so its keys could be replaced on the way"


def _unsafe_secrets(settings: Settings) -> Iterator[tuple[str, str]]:
    for name, is_well_formed in WELL_FORMED.items():
        secret: str = getattr(settings, name).get_secret_value()
        development = settings.data_dir / "secrets" / name
        if not secret:
            yield name.upper(), "is missing"
        elif not is_well_formed(secret):
            yield name.upper(), "is not of its form or too short"
        elif development.exists() and development.read_text() == secret:
            yield name.upper(), "is the one that a development start made"
