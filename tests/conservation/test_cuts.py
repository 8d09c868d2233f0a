from collections.abc import Callable
from pathlib import Path

from services.shared import embedded
from tests.conservation import arena as arenas
from tests.conservation import cuts

Tell = Callable[[str], None]


def test_connections_to_the_database_cut_at_random_bytes_lose_nothing(
    server: embedded.Server, template: str, tmp_path: Path, tell: Tell
) -> None:
    outcome = cuts.cut_database(arenas.make(server, tmp_path, template=template), cuts=50, seed=1)
    tell(outcome.sentence("connections to the database cut"))
    assert outcome.differences == []


def test_pushes_cut_at_random_bytes_lose_nothing_and_double_nothing(
    server: embedded.Server, template: str, tmp_path: Path, tell: Tell
) -> None:
    outcome = cuts.cut_pushes(arenas.make(server, tmp_path, template=template), cuts=50, seed=2)
    tell(outcome.sentence("pushes cut"))
    assert outcome.differences == []


def test_a_push_that_is_taken_for_answered_when_it_was_not_is_caught(
    server: embedded.Server, template: str, tmp_path: Path
) -> None:
    outcome = cuts.cut_pushes(arenas.make(server, tmp_path, template=template), cuts=4, seed=3, deaf=True)
    assert outcome.differences != []
