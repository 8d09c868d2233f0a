"""Many large uploads at once, to a real server: what does not fit is told to come again, and memory stays bounded."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from tests.journeys.conftest import served

MEGABYTE = 1_048_576
BODY = 8 * MEGABYTE
AT_ONCE = 32 * MEGABYTE
UPLOADS = 20
BODIES_HELD = AT_ONCE // BODY


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def begun(address: str, token: str, *, length: int) -> socket.socket:
    """Send the head of an upload."""
    parts = urlsplit(address)
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)
    head = (
        "POST /v1/feeds/northbank/files?profile=canonical HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Content-Type: application/octet-stream",
        f"Content-Length: {length}",
    )
    connection.sendall("".join(f"{line}\r\n" for line in (*head, "")).encode())
    return connection


def status_of(connection: socket.socket, *, within: float) -> int | None:
    connection.settimeout(within)
    try:
        return int(connection.recv(64).split()[1])
    except TimeoutError:
        return None


def taken_at_last(address: str, token: str, body: bytes) -> int | None:
    """Send an upload again while it is told to come again, since the server hears a moment later who is gone."""
    status: int | None = 503
    for _ in range(100):
        with begun(address, token, length=len(body)) as connection:
            connection.sendall(body)
            status = status_of(connection, within=20)
        if status != 503:
            break
        time.sleep(0.1)
    return status


def test_uploads_beyond_what_is_held_at_once_are_503_and_memory_stays_bounded(
    settings: Settings, token: Callable[..., str]
) -> None:
    bounded = settings.model_copy(update={"max_bytes_at_once": AT_ONCE, "run_jobs": False})
    signed, piece = token(Role.FINANCE_OFFICER), bytes(MEGABYTE)
    with served(bounded) as address, ExitStack() as stack:
        before, statuses = resident_bytes(), []
        for number in range(UPLOADS):
            connection = stack.enter_context(begun(address, signed, length=BODY))
            for _ in range(BODY // MEGABYTE - 1):
                connection.sendall(piece)
            connection.sendall(piece[:-1])
            is_held = number < BODIES_HELD
            statuses.append(status_of(connection, within=0.3 if is_held else 20))
        assert statuses == [None] * BODIES_HELD + [503] * (UPLOADS - BODIES_HELD)
        assert resident_bytes() - before < 5 * AT_ONCE
        stack.close()
        assert taken_at_last(address, signed, piece) not in (None, 500, 503)
