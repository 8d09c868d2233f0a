from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conservation import mutations

SUITE_SECONDS = 6.0
MANY = 10**9


def test_every_good_file_is_read_whole(tmp_path: Path) -> None:
    for seed in mutations.seeds(tmp_path):
        said, found = mutations.told(seed.profile, seed.content)
        assert said == found > 0, seed.profile.name


def test_mangled_files_crash_nothing_hang_nothing_and_are_never_read_in_part(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    outcome = mutations.mangle(tmp_path, seed=1, files=MANY, seconds=SUITE_SECONDS)
    tell(outcome.sentence)
    assert outcome.failures == []
    assert 0 < outcome.refused < outcome.files


def test_a_parser_that_passes_over_bad_rows_is_caught(tmp_path: Path) -> None:
    outcome = mutations.mangle(tmp_path, seed=2, files=300, plant=mutations.told_in_part)
    assert any("rows counted" in failure for failure in outcome.failures)


def test_a_parser_that_hangs_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(_profile: object, _raw: bytes) -> tuple[int, int]:
        while True:
            pass

    monkeypatch.setattr(mutations, "SECONDS_OF_A_FILE", 0.05)
    outcome = mutations.mangle(tmp_path, seed=3, files=2, plant=hangs)
    assert len(outcome.failures) == 2
