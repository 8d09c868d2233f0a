"""Settings: where they come from, what development makes for itself, what production refuses."""

import base64
import os
import re
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError

from services.shared.settings import loading, unsafe
from services.shared.settings.installation import Settings
from services.shared.settings.unsafe import UnsafeSettingsError

SEED = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("DP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DP_SECRETS_DIR", str(tmp_path / "mounted"))
    monkeypatch.chdir(tmp_path)


def safe() -> Settings:
    return Settings(
        environment="production",
        database_url=SecretStr("postgresql://db.example.gov.uk/direct_payments?sslmode=verify-full"),
        database_password_dp_api=SecretStr("a long enough password"),
        issuer="https://login.example.gov.uk/",
        audience="direct-payments",
        jwks_url="https://login.example.gov.uk/keys",
        encryption_keys=SecretStr(f"{Fernet.generate_key().decode()}, {Fernet.generate_key().decode()}"),
        blind_index_key=SecretStr("k" * 32),
        audit_signing_key=SecretStr(SEED),
        tls_terminating_proxy=True,
    )


def test_the_environment_is_read_with_its_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DP_SCHEMA", "a_council")
    monkeypatch.setenv("DP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DP_ALLOWED_HOSTS", "a.example.gov.uk, b.example.gov.uk")
    monkeypatch.setenv("DP_TOKEN_ALGORITHMS", "ES256")
    monkeypatch.setenv("DP_DATABASE_URL", "")
    found = loading.load()
    assert found.schema_name == "a_council"
    assert found.audit_seal_file == tmp_path / "audit-seals.ndjson"
    assert found.allowed_hosts == ("a.example.gov.uk", "b.example.gov.uk")
    assert found.token_algorithms == ("ES256",)
    assert found.database_url is None


def test_a_mounted_secret_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "dp_blind_index_key").write_text("from a file, 32 characters long!!")
    assert loading.load().blind_index_key.get_secret_value() == "from a file, 32 characters long!!"


def test_a_dotenv_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DP_SCHEMA=elsewhere\n")
    assert loading.load().schema_name == "direct_payments"


def test_development_makes_its_secrets_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = loading.load()
    assert first.encryption_keys.get_secret_value()
    assert loading.load() == first
    kept = list((tmp_path / ".data" / "secrets").iterdir())
    assert {file.name for file in kept} == {"encryption_keys", "blind_index_key", "audit_signing_key"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}


def test_production_makes_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DP_ENVIRONMENT", "production")
    assert loading.load().encryption_keys.get_secret_value() == ""
    assert not (tmp_path / ".data").exists()


def test_safe_production_settings_are_accepted() -> None:
    settings = safe()
    assert unsafe.unsafe_settings(settings) == []
    assert unsafe.refuse_unsafe(settings) is settings


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"dev_issuer": True}, "DP_DEV_ISSUER"),
        ({"tls_terminating_proxy": False}, "DP_TLS_TERMINATING_PROXY"),
        ({"allowed_hosts": ("*",)}, "DP_ALLOWED_HOSTS"),
        ({"client_certificate_header": "X-Client-Certificate"}, "DP_PROXY_SECRET"),
        (
            {"client_certificate_header": "X-Client-Certificate", "proxy_secret": SecretStr("k" * 31)},
            "DP_PROXY_SECRET",
        ),
        ({"database_url": None}, "DP_DATABASE_URL"),
        ({"database_password_dp_api": SecretStr("postgres")}, "DP_DATABASE_PASSWORD_DP_API"),
        ({"issuer": None}, "DP_ISSUER"),
        ({"issuer": "http://login.example.gov.uk/"}, "DP_ISSUER"),
        ({"audience": None}, "DP_AUDIENCE"),
        ({"jwks_url": None}, "DP_JWKS_URL"),
        ({"jwks_url": "http://login.example.gov.uk/keys"}, "DP_JWKS_URL"),
        ({"encryption_keys": SecretStr("")}, "DP_ENCRYPTION_KEYS"),
        ({"encryption_keys": SecretStr("changeme")}, "DP_ENCRYPTION_KEYS"),
        ({"blind_index_key": SecretStr("")}, "DP_BLIND_INDEX_KEY"),
        ({"blind_index_key": SecretStr("k" * 31)}, "DP_BLIND_INDEX_KEY"),
        ({"audit_signing_key": SecretStr("")}, "DP_AUDIT_SIGNING_KEY"),
        ({"audit_signing_key": SecretStr(base64.b64encode(bytes(31)).decode())}, "DP_AUDIT_SIGNING_KEY"),
        ({"audit_signing_key": SecretStr(f"{SEED},{base64.b64encode(bytes(31)).decode()}")}, "DP_AUDIT_SIGNING_KEY"),
        ({"audit_signing_key": SecretStr("schlüssel")}, "DP_AUDIT_SIGNING_KEY"),
        ({"encryption_keys": SecretStr("schlüssel")}, "DP_ENCRYPTION_KEYS"),
        ({"database_url": SecretStr("postgresql://db.example.gov.uk/dp")}, "DP_DATABASE_URL"),
        ({"database_url": SecretStr("postgresql://db.example.gov.uk/dp?sslmode=prefer")}, "DP_DATABASE_URL"),
        ({"database_url": SecretStr("postgresql://a,localhost/dp")}, "DP_DATABASE_URL"),
        ({"database_url": SecretStr("postgresql:///dp?host=db.example.gov.uk")}, "DP_DATABASE_URL"),
        ({"database_admin_url": SecretStr("postgresql://db.example.gov.uk/dp")}, "DP_DATABASE_ADMIN_URL"),
    ],
)
def test_production_names_each_unsafe_setting(changes: dict[str, object], named: str) -> None:
    changed = safe().model_copy(update=changes)
    assert [line.split(":")[0] for line in unsafe.unsafe_settings(changed)] == [named]
    with pytest.raises(UnsafeSettingsError, match=named):
        unsafe.refuse_unsafe(changed)


@pytest.mark.parametrize(
    "changes",
    [
        {"database_url": SecretStr("postgresql://db.example.gov.uk/dp?sslmode=require")},
        {"database_url": SecretStr("postgresql://db.example.gov.uk/dp?sslmode=verify-ca&sslrootcert=/ca.pem")},
        {"database_url": SecretStr("postgresql://localhost/dp")},
        {"database_url": SecretStr("postgresql://[::1]:5433/dp")},
        {"database_url": SecretStr("postgresql:///dp?host=/run/postgresql")},
        {"database_url": SecretStr("postgresql://postgres/dp"), "database_network_is_private": True},
        {"audit_signing_key": SecretStr(f"{SEED}, {SEED}")},
        {"client_certificate_header": "X-Client-Certificate", "proxy_secret": SecretStr("k" * 32)},
    ],
)
def test_production_accepts_what_nobody_on_the_way_can_read(changes: dict[str, object]) -> None:
    assert unsafe.unsafe_settings(safe().model_copy(update=changes)) == []


def test_a_forgotten_environment_beside_a_server_is_no_open_door(monkeypatch: pytest.MonkeyPatch) -> None:
    given = safe()
    monkeypatch.setenv("DP_DATABASE_URL", "postgresql://localhost/dp")
    with pytest.raises(UnsafeSettingsError) as refused:
        loading.load()
    assert re.findall("DP_[A-Z_]+KEYS?", str(refused.value)) == [
        "DP_ENCRYPTION_KEYS",
        "DP_BLIND_INDEX_KEY",
        "DP_AUDIT_SIGNING_KEY",
    ]
    for name in ("encryption_keys", "blind_index_key", "audit_signing_key"):
        monkeypatch.setenv(f"DP_{name.upper()}", getattr(given, name).get_secret_value())
    assert not loading.load().has_dev_issuer
    monkeypatch.setenv("DP_DEV_ISSUER", "true")
    assert loading.load().has_dev_issuer


def test_the_embedded_database_brings_its_own_issuer() -> None:
    assert loading.load().has_dev_issuer


@pytest.mark.parametrize("name", ["public", "pg_council", "information_schema", "user", "order", "select"])
def test_a_name_of_postgresqls_own_is_no_councils(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("DP_SCHEMA", name)
    with pytest.raises(ValidationError, match="belongs to PostgreSQL"):
        loading.load()


def test_a_development_secret_is_unsafe_in_production(tmp_path: Path) -> None:
    made = loading.load()
    carried_over = safe().model_copy(update={"data_dir": made.data_dir, "encryption_keys": made.encryption_keys})
    assert [line.split(":")[0] for line in unsafe.unsafe_settings(carried_over)] == ["DP_ENCRYPTION_KEYS"]


def test_development_starts_with_whatever_is_set() -> None:
    assert unsafe.refuse_unsafe(Settings(dev_issuer=True)).has_dev_issuer


def test_no_secret_is_shown() -> None:
    settings = safe()
    secret = settings.encryption_keys.get_secret_value()
    assert secret not in repr(settings)
    assert secret not in str(settings.model_dump())


def test_a_malformed_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DP_SCHEMA", "Robert'); DROP TABLE")
    with pytest.raises(ValidationError) as refused:
        loading.load()
    assert "DP_SCHEMA" in str(refused.value)
    assert "Robert" not in str(refused.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.20", "county.example"])
def test_an_address_that_others_reach_is_served_behind_a_declared_proxy_alone(host: str) -> None:
    with pytest.raises(UnsafeSettingsError, match="DP_TLS_TERMINATING_PROXY") as refused:
        unsafe.refuse_open_address(Settings(), host=host)
    assert "\n" not in str(refused.value)
    unsafe.refuse_open_address(Settings(tls_terminating_proxy=True), host=host)
    for here in ("127.0.0.1", "localhost", "::1"):
        unsafe.refuse_open_address(Settings(), host=here)
