"""Clients of the three applications under one origin, on the test's own database, with tokens of the dev issuer."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import jwt
import pytest
from fastapi import FastAPI

from services import together
from services.shared import dev_tokens
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import idempotency
from tests.databases import Databases

ORIGIN = "http://localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Ways to speak to the applications as anybody."""

    app: together.Together
    settings: Settings
    stack: AsyncExitStack = field(repr=False)

    @property
    def apps(self) -> Mapping[Service, FastAPI]:
        """Each service's own application, to override a dependency of."""
        return self.app.apps

    def anonymous(self) -> httpx.AsyncClient:
        """Return a client without a token."""
        return self._opened(httpx.AsyncClient(transport=self._transport(), base_url=ORIGIN))

    def bare(
        self, role: Role, *, name: str | None = None, teams: Sequence[str] = (), provider: str | None = None
    ) -> httpx.AsyncClient:
        """Return a client with a token, which sends nothing by itself but that."""
        signed = dev_tokens.sign(self.settings, role=role, name=name, teams=teams, provider=provider)
        client = httpx.AsyncClient(transport=self._transport(), base_url=ORIGIN, headers=bearer(signed))
        return self._opened(client)

    def of(
        self, role: Role, *, name: str | None = None, teams: Sequence[str] = (), provider: str | None = None
    ) -> httpx.AsyncClient:
        """Return a client with a token, which sends a fresh `Idempotency-Key` with each POST that has none."""
        client = self.bare(role, name=name, teams=teams, provider=provider)
        client.event_hooks = {"request": [_add_key]}
        return client

    def _transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(app=self.app)

    def _opened(self, client: httpx.AsyncClient) -> httpx.AsyncClient:
        self.stack.push_async_callback(client.aclose)
        return client


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def with_claims(settings: Settings, token: str, **claims: object) -> str:
    """Return the dev issuer's token with other claims: spelt otherwise, or of several roles."""
    held = jwt.decode(token, options={"verify_signature": False})
    key = dev_tokens.signing_key(settings)
    return jwt.encode({**held, **claims}, key, algorithm=dev_tokens.ALGORITHM, headers={"kid": dev_tokens.KEY_ID})


async def _add_key(request: httpx.Request) -> None:
    if request.method == "POST":
        request.headers.setdefault(idempotency.HEADER, str(uuid4()))


@pytest.fixture
async def clients(databases: Databases) -> AsyncIterator[Clients]:
    """Clients of the three applications on the test's own database."""
    app = together.Together(databases.settings, databases={service: databases.of(service) for service in Service})
    async with AsyncExitStack() as stack:
        yield Clients(app=app, settings=databases.settings, stack=stack)


@pytest.fixture
def token(settings: Settings) -> Callable[..., str]:
    """A function that signs a token: `token(Role.AUDITOR, name="...", teams=["..."], provider="...")`."""

    def signed(role: Role, *, name: str | None = None, teams: Sequence[str] = (), provider: str | None = None) -> str:
        return dev_tokens.sign(settings, role=role, name=name, teams=teams, provider=provider)

    return signed
