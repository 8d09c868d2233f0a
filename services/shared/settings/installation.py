"""The settings of one installation, each with its form and what stands where it is not set."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.shared import schema_names

SHORTEST_PROXY_SECRET: Final = 32
NOTHING: Final = SecretStr("")


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
    certificate, believed beside `proxy_secret` (32 characters or more) alone. `max_body_bytes`: of a file or a push;
    `max_json_bytes`: of any other body; `max_bytes_at_once`: of all bodies that one process holds;
    `max_requests_at_once`: of one process, more are turned away. `rate_limit`: requests per time and caller;
    `feed_rate_limit`: the same of a provider's machine, whose refused requests count against `rate_limit`.
    `raw_deliveries_kept_days`: of a delivery's raw content. `run_jobs` left unset means: in development only;
    `dev_issuer`: in development with the embedded database only.
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
    max_json_bytes: int = Field(default=524_288, gt=0)
    max_bytes_at_once: int = Field(default=134_217_728, gt=0)
    max_requests_at_once: int = Field(default=500, gt=0)
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
