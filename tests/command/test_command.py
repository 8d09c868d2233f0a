"""The `dp` command as people run it: a process of its own, on a data folder of its own."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from services.command import terminal
from services.demo import accounts
from services.shared import embedded
from services.shared.settings import whereabouts
from services.shared.settings.installation import Settings

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120
STATEMENT = """Account,Date,Type,Description,Reference,Amount,Transaction ID
A1,01/03/2026,CHG,Card fee,,-1.50,T1
A1,02/03/2026,DPT,Corner shop,,-12.34,T2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder that the commands of this module share; no server is left on it."""
    made = tmp_path_factory.mktemp("installation")
    yield made
    assert embedded.running(made) is None, "a command left the embedded database running"


def environment(folder: Path, **changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DP_")}
    return {**kept, "DP_DATA_DIR": str(folder), "XDG_STATE_HOME": str(folder / "state"), **changes}


def dp(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.command", *arguments],
        cwd=ROOT,
        env=environment(folder, **changes),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def figures(folder: Path, *arguments: str) -> dict[str, Any]:
    found = dp(folder, *arguments, "--json")
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) == 1
    read: dict[str, Any] = json.loads(found.stdout)
    return read


@contextmanager
def served(folder: Path, *, port: int) -> Iterator[subprocess.Popen[str]]:
    """Serve on a port until the block ends, at the latest."""
    process = subprocess.Popen(
        [sys.executable, "-m", "services.command", "serve", "--service", "clawback", "--port", str(port)],
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        until_it_answers(process, port=port)
        yield process
    finally:
        process.kill()
        process.wait()


def until_it_answers(process: subprocess.Popen[str], *, port: int) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the service did not become ready")


def test_a_token_is_printed_and_nothing_else(tmp_path: Path) -> None:
    found = dp(tmp_path, "token", "--role", "care_worker", "--name", "1001", "--team", "north")
    claims = jwt.decode(found.stdout.strip(), options={"verify_signature": False})
    assert (claims["roles"], claims["staff_number"], claims["teams"]) == (["care_worker"], "1001", ["north"])
    assert claims["exp"] - claims["iat"] == 12 * 3_600


def test_a_second_terminal_works_on_the_data_of_the_installation_that_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_from, elsewhere = tmp_path / "served", tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    asked = [sys.executable, "-m", "services.command", "token", "--role", "auditor"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DP_")}
    with whereabouts.noted(Settings(data_dir=served_from)):
        found = subprocess.run(
            asked, cwd=elsewhere, env=kept, capture_output=True, text=True, timeout=SECONDS, check=True
        )
    assert f"the data folder is {served_from}" in found.stderr
    assert (served_from / "secrets" / "dev_issuer_key").exists()
    assert list(elsewhere.iterdir()) == []
    alone = subprocess.run(asked, cwd=elsewhere, env=kept, capture_output=True, text=True, timeout=SECONDS, check=True)
    assert f"the data folder is {elsewhere / '.data'}" in alone.stderr


def test_a_feeds_token_speaks_for_the_named_provider_or_the_countys_first(tmp_path: Path) -> None:
    first = next(iter(accounts.PROVIDERS))
    for options, provider in (
        ((), first),
        (("--name", "acme"), "acme"),
        (("--name", "x", "--provider", "acme"), "acme"),
    ):
        found = dp(tmp_path, "token", "--role", "feed", *options)
        claims = jwt.decode(found.stdout.strip(), options={"verify_signature": False})
        assert (claims["roles"], claims["provider"]) == (["feed"], provider)


def test_production_signs_no_token(tmp_path: Path) -> None:
    found = dp(tmp_path, "token", "--role", "auditor", DP_ENVIRONMENT="production")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("dp: ")
    assert "Traceback" not in found.stderr


def test_production_does_not_serve_with_unsafe_settings_and_names_each(tmp_path: Path) -> None:
    found = dp(tmp_path, "serve", DP_ENVIRONMENT="production", DP_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert found.returncode == 1
    for name in ("DP_ISSUER", "DP_TLS_TERMINATING_PROXY", "DP_ENCRYPTION_KEYS"):
        assert name in found.stderr
    assert "Traceback" not in found.stderr


def test_a_file_is_taken_in_once_on_a_fresh_folder(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "march.csv"
    file.write_text(STATEMENT)
    options = ("feed", "import", str(file), "--provider", "kestrel", "--profile", "demo_bank_statement")
    first = figures(folder, *options, "--account", "trial")
    again = figures(folder, *options, "--account", "trial")
    expected = {"rows", "posted", "already_posted", "quarantined", "pence", "seconds", "delivery_id"}
    assert expected <= first.keys()
    assert (first["rows"], first["posted"], first["quarantined"]) == (2, 2, 0)
    assert abs(first["pence"]["delivered"]) == 1_384
    assert first["pence"]["posted"] == first["pence"]["delivered"]
    assert (again["posted"], again["already_posted"]) == (0, 2)
    assert (again["pence"]["posted"], again["pence"]["already_posted"]) == (0, first["pence"]["posted"])


def test_the_clawback_runs_and_the_trail_verifies(folder: Path) -> None:
    run = figures(folder, "clawback", "run", "--as-of", "2026-03-31")
    assert run.keys() == {"run_id", "as_of", "accounts", "flagged", "new_cases", "excess_pence", "seconds"}
    assert (run["as_of"], run["flagged"], run["new_cases"]) == ("2026-03-31", 0, 0)
    assert figures(folder, "audit", "verify").keys() == {"ok", "entries", "first_broken"}
    assert figures(folder, "audit", "verify")["ok"] is True


def test_no_act_of_a_command_waits_unsealed_and_the_check_says_by_whose_keys(folder: Path) -> None:
    figures(folder, "clawback", "run")
    told = dp(folder, "audit", "verify").stdout
    assert re.search(r"^unsealed +0$", told, re.MULTILINE)
    assert int(re.findall(r"^entries +(\d+)$", told, re.MULTILINE)[0]) > 0
    (key,) = re.findall(r"^public key +(\S+)$", told, re.MULTILINE)
    assert len(base64.b64decode(key, validate=True)) == 32


def test_what_cannot_be_done_is_one_line_and_exit_code_1(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "march.csv"
    file.write_text(STATEMENT)
    found = dp(folder, "feed", "import", str(file), "--provider", "kestrel", "--profile", "nonsense", "--json")
    assert (found.returncode, found.stdout) == (1, "")
    assert "Traceback" not in found.stderr


def test_serving_ends_at_ctrl_c_with_its_database_and_a_command_beside_it_leaves_both_running(folder: Path) -> None:
    with served(folder, port=18_471) as process:
        assert figures(folder, "audit", "verify")["ok"] is True
        assert embedded.running(folder) is not None
        assert [note.read_text() for note in folder.rglob("*.note")] == [f"{folder}\n"]
        assert httpx.get("http://127.0.0.1:18471/health/ready").status_code == 200
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - began < 15
    assert embedded.running(folder) is None


def test_a_port_that_is_taken_is_told(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = dp(folder, "serve", "--service", "clawback", "--port", port)
    assert found.returncode == 1
    assert port in found.stderr


def test_figures_are_shown_one_a_line_and_parts_beneath_their_own_heading(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show({"rows": 2, "already_posted": 1, "pence": {"posted": 5}}, as_json=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["rows", "2"],
        ["already", "posted", "1"],
        ["pence", "posted", "5"],
    ]


def test_where_there_is_no_terminal_each_step_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress() as report:
        for done in range(1, 4):
            report("people", done, 3)
    assert capsys.readouterr().err == "people: 3\n"
