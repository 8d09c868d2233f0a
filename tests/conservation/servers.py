"""A server process: card_ingest's real application over HTTP in a process of its own, to be killed at any moment.

The application is made before the fork, so that a start takes a tenth of a second; database, loop and connections are
the process's own. The port is the process's alone too: when it dies, whoever was waiting there is hung up on.
"""

import asyncio
import mmap
import os
import signal
import socket
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from services.card_ingest import main
from services.shared import database, logs
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import app as frame
from tests.conservation import worker
from tests.conservation.worker import Notes, Place

BACKLOG = 256


@dataclass(frozen=True, slots=True)
class Server:
    """A running server process as its parent sees it."""

    pid: int
    port: int
    place: mmap.mmap

    def end(self) -> Place:
        """Kill it with SIGKILL, wait until it is gone, and return where it stood."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        place = Place(self.place[0])
        self.place.close()
        return place

    def stands(self) -> Place:
        """Return where it stands just now."""
        return Place(self.place[0])


def application(settings: Settings) -> FastAPI:
    """Make the application, to be given its database after the fork."""
    return main.create(settings=settings)


def fork(app: FastAPI, settings: Settings, *, plant: Callable[[], None]) -> Server:
    """Start a server; `plant` plants a bug in it alone (or nothing)."""
    place, listening = mmap.mmap(-1, 1), socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    port = int(listening.getsockname()[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        listening.close()
        return Server(pid, port, place)
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        logs.configure("critical")
        plant()
        notes = Notes(place, os.open(os.devnull, os.O_WRONLY))
        asyncio.run(_serve(app, settings, listening, notes))
        os._exit(0)
    except BaseException:  # Nobody reads what it would say; that it is gone shows at its port.
        os._exit(1)


async def _serve(app: FastAPI, settings: Settings, listening: socket.socket, notes: Notes) -> None:
    worker.watch(notes)
    own = await database.connect(settings, service=Service.CARD_INGEST)
    frame.attach(app, settings=settings, database=own)
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    await uvicorn.Server(config).serve(sockets=[listening])
