from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.shared import embedded
from tests.conservation import arena as arenas
from tests.conservation import kills
from tests.conservation.plants import commit_before_counting

Tell = Callable[[str], None]


def test_a_hundred_workers_killed_lose_nothing_and_double_nothing(
    server: embedded.Server, template: str, tmp_path: Path, tell: Tell
) -> None:
    arena = arenas.make(server, tmp_path, template=template)
    outcome = kills.kill_workers(arena, kills=100, seed=1)
    tell(outcome.sentence("workers killed"))
    assert outcome.differences == []
    assert outcome.share_inside >= 0.8


def test_a_worker_that_commits_before_it_counts_is_caught(
    server: embedded.Server, template: str, tmp_path: Path
) -> None:
    arena = arenas.make(server, tmp_path, template=template)
    assert kills.kill_workers(arena, kills=20, seed=2, plant=commit_before_counting).differences != []


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[embedded.Server]:
    """A server of this test's own, to be killed."""
    started = embedded.start(tmp_path / "server")
    yield started
    embedded.stop(started)


def test_a_database_killed_ten_times_loses_nothing_and_doubles_nothing(
    own_server: embedded.Server, tmp_path: Path, tell: Tell
) -> None:
    arena = arenas.make(own_server, tmp_path, template=None)
    outcome = kills.kill_databases(arena, own_server, kills=10, seed=3)
    tell(outcome.sentence("database servers killed"))
    assert outcome.differences == []

    def differences(seed: int) -> list[str]:
        planted = arenas.make(embedded.start(own_server.data_dir), tmp_path, template=None)
        return kills.kill_databases(planted, own_server, kills=10, seed=seed, plant=commit_before_counting).differences

    # Where in a batch a kill falls is chance, so that ten kills may miss the bug; forty do not.
    assert any(differences(seed) for seed in range(4, 8))
