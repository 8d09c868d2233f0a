"""The embedded server comes back by itself after a crash, and stays down where somebody stopped it."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from services import reviving, running
from services.shared import database, embedded
from services.shared.settings.development_secrets import with_development_secrets
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import app as frame
from services.shared.web import health


def becomes(what: Callable[[], bool], *, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := what()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return held


def is_up(data_dir: Path) -> bool:
    found = embedded.running(data_dir)
    return found is not None


def runs_another(data_dir: Path, pid: int) -> bool:
    found = embedded.running(data_dir)
    return found is not None and found.pid != pid


def test_a_killed_server_is_brought_back_and_a_stopped_one_is_left_alone(tmp_path: Path) -> None:
    settings = with_development_secrets(Settings(data_dir=tmp_path))
    with running.embedded_server(settings):
        for _ in range(2):
            killed = embedded.running(tmp_path)
            assert killed is not None
            os.kill(killed.pid, signal.SIGKILL)
            assert becomes(partial(runs_another, tmp_path, killed.pid))
        there = embedded.running(tmp_path)
        assert there is not None
        embedded.stop(there)
        time.sleep(3 * reviving.LOOK_SECONDS)
        assert not is_up(tmp_path)
        embedded.start(tmp_path)
    assert not is_up(tmp_path)


def test_a_server_that_cannot_start_is_tried_again_until_it_can(tmp_path: Path) -> None:
    settings = with_development_secrets(Settings(data_dir=tmp_path))
    with running.embedded_server(settings):
        killed = embedded.running(tmp_path)
        assert killed is not None
        control = tmp_path / "postgres" / "global" / "pg_control"
        away = control.with_suffix(".away")
        control.rename(away)  # As on a full disk, it ends while it starts.
        os.kill(killed.pid, signal.SIGKILL)
        time.sleep(3 * reviving.LOOK_SECONDS)
        assert not is_up(tmp_path)
        away.rename(control)
        assert becomes(lambda: is_up(tmp_path))


async def test_readiness_is_told_in_time_while_the_whole_server_is_stopped(tmp_path: Path) -> None:
    settings = with_development_secrets(Settings(data_dir=tmp_path))
    with running.embedded_server(settings):
        await running.migrated(settings)
        own = await database.connect(settings, service=Service.DP_API)
        app = frame.create_app(
            service=Service.DP_API, title="x", description="x", routers=[], jobs=[], settings=settings, database=own
        )
        assert (await health.checks_of(app))["database"] == health.FINE
        server = embedded.running(tmp_path)
        assert server is not None
        group = [server.pid, *children_of(server.pid)]
        for pid in group:
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        found = await health.checks_of(app)
        took = time.monotonic() - began
        for pid in group:
            os.kill(pid, signal.SIGCONT)
        assert found["database"] == health.UNREACHABLE
        assert took < health.LONGEST_CHECK_SECONDS + 2
        await own.close()


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
