from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.shared import embedded
from tests.conservation import arena as arenas
from tests.conservation import pushed_kills
from tests.conservation.kills import Outcome
from tests.plants import bugs

Tell = Callable[[str], None]


def require_gathering(outcome: Outcome) -> None:
    """Require that pushes truly went into one commit with others: a quarter of them, and several at once."""
    assert outcome.together is not None
    assert outcome.together.deliveries > outcome.deliveries // 4
    assert outcome.together.most >= 3


def test_servers_killed_under_gathered_pushes_lose_nothing_that_was_answered(
    server: embedded.Server, template: str, tmp_path: Path, tell: Tell
) -> None:
    outcome = pushed_kills.kill_servers(arenas.make(server, tmp_path, template=template), kills=3, seed=1)
    tell(outcome.sentence("servers killed under gathered pushes"))
    assert outcome.differences == []
    require_gathering(outcome)


def test_a_server_that_answers_before_it_commits_is_caught(
    server: embedded.Server, template: str, tmp_path: Path
) -> None:
    arena = arenas.make(server, tmp_path, template=template)
    outcome = pushed_kills.kill_servers(arena, kills=1, seed=4, plant=bugs.named("answered_before_the_commit").plant)
    assert any("answered as stored, and not there" in each for each in outcome.differences)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[embedded.Server]:
    """A server of this test's own, to be killed."""
    started = embedded.start(tmp_path / "server")
    yield started
    embedded.stop(started)


def test_a_database_killed_under_gathered_pushes_loses_nothing_that_was_answered(
    own_server: embedded.Server, tmp_path: Path, tell: Tell
) -> None:
    arena = arenas.make(own_server, tmp_path, template=None)
    outcome = pushed_kills.kill_databases(arena, own_server, kills=2, seed=3)
    tell(outcome.sentence("database servers killed under gathered pushes"))
    assert outcome.differences == []
    require_gathering(outcome)


def test_a_server_that_answers_before_it_commits_is_caught_by_its_databases_death_too(
    own_server: embedded.Server, tmp_path: Path
) -> None:
    arena = arenas.make(own_server, tmp_path, template=None)
    plant = bugs.named("answered_before_the_commit").plant
    outcome = pushed_kills.kill_databases(arena, own_server, kills=3, seed=1, plant=plant)
    assert any("answered as stored, and not there" in each for each in outcome.differences)
