"""A real server on loopback for each journey, and people who speak to it over HTTP alone."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from standardwebhooks import Webhook

from services import together
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings

READY_SECONDS = 20.0

Sign = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token: every call must succeed unless another status is expected."""

    address: str
    token: str

    def post(self, path: str, body: object = None, *, version: int | None = None, expect: int | None = None) -> Any:
        """Send JSON and return the answer's; each call has an idempotency key of its own."""
        return self._asked("POST", path, body, version=version, expect=expect)

    def put(self, path: str, body: object) -> Any:
        """Send JSON and return the answer's."""
        return self._asked("PUT", path, body, version=None, expect=None)

    def get(self, path: str, *, expect: int | None = None) -> Any:
        """Return the answer's JSON."""
        return self._asked("GET", path, None, version=None, expect=expect)

    def _asked(self, method: str, path: str, body: object, *, version: int | None, expect: int | None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid4())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = httpx.request(method, f"{self.address}{path}", json=body, headers=headers, timeout=60)
        is_expected = answer.is_success if expect is None else answer.status_code == expect
        assert is_expected, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()


@dataclass(frozen=True, slots=True)
class County:
    """The served software: `as_` gives a caller of a role."""

    address: str
    sign: Sign

    def as_(
        self, role: Role, *, name: str | None = None, teams: Sequence[str] = (), provider: str | None = None
    ) -> Caller:
        """Return a caller with a token of the development issuer."""
        token = self.sign(role, name=name, teams=teams, provider=provider)
        return Caller(self.address, token)

    def push(self, *, provider: str, secret: str, lines: Sequence[bytes], message_id: str) -> httpx.Response:
        """Push a signed delivery as its provider would (Standard Webhooks 1.0.0)."""
        body = b"\n".join(lines) + b"\n"
        at = datetime.now(UTC)
        headers = {
            "Authorization": f"Bearer {self.sign(Role.FEED, provider=provider)}",
            "Content-Type": "application/x-ndjson",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
        }
        return httpx.post(f"{self.address}/v1/feeds/{provider}/deliveries", content=body, headers=headers, timeout=60)


@pytest.fixture
def county(settings: Settings, token: Sign) -> Iterator[County]:
    """The three services under one origin, served by uvicorn, without scheduled jobs."""
    with served(settings.model_copy(update={"run_jobs": False})) as address:
        yield County(address, token)


@pytest.fixture
def county_with_jobs(settings: Settings, token: Sign) -> Iterator[County]:
    """The same with its scheduled jobs, as the embedded default runs them."""
    with served(settings.model_copy(update={"run_jobs": True})) as address:
        yield County(address, token)


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Serve from a thread for as long as the block lasts, and give the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(together.application(settings, service=None), host="127.0.0.1", port=port, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + READY_SECONDS
    while not server.started and time.monotonic() < deadline and thread.is_alive():
        time.sleep(0.02)
    assert server.started, "the server did not start"
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(READY_SECONDS)
