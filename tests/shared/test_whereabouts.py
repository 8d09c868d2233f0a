import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.shared.settings import whereabouts
from services.shared.settings.installation import Settings
from services.shared.settings.whereabouts import SeveralInstallationsError

HOLD = """
import sys
from pathlib import Path
from services.shared.settings import whereabouts
from services.shared.settings.installation import Settings
with whereabouts.noted(Settings(data_dir=Path(sys.argv[1]))):
    print("noted", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_an_installation_is_found_for_as_long_as_it_is_served(tmp_path: Path) -> None:
    assert whereabouts.of_the_running() is None
    with whereabouts.noted(Settings(data_dir=tmp_path / "a")):
        assert whereabouts.of_the_running() == tmp_path / "a"
    assert whereabouts.of_the_running() is None


def test_an_installation_that_was_killed_is_not_found(tmp_path: Path, state: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "a")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "noted\n"
        assert whereabouts.serving() == [tmp_path / "a"]
        os.kill(process.pid, signal.SIGKILL)
    assert list(state.rglob("*.note"))
    assert whereabouts.serving() == []
    assert list(state.rglob("*.note")) == []


def test_of_several_installations_none_is_guessed(tmp_path: Path) -> None:
    with (
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / "a")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
        whereabouts.noted(Settings(data_dir=tmp_path / "b")),
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "noted\n"
        with pytest.raises(SeveralInstallationsError, match="DP_DATA_DIR") as refused:
            whereabouts.of_the_running()
        assert f"{tmp_path / 'a'}, {tmp_path / 'b'}" in str(refused.value)
        process.communicate("")


def test_where_no_note_can_be_left_serving_goes_on(tmp_path: Path, state: Path) -> None:
    state.write_text("a file where a folder should be")
    with whereabouts.noted(Settings(data_dir=tmp_path / "a")):
        assert whereabouts.of_the_running() is None


def test_a_councils_own_database_leaves_no_note(tmp_path: Path) -> None:
    with whereabouts.noted(Settings(data_dir=tmp_path / "a", database_url=SecretStr("postgresql://db/dp"))):
        assert whereabouts.serving() == []
