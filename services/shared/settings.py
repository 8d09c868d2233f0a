"""Everything that a council can set, read once from the environment (`DP_...`) and from mounted secret files.

Settings are passed as an argument and cached nowhere; a `.env` file is not read.
"""

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.fernet import Fernet
from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.shared import schema_names

SHORTEST_PASSWORD: Final = 12
SHORTEST_INDEX_KEY: Final = 32
SHORTEST_PROXY_SECRET: Final = 32
SEED_BYTES: Final = 32
MOUNTED_SECRETS: Final = Path("/run/secrets")
NOTHING: Final = SecretStr("")
ON_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
ENCRYPTED: Final = frozenset({"require", "verify-ca", "verify-full"})


class UnsafeSettingsError(RuntimeError):
    """Production will not start: the text names every unsafe setting and why, never a value."""


def _comma_separated(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


CommaSeparated = BeforeValidator(_comma_separated)
Rate = Annotated[str, Field(pattern=r"^[1-9][0-9]*/(second|minute|hour|day)$")]


class Settings(BaseSettings):
    """The settings of one installation; each is the environment variable `DP_` and its name in capitals.

    `database_url`: the council's PostgreSQL (`postgresql://host:port/name`); without it an embedded one runs in
    `data_dir`. The user in it is replaced by each service's own role, with the password `database_password_<service>`.
    `database_admin_url` is for `dp migrate` alone. `schema_name` (`DP_SCHEMA`): one council is one schema.
    `database_network_is_private`: only our own containers are on the way to the database, so that it may go without
    TLS (`sslmode`, `sslrootcert`, `sslcert` and `sslkey` in the address).
    `statement_timeout_ms`, `lock_timeout_ms`: milliseconds. `pool_size`: connections of each service.
    `encryption_keys`: Fernet keys, of which the first encrypts and all decrypt. `blind_index_key`: 32 characters or
    more. `audit_signing_key`: Ed25519 seeds (32 bytes each) in base64, of which the first signs and all verify.
    `feed_folder`: where providers drop files, unset for none. `feed_poll_private_network`: a provider's interface may
    have an address in the council's own network. `client_certificate_header`: in which the proxy hands on a caller's
    certificate, believed beside `proxy_secret` (32 characters or more) alone. `max_body_bytes`: bytes. `rate_limit`:
    requests per time and caller; `feed_rate_limit`: the same of a provider's machine, whose refused requests count
    against `rate_limit`. `raw_deliveries_kept_days`: of a delivery's raw content. `run_jobs` left unset means:
    in development only; `dev_issuer`: in development with the embedded database only.
    """

    model_config = SettingsConfigDict(
        env_prefix="DP_",
        env_file=None,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_by_name=True,
    )

    environment: Literal["development", "production"] = "development"
    data_dir: Path = Path(".data")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    run_jobs: bool | None = None

    database_url: SecretStr | None = None
    database_admin_url: SecretStr | None = None
    database_password_dp_api: SecretStr | None = None
    database_password_card_ingest: SecretStr | None = None
    database_password_clawback: SecretStr | None = None
    database_network_is_private: bool = False
    schema_name: schema_names.SchemaName = Field(default="direct_payments", validation_alias="DP_SCHEMA")
    statement_timeout_ms: int = Field(default=30_000, gt=0)
    lock_timeout_ms: int = Field(default=5_000, gt=0)
    pool_size: int = Field(default=8, gt=0)

    issuer: str | None = None
    audience: str | None = None
    jwks_url: str | None = None
    token_algorithms: Annotated[tuple[Literal["RS256", "ES256"], ...], NoDecode, CommaSeparated] = ("RS256", "ES256")
    roles_claim: str = "roles"
    staff_number_claim: str = "staff_number"
    teams_claim: str = "teams"
    provider_claim: str = "provider"
    dev_issuer: bool | None = None

    encryption_keys: SecretStr = NOTHING
    blind_index_key: SecretStr = NOTHING
    audit_signing_key: SecretStr = NOTHING
    audit_seal_file: Path = Field(default_factory=lambda read: read["data_dir"] / "audit-seals.ndjson")

    feed_folder: Path | None = None
    feed_poll_private_network: bool = False

    tls_terminating_proxy: bool = False
    client_certificate_header: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9-]{1,60}$")
    proxy_secret: SecretStr = NOTHING
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, CommaSeparated] = ("localhost", "127.0.0.1", "[::1]")
    max_body_bytes: int = Field(default=33_554_432, gt=0)
    rate_limit: Rate = "600/minute"
    feed_rate_limit: Rate = "300000/minute"
    raw_deliveries_kept_days: int = Field(default=2_557, ge=92)

    @property
    def is_production(self) -> bool:
        """Whether real people's records are at stake, so that nothing unsafe may be set."""
        return self.environment == "production"

    @property
    def is_self_contained(self) -> bool:
        """Whether the installation may make what it lacks: a developer's, with no server of a council's beside it."""
        return not self.is_production and self.database_url is None

    @property
    def takes_client_certificates(self) -> bool:
        """Whether certificates are believed: where a proxy ends TLS, and shares a secret with us."""
        has_secret = len(self.proxy_secret.get_secret_value()) >= SHORTEST_PROXY_SECRET
        return self.tls_terminating_proxy and self.client_certificate_header is not None and has_secret

    @property
    def has_dev_issuer(self) -> bool:
        """Whether the software signs its own log-in tokens: unless set, beside its own embedded database only."""
        return self.is_self_contained if self.dev_issuer is None else self.dev_issuer

    @property
    def runs_jobs_in_process(self) -> bool:
        """Whether the scheduled jobs run beside the endpoints: unless set, in development only."""
        return not self.is_production if self.run_jobs is None else self.run_jobs

    def unsafe(self) -> list[str]:
        """Name every setting that production must not have, each with the reason; empty when production may start."""
        return [f"DP_{name}: {reason}" for name, reason in _unsafe(self)]

    def refuse_unsafe(self) -> Self:
        """Return the settings, or raise UnsafeSettingsError in production when any of them is unsafe."""
        refuse(self, self.unsafe())
        return self


def refuse(settings: Settings, unsafe: list[str]) -> None:
    """Raise UnsafeSettingsError in production when anything unsafe was found."""
    if settings.is_production and unsafe:
        raise UnsafeSettingsError("\n- ".join(["production does not start with unsafe settings:", *unsafe]))


def load() -> Settings:
    """Read the settings; in development a missing secret is made once and kept under `<data_dir>/secrets/` (mode 0600).

    Beside a `database_url` none is made: UnsafeSettingsError names what is missing, since the records in that database
    may be real and `DP_ENVIRONMENT` forgotten. Raises pydantic's ValidationError where a setting is not of its form;
    its text repeats no value.
    """
    mounted = Path(os.environ.get("DP_SECRETS_DIR", MOUNTED_SECRETS))
    settings = Settings(_secrets_dir=mounted if mounted.is_dir() else None)
    if settings.is_self_contained:
        return with_development_secrets(settings)
    if not settings.is_production and (missing := [f"DP_{name.upper()}" for name in _missing(settings)]):
        raise UnsafeSettingsError("\n- ".join(["no secret is made beside a DP_DATABASE_URL; set these:", *missing]))
    return settings


def with_development_secrets(settings: Settings) -> Settings:
    """Return the settings with each missing secret filled in from `<data_dir>/secrets/`, made there if need be."""
    folder = settings.data_dir / "secrets"
    made = {name: SecretStr(_kept(folder / name, _NEW_SECRETS[name])) for name in _missing(settings)}
    return settings.model_copy(update=made)


def signing_seeds(secret: str) -> list[bytes]:
    """Return the seeds of the signing keys, the newest first. Raises ValueError where one is not of its form."""
    seeds = [base64.b64decode(part.strip(), validate=True) for part in secret.split(",")]
    if any(len(seed) != SEED_BYTES for seed in seeds):
        raise ValueError("a seed has 32 bytes")
    return seeds


def _missing(settings: Settings) -> list[str]:
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
    for name, is_well_formed in _WELL_FORMED.items():
        secret: str = getattr(settings, name).get_secret_value()
        development = settings.data_dir / "secrets" / name
        if not secret:
            yield name.upper(), "is missing"
        elif not is_well_formed(secret):
            yield name.upper(), "is not of its form or too short"
        elif development.exists() and development.read_text() == secret:
            yield name.upper(), "is the one that a development start made"


def _are_seeds(secret: str) -> bool:
    try:
        return bool(signing_seeds(secret))
    except ValueError:
        return False


def _are_fernet_keys(secret: str) -> bool:
    try:
        return bool([Fernet(key.strip()) for key in secret.split(",")])
    except ValueError:
        return False


_WELL_FORMED: Final[Mapping[str, Callable[[str], bool]]] = {
    "encryption_keys": _are_fernet_keys,
    "blind_index_key": lambda secret: len(secret) >= SHORTEST_INDEX_KEY,
    "audit_signing_key": _are_seeds,
}
