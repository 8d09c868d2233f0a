"""Brings the embedded server back after a crash, or once its disk has room again, for as long as anybody uses it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from services.shared import embedded

LOOK_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0

log = structlog.get_logger("dp.embedded")


@contextmanager
def kept_running(data_dir: Path) -> Iterator[None]:
    """Look each second whether the server runs, and start it again where it does not; wait longer after each failure.

    Whoever stopped it on purpose (`make stop`) finds it stopped: a server that was told to end is left alone.
    """
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(data_dir, done), name="embedded server", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(data_dir: Path, done: threading.Event) -> None:
    pause = LOOK_SECONDS
    while not done.wait(pause):
        try:
            if not embedded.has_crashed(data_dir):
                pause = LOOK_SECONDS
                continue
            embedded.start(data_dir)
            log.warning("embedded_server_back")
        except (embedded.EmbeddedServerError, OSError) as trouble:
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            log.error("embedded_server_down", error=type(trouble).__name__, next_try_seconds=pause)
