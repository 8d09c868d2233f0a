import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-m", "services.command"]
PATIENCE_SECONDS = 120.0


def dp(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=ROOT,
        env=environment(data_dir),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def environment(data_dir: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("DP_")}
    return own | {"DP_DATA_DIR": str(data_dir)}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an embedded installation into which `dp demo load` has put a tiny county."""
    folder = tmp_path_factory.mktemp("embedded")
    loaded = dp(folder, "demo", "load", "--recipients", "40", "--months", "2")
    assert loaded.returncode == 0, loaded.stderr
    assert "40" in loaded.stdout
    return folder


@pytest.fixture
def address(data_dir: Path) -> Iterator[str]:
    """The address at which `dp serve` serves that installation."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [*PROGRAM, "serve", "--port", str(port)],
        cwd=ROOT,
        env=environment(data_dir),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(60)


def get(address: str, path: str, token: str) -> httpx.Response:
    """Ask until the server answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return httpx.get(f"{address}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the server did not answer"
            time.sleep(0.2)


def test_a_county_loaded_by_the_command_line_is_served(data_dir: Path, address: str) -> None:
    def as_(role: str, options: Sequence[str] = ()) -> str:
        signed = dp(data_dir, "token", "--role", role, *options)
        assert signed.returncode == 0, signed.stderr
        return signed.stdout.strip()

    seen = get(address, "/v1/recipients?limit=200", as_("care_worker"))
    assert seen.status_code == 200, seen.text
    everybody = get(address, "/v1/recipients?limit=200", as_("finance_officer"))
    assert 0 < len(seen.json()["items"]) < len(everybody.json()["items"]) == 40

    deliveries = get(address, "/v1/feeds/kestrel-cards/deliveries", as_("feed", ("--provider", "kestrel-cards")))
    assert len(deliveries.json()["items"]) >= 8
    report = get(address, "/v1/reports/spend?from=2020-01-01&to=2099-12-31", as_("auditor"))
    assert report.json()["total_transactions"] > 400


def test_loading_the_same_county_again_says_the_same(data_dir: Path) -> None:
    again = dp(data_dir, "demo", "load", "--recipients", "40", "--months", "2")
    assert again.returncode == 0, again.stderr
    other = dp(data_dir, "demo", "load", "--recipients", "50", "--months", "2")
    assert other.returncode != 0
    assert "40 recipients" in other.stderr
