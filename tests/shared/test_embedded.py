import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.shared import cluster, embedded

NHS_NUMBER = "9990000018"


@contextmanager
def _server(data_dir: Path, *, major: int = 18) -> Iterator[embedded.Server]:
    server = embedded.start(data_dir, major=major)
    try:
        yield server
    finally:
        embedded.stop(server)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    with _server(tmp_path_factory.mktemp("shared server")) as server:
        embedded.create_database_if_missing(server)
        yield server


async def _connect(server: embedded.Server, *, database: str = "postgres") -> asyncpg.Connection:
    return await asyncpg.connect(
        host=str(server.socket_dir), port=server.port, user="postgres", database=database, timeout=10
    )


async def _ask(server: embedded.Server, question: str, *, database: str = "postgres") -> object:
    connection = await _connect(server, database=database)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_the_address_it_gives_is_one_sqlalchemy_can_use(server: embedded.Server) -> None:
    engine = create_async_engine(server.url("postgres"))
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT current_user, current_database()"))).one()
    await engine.dispose()
    assert tuple(row) == ("postgres", "direct_payments")


def test_the_address_survives_odd_names(server: embedded.Server) -> None:
    url = make_url(server.url("a role@x", "a base?"))
    assert (url.username, url.database, url.query["host"]) == ("a role@x", "a base?", str(server.socket_dir))


async def test_the_cluster_is_utf8_c_with_checksums(server: embedded.Server) -> None:
    found = await _ask(
        server,
        "SELECT concat_ws(' ', pg_encoding_to_char(encoding), datlocprovider, datlocale,"
        " current_setting('data_checksums')) FROM pg_database WHERE datname = 'direct_payments'",
    )
    assert found == "UTF8 b C.UTF-8 on"


def test_it_reports_durable_settings(server: embedded.Server) -> None:
    settings = server.settings()
    assert settings["server_version"].startswith("18.")
    assert {settings[name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}
    assert (settings["jit"], settings["wal_compression"]) == ("off", "off")


async def test_it_listens_on_no_network_and_its_socket_is_private(server: embedded.Server) -> None:
    assert await _ask(server, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.data_dir / "postgres").stat().st_mode) == 0o700


def test_a_second_start_finds_the_first_server(server: embedded.Server) -> None:
    again = embedded.start(server.data_dir)
    assert (again.pid, again.started_here, server.started_here) == (server.pid, False, True)


def test_making_a_database_twice_does_no_harm(server: embedded.Server) -> None:
    embedded.create_database_if_missing(server, database='two "words"; --')
    embedded.create_database_if_missing(server, database='two "words"; --')


async def test_nothing_of_a_value_reaches_the_log(server: embedded.Server) -> None:
    connection = await _connect(server)
    await connection.execute("CREATE TABLE person (nhs_number text PRIMARY KEY, born integer)")
    await connection.execute("INSERT INTO person VALUES ($1, 1)", NHS_NUMBER)
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO person VALUES ($1, 2)", NHS_NUMBER)
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await connection.execute(f"SELECT 'NHS {NHS_NUMBER}'::integer")
    with pytest.raises(asyncpg.RaiseError):
        await connection.execute(f"DO $$ BEGIN RAISE EXCEPTION '{NHS_NUMBER}'; END $$")
    await connection.close()
    log = (server.data_dir / "postgres" / "server.log").read_text()
    assert "ready to accept connections" in log
    assert NHS_NUMBER not in log


async def test_two_servers_stand_side_by_side(server: embedded.Server, tmp_path: Path) -> None:
    with _server(tmp_path / "other") as other:
        await _ask(other, "CREATE DATABASE only_here")
        there = await _ask(server, "SELECT count(*) FROM pg_database WHERE datname = 'only_here'")
    assert (there, other.port, other.socket_dir == server.socket_dir) == (0, server.port, False)


async def test_committed_rows_outlive_a_killed_server_and_it_starts_fast(tmp_path: Path) -> None:
    first = embedded.start(tmp_path)
    await _ask(first, "CREATE TABLE kept AS SELECT 7 AS number")
    os.kill(first.pid, signal.SIGKILL)
    began = time.monotonic()
    with _server(tmp_path) as second:
        took = time.monotonic() - began
        assert await _ask(second, "SELECT number FROM kept") == 7
    assert (second.pid != first.pid, second.started_here) == (True, True)
    assert took < 15, "recovery of an empty server took longer than any disk explains"


def test_a_process_that_inherited_the_number_does_not_block_the_start(tmp_path: Path) -> None:
    embedded.stop(embedded.start(tmp_path))
    lock = tmp_path / "postgres" / "postmaster.pid"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        lock.write_text(f"{stranger.pid}\n{tmp_path / 'postgres'}\n1\n5432\n/nowhere\n\n  1 1\nready   \n")
        assert embedded.running(tmp_path) is None
        with _server(tmp_path) as server:
            assert server.settings()["fsync"] == "on"
        stranger.kill()


def test_it_outlives_the_process_that_started_it_and_is_found_again(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys; from services.shared import embedded;"
        " print(embedded.start(pathlib.Path(sys.argv[1])).pid, flush=True); os.kill(os.getpid(), 9)"
    )
    died = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    with _server(tmp_path) as found:
        assert (died.returncode, found.pid, found.started_here) == (-9, int(died.stdout), False)


def test_a_swept_temporary_folder_is_made_anew(tmp_path: Path) -> None:
    first = embedded.start(tmp_path)
    shutil.rmtree(first.socket_dir)
    with _server(tmp_path) as second:
        assert second.pid != first.pid
        assert second.settings()["jit"] == "off"


def test_stopping_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    server = embedded.start(tmp_path)
    embedded.stop(server)
    assert embedded.running(tmp_path) is None
    assert not server.socket_dir.exists()
    assert not Path(f"/proc/{server.pid}").exists()
    embedded.stop(server)


def test_a_half_made_cluster_is_made_again(tmp_path: Path) -> None:
    half_made = tmp_path / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    with _server(tmp_path) as server:
        assert server.settings()["server_version"].startswith("18.")
    assert not half_made.exists()


async def test_the_other_major_version_runs_too_and_they_do_not_mix(tmp_path: Path) -> None:
    with _server(tmp_path, major=16) as server:
        assert server.settings()["server_version"].startswith("16.")
        assert await _ask(server, "SELECT 'ä' < 'b' COLLATE \"C\"") is False
    with pytest.raises(embedded.EmbeddedServerError, match="PostgreSQL 16 cluster, not 18"):
        embedded.start(tmp_path, major=18)
    with pytest.raises(embedded.EmbeddedServerError, match="no embedded PostgreSQL 15"):
        embedded.start(tmp_path / "none", major=15)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    embedded.stop(embedded.start(tmp_path))
    (tmp_path / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(embedded.EmbeddedServerError, match=r"ended while it started.*database system"):
        embedded.start(tmp_path)


def test_a_deep_data_folder_still_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a folder's name of forty letters' length"] * 5)
    with _server(deep) as server:
        assert len(str(server.socket_dir / ".s.PGSQL.5432.lock")) <= 107
        assert server.settings()["fsync"] == "on"


def test_a_stranger_cannot_take_the_sockets_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = cluster.Account(uid=os.geteuid(), gid=os.getegid(), prefix=())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = cluster.socket_dir(tmp_path / "postgres", owner=owner)
    place.rmdir()
    place.symlink_to(tmp_path)
    with pytest.raises(embedded.EmbeddedServerError, match="not ours"):
        cluster.socket_dir(tmp_path / "postgres", owner=owner)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account run the server")
def test_root_runs_it_as_nobody_with_no_more_rights_than_a_closed_folder_asks_for(tmp_path: Path) -> None:
    open_folder = Path("/tmp") / f"dp-open-{os.getpid()}"
    closed_folder = tmp_path / "closed"
    closed_folder.mkdir(mode=0o700)
    try:
        with _server(closed_folder / "data") as behind:
            assert _rights(behind.pid) in ({"Uid": "65534", "CapEff": 1 << bit} for bit in (1, 2))
        with _server(open_folder) as beside:
            reachable = cluster.account(open_folder / "postgres", reached=(cluster.binaries(18) / "postgres",))
            assert _rights(beside.pid)["Uid"] == "65534"
            assert (_rights(beside.pid)["CapEff"] == 0) is (len(reachable.prefix) == 4)
        assert stat.S_IMODE(closed_folder.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(open_folder, ignore_errors=True)


def _rights(pid: int) -> dict[str, object]:
    with closing(Path(f"/proc/{pid}/status").open()) as status:
        lines = dict(line.split(":", 1) for line in status)
    return {"Uid": lines["Uid"].split()[0], "CapEff": int(lines["CapEff"], 16)}
