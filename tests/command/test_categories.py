"""`dp categories backtest` as people run it, on a database with posted transactions."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.builders import deliveries as build
from tests.databases import Databases

ROOT = Path(__file__).resolve().parents[2]


async def dp(databases: Databases, *arguments: str) -> tuple[int, str, str]:
    settings = databases.settings
    secrets = ("database_url", "encryption_keys", "blind_index_key", "audit_signing_key")
    told = {f"DP_{name.upper()}": getattr(settings, name).get_secret_value() for name in secrets}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.command", "categories", "backtest", *arguments),
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("DP_")}
        | {"DP_DATA_DIR": str(settings.data_dir), **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), error.decode()


@pytest.fixture
async def posted(databases: Databases) -> Databases:
    async with databases.superuser() as connection:
        await build.a_provider(connection)
        await build.an_account(connection, "ACC-1", cards=["CARD-1"])
    events = [build.an_event("T1"), build.an_event("T2", merchant_name="TESCO STORES 2617")]
    await build.receive(databases.card_ingest, build.ndjson(events))
    return databases


PERIOD = ("--from", "2026-10-01", "--to", "2026-11-30")


async def test_a_rule_from_options_is_tried(posted: Databases) -> None:
    status, out, error = await dp(posted, "--mcc", "5411", "--category", "day_care", *PERIOD, "--json")
    assert status == 0, error
    found = json.loads(out)
    assert (found["rows"], found["pence"], len(out.splitlines())) == (1, -1234, 1)
    assert found["merchants"] == [{"merchant": "CORNER SHOP", "mcc": "5411", "rows": 1, "pence": -1234}]
    assert "months: 2" in error


async def test_a_rule_from_a_file_is_tried_and_told_in_words(posted: Databases, tmp_path: Path) -> None:
    rule = tmp_path / "rule.toml"
    rule.write_text('merchant = "corner shop"\ncategory = "day_care"\n')
    status, out, error = await dp(posted, "--file", str(rule), *PERIOD)
    assert status == 0, error
    assert "2026-11 retail household to day care" in out
    assert "CORNER SHOP 5411" in out


async def test_what_is_no_rule_is_told_without_its_value(posted: Databases, tmp_path: Path) -> None:
    rule = tmp_path / "rule.toml"
    rule.write_text('payee = "Jane Derby"\ncategory = "Jane Derby"\n')
    for arguments in (("--file", str(rule)), ("--category", "day_care"), ()):
        status, out, error = await dp(posted, *arguments, *PERIOD)
        assert (status, out) == (1, "")
        assert "Traceback" not in error
        assert "Derby" not in error
