"""A lost or wrong key stops the start in one sentence, and readiness; none is made silently beside data."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from services import running, together
from services.shared import ciphers, clock, database, key_checks, migrate
from services.shared.key_checks import LostKeyError
from services.shared.settings import loading
from services.shared.settings.installation import Settings
from services.shared.settings.unsafe import UnsafeSettingsError
from services.shared.vocabulary.records import Service
from services.shared.web import health
from tests.databases import Databases

NEW: Final[dict[str, Callable[[], str]]] = {
    "encryption_keys": lambda: Fernet.generate_key().decode(),
    "blind_index_key": lambda: base64.b64encode(os.urandom(32)).decode(),
    "audit_signing_key": lambda: base64.b64encode(os.urandom(32)).decode(),
}


def with_secrets(settings: Settings, **secrets: str) -> Settings:
    return settings.model_copy(update={name: SecretStr(secret) for name, secret in secrets.items()})


async def store_something(databases: Databases) -> None:
    """Store one value with each key, as the services do."""
    own = databases.dp_api.ciphers
    async with databases.superuser() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            """INSERT INTO recipient (id, kind, full_name, date_of_birth, primary_support_reason, ethnicity, team_code,
                   address_lines, postcode, home_care_zone, administered_by, version, created_at, updated_at,
                   nhs_number_encrypted, nhs_number_index)
               VALUES (gen_random_uuid(), 'adult', 'Ada Example', '1950-01-01', 'mental_health', 'white', 'north',
                   '1 Street', 'LE1 1AA', 'melton', 'alone', 1, now(), now(), $1, $2)""",
            own.encrypt("9990000018"),
            own.blind_index("9990000018"),
        )
        closed = b"y" * 32
        await connection.execute(
            "INSERT INTO audit_seal VALUES ('acts', 1, now(), '{1}', $1, $1, $1, $2)", closed, own.sign(closed)
        )


async def readiness_says(settings: Settings) -> health.Check:
    own = {service: await database.connect(settings, service=service) for service in Service}
    app = together.Together(settings, databases=own).apps[Service.DP_API]
    found = await health.checks_of(app)
    for each in own.values():
        await each.close()
    return found["database"]


async def start_a_service(settings: Settings) -> None:
    app = together.CREATE[Service.CLAWBACK](settings=settings.model_copy(update={"run_jobs": False}))
    async with app.router.lifespan_context(app):
        pass


@pytest.mark.parametrize("has_proofs", [True, False], ids=["with proofs", "of before proofs"])
@pytest.mark.parametrize("name", NEW)
async def test_a_wrong_key_stops_every_start_and_readiness_in_one_sentence(
    databases: Databases, name: str, has_proofs: bool
) -> None:
    await store_something(databases)
    if has_proofs:
        await key_checks.at_start(databases.dp_api)
    secret = NEW[name]()
    wrong = with_secrets(databases.settings, **{name: secret})
    for start in (running.migrated, migrate.migrate, start_a_service):
        with pytest.raises(LostKeyError) as refused:
            await start(wrong)
        said = str(refused.value)
        assert said.startswith(f"DP_{name.upper()} is not, or not all of, what the records")
        assert "\n" not in said
        assert secret not in said
    said_by_readiness = await readiness_says(wrong)
    assert said_by_readiness == (f"DP_{name.upper()} does not open what is stored", True)
    assert await readiness_says(databases.settings) == health.FINE
    await running.migrated(databases.settings)


async def test_an_older_key_that_is_dropped_is_missed(databases: Databases) -> None:
    settings = databases.settings
    old, new = settings.encryption_keys.get_secret_value(), NEW["encryption_keys"]()
    both = with_secrets(settings, encryption_keys=f"{new},{old}")
    await running.migrated(both)
    for kept in (old, new):
        with pytest.raises(LostKeyError, match="DP_ENCRYPTION_KEYS"):
            await running.migrated(with_secrets(settings, encryption_keys=kept))
    seed = settings.audit_signing_key.get_secret_value()
    await running.migrated(with_secrets(both, audit_signing_key=f"{NEW['audit_signing_key']()},{seed}"))
    with pytest.raises(LostKeyError, match="DP_AUDIT_SIGNING_KEY"):
        await running.migrated(both)


async def test_of_before_proofs_the_oldest_value_is_asked_too(databases: Databases) -> None:
    await store_something(databases)
    settings = databases.settings
    new = NEW["encryption_keys"]()
    newer = ciphers.from_settings(with_secrets(settings, encryption_keys=new))
    async with databases.superuser() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "INSERT INTO recipient SELECT (jsonb_populate_record(old, jsonb_build_object('id', gen_random_uuid(),"
            " 'created_at', now() + interval '1 day', 'nhs_number_index', $1::bytea::text))).* FROM recipient AS old",
            newer.blind_index("9990000026"),
        )
        await connection.execute(
            "UPDATE recipient SET nhs_number_encrypted = $1 WHERE created_at > now()", newer.encrypt("9990000026")
        )
    for kept in (new, settings.encryption_keys.get_secret_value()):
        with pytest.raises(LostKeyError, match="DP_ENCRYPTION_KEYS"):
            await running.migrated(with_secrets(settings, encryption_keys=kept))
    both = f"{new},{settings.encryption_keys.get_secret_value()}"
    await running.migrated(with_secrets(settings, encryption_keys=both))


async def test_proofs_are_left_once_and_carry_no_key(databases: Databases) -> None:
    for own in (databases.dp_api, databases.clawback, databases.dp_api):
        await key_checks.at_start(own)
    async with databases.superuser() as connection:
        rows = await connection.fetch("SELECT setting, made, first_used_at FROM key_check ORDER BY setting")
    assert [row["setting"] for row in rows] == ["audit_signing_key", "blind_index_key", "encryption_keys"]
    assert all(row["first_used_at"] <= clock.now() for row in rows)
    for name in NEW:
        secret = getattr(databases.settings, name).get_secret_value()
        for held in (secret.encode(), base64.b64decode(secret.translate(str.maketrans("-_", "+/")))):
            assert all(held not in row["made"] for row in rows)


async def test_a_start_without_a_database_goes_on(settings: Settings, tmp_path: Path) -> None:
    nowhere = with_secrets(settings, database_url=f"postgresql://x@/x?host={tmp_path}&port=5")
    own = await database.connect(nowhere, service=Service.DP_API)
    await key_checks.at_start(own)
    await own.close()


@pytest.mark.parametrize("lost", [["encryption_keys"], ["blind_index_key", "audit_signing_key"], list(NEW)])
def test_no_key_is_made_beside_an_embedded_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: list[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("DP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DP_SECRETS_DIR", str(tmp_path / "none"))
    loading.load()
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18")
    before = loading.load()
    for name in lost:
        (tmp_path / "secrets" / name).unlink()
    with pytest.raises(UnsafeSettingsError, match="no new ones are made") as refused:
        loading.load()
    for name in lost:
        assert f"DP_{name.upper()} ({tmp_path / 'secrets' / name})" in str(refused.value)
        assert not (tmp_path / "secrets" / name).exists()
    for name in NEW:
        monkeypatch.setenv(f"DP_{name.upper()}", getattr(before, name).get_secret_value())
    assert ciphers.from_settings(loading.load()).public_keys() == ciphers.from_settings(before).public_keys()
