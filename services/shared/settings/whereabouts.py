"""Where this user's running installation keeps its data, so that a command in a second terminal works on the same.

Whoever serves from a folder of its own holds a lock on a note in the user's state folder for as long as it serves; a
note that nobody holds is of one that has ended.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from services.shared.settings.installation import Settings
from services.shared.setup_error import SetupError

_NOTES: Final = Path("direct-payments") / "serving"


class SeveralInstallationsError(SetupError):
    """Several installations of this user run on this machine, so that the command has to be told which is meant."""


@contextmanager
def noted(settings: Settings) -> Iterator[None]:
    """Let this user's other commands find the data folder of an installation that brings its own database.

    Where no note can be left (a home that is read-only, or none), there is none.
    """
    note = _note(settings) if settings.is_self_contained else None
    try:
        yield
    finally:
        if note is not None:
            Path(note.name).unlink(missing_ok=True)
            note.close()


def serving() -> list[Path]:
    """Return the data folders that this user's installations serve from just now, in order."""
    found: set[Path] = set()
    with suppress(OSError, RuntimeError):
        for note in _folder().glob("*.note"):
            with note.open() as held:
                if _is_held(held):
                    found.add(Path(held.read().strip()))
                else:
                    note.unlink(missing_ok=True)
    return sorted(found)


def of_the_running() -> Path | None:
    """Return the data folder of the one installation that is served, None where none is.

    Raises SeveralInstallationsError naming their folders where there are several.
    """
    folders = serving()
    if len(folders) > 1:
        names = ", ".join(map(str, folders))
        raise SeveralInstallationsError(f"several installations are served: say by DP_DATA_DIR which is meant: {names}")
    return folders[0] if folders else None


def _note(settings: Settings) -> TextIO | None:
    """Return a note that is locked until it is closed, None where none can be left."""
    try:
        _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        note = (_folder() / f"{os.getpid()}.note").open("w")
        fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        note.write(f"{settings.data_dir.resolve()}\n")
        note.flush()
    except (OSError, RuntimeError):  # A home that cannot be found raises RuntimeError.
        return None
    return note


def _is_held(note: TextIO) -> bool:
    try:
        fcntl.flock(note, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _folder() -> Path:
    """Return the user's own folder for what programs remember (`XDG_STATE_HOME`, else `~/.local/state`)."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / _NOTES
