"""`dp feed check`: a file is judged row by row without a database, a door by what it takes and refuses."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from services.card_ingest.profiles import profile as profiles
from services.card_ingest.signatures import standard_webhooks
from services.provider_kit import checking, conformance
from services.provider_kit.checking import Checked
from services.provider_kit.conformance import Door
from services.provider_kit.judging import Check
from services.shared import calling
from services.shared.identity.roles import Role
from services.shared.vocabulary.feeds import RowOutcome
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed
from tests.http import Clients

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 20)


def check(file: Path, profile: str = "canonical", **changes: str) -> Checked:
    seen: list[tuple[int, int]] = []
    found = checking.check(
        file,
        profiles.load(profile, own_folder=file.parent),
        account_ref=changes.get("account_ref"),
        received_on=TODAY,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert not found.rows or seen[-1] == (found.rows, found.rows)
    return found


def test_each_row_is_judged_with_its_code_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "day.ndjson"
    sent = [
        build.an_event("t1"),
        build.an_event("h1", status="authorised"),
        build.an_event("d1", status="declined"),
        build.an_event("t1"),
        build.an_event("t1", amount_pence=99),
        build.an_event("t2", mcc="12"),
        build.an_event("t3", mcc="x"),
        build.an_event("t4", reference="4111 1111 1111 1111"),
    ]
    file.write_bytes(build.ndjson(sent) + b"{\n")
    found = check(file)
    assert found.rows == 9
    assert found.outcomes == {
        RowOutcome.POSTED: 1,
        RowOutcome.HELD: 1,
        RowOutcome.NO_MONEY: 1,
        RowOutcome.ALREADY_POSTED: 1,
        RowOutcome.QUARANTINED: 5,
    }
    assert {verdict.code: list(verdict.first_rows) for verdict in found.verdicts} == {
        "bad_mcc": [6, 7],
        "same_id_other_content": [5],
        "card_number_in_row": [8],
        "broken_json_line": [9],
    }
    assert all(verdict.message and verdict.remedy for verdict in found.verdicts)
    assert found.delivered_pence == 7 * 1234 + 99
    assert (found.unread_amounts, found.is_right) == (1, False)


def test_a_good_file_is_right(tmp_path: Path) -> None:
    file = tmp_path / "day.ndjson"
    file.write_bytes(build.ndjson(build.an_event(f"t{number}") for number in range(50)))
    assert check(file).is_right


@pytest.mark.parametrize(("content", "code"), [(b"", "empty_delivery"), (b"a,b\n1,2\n", "wrong_heading")])
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "day.csv"
    file.write_bytes(content)
    found = check(file, "calderdale" if content else "canonical")
    assert found.refused is not None
    assert (found.refused[0], found.is_right, found.rows) == (code, False, 0)


def test_the_published_files_come_to_the_same_as_when_they_are_taken_in(reference_data: Path) -> None:
    file = next(reference_data.rglob("calderdale-2018-07*.csv"))
    found = check(file, "calderdale")
    assert (found.rows, found.delivered_pence, found.is_right) == (971, 7_198_672, True)


def command(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "services.command", "feed", "check", *arguments]
    environment |= {"PATH": "", "PYTHONPATH": str(ROOT), "DP_DATA_DIR": str(folder / "none")}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("day.ndjson", "--profile", "broken.toml"), "dp: the profile broken is not of its form"),
        (("nowhere.ndjson",), "dp: there is no such file"),
        (("http://127.0.0.1:9",), "dp: name the provider whose door is checked"),
        (("http://127.0.0.1:9", "--provider", "acme-cards"), "dp: FEED_SECRET is not `whsec_` and base64"),
    ],
)
def test_what_is_wrong_with_the_command_itself_is_told_in_a_line(
    tmp_path: Path, arguments: Sequence[str], told: str
) -> None:
    (tmp_path / "day.ndjson").write_bytes(build.ndjson([build.an_event("t1")]))
    (tmp_path / "broken.toml").write_text("name = [")
    found = command(*arguments, folder=tmp_path, FEED_TOKEN="a-token", FEED_SECRET="whsec_z")
    assert (found.returncode, found.stderr.startswith(told)) == (1, True), found.stderr
    assert "whsec_z" not in found.stderr


def test_the_command_prints_the_verdicts_leaves_nothing_behind_and_ends_with_1(tmp_path: Path) -> None:
    file = tmp_path / "day.ndjson"
    file.write_bytes(build.ndjson([build.an_event("t1"), build.an_event("t2", mcc="x")]))
    told = command(str(file), folder=tmp_path)
    assert told.returncode == 1, told.stderr
    assert "bad_mcc: 1 rows, 1234 pence (rows 2)" in told.stdout
    shown = json.loads(command(str(file), "--json", folder=tmp_path).stdout)
    assert (shown["rows"], shown["is_right"], shown["verdicts"][0]["code"]) == (2, False, "bad_mcc")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["day.ndjson"]
    file.write_bytes(build.ndjson([build.an_event("t1")]))
    assert command(str(file), folder=tmp_path).returncode == 0
    absent = command("nowhere.csv", folder=tmp_path)
    assert (absent.returncode, absent.stderr.strip()) == (1, "dp: there is no such file")


@pytest.fixture
async def door(feed: Feed, clients: Clients) -> Door:
    made = await clients.of(Role.ADMINISTRATOR).post("/v1/feeds/northbank/keys")
    client = clients.bare(Role.FEED, provider="northbank")
    token = client.headers["Authorization"].removeprefix("Bearer ")
    return Door(calling.Caller(client), "northbank", token, made.json()["secret"])


def wrong(checks: Sequence[Check]) -> list[str]:
    return [each.what for each in checks if not each.is_right]


async def test_our_own_door_keeps_the_rules_and_stores_nothing(door: Door, feed: Feed) -> None:
    checks = await conformance.check(door)
    assert len(checks) > 10
    assert wrong(checks) == []
    assert await feed.count("feed_delivery") == 0
    assert await feed.count("card_transaction") == 0


async def test_a_door_that_takes_whatever_comes_is_found_out(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def takes_all(*_: object, **__: object) -> calling.Answer:
        return calling.Answer(200, {}, b'{"sample": [1, 2]}')

    monkeypatch.setattr(calling.Caller, "ask", takes_all)
    assert len(wrong(await conformance.check(door))) == 7


async def test_a_door_that_takes_nothing_is_found_out(door: Door) -> None:
    stranger = Door(door.caller, door.provider, door.token, standard_webhooks.new_secret())
    assert len(wrong(await conformance.check(stranger))) == 6
