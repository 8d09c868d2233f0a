"""Providers' machines that push at the same time: each push is signed, and what it was answered is kept apart."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from services.shared import clock, dev_tokens
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from tests.builders import deliveries as build
from tests.conservation.record import Record
from tests.http import bearer

PUSH = f"/v1/feeds/{build.PROVIDER}/deliveries"
AT_ONCE = 12
"""Machines that push at the same time."""

_ACCEPTED = 202
_TRY_LATER = 500
"""What is answered so, or not at all, is sent again; anything else is an answer that nobody should get."""


@dataclass(slots=True)
class Answers:
    """What the outside knows: which deliveries were answered as stored, which were sent and not, and what was odd."""

    stored: set[int] = field(default_factory=set)
    in_doubt: set[int] = field(default_factory=set)
    failed: int = 0
    odd: Counter[int] = field(default_factory=Counter)
    not_known_again: int = 0


@dataclass(frozen=True, slots=True)
class Pushers:
    """A provider's machines: its token and its secret, and the record out of which they push."""

    settings: Settings
    record: Record
    port: int
    secret: str

    async def push(self, places: Sequence[int], answers: Answers, *, until: Callable[[], bool]) -> None:
        """Push these deliveries, some at the same time, each once; end early when `until` says so."""
        waiting = list(reversed(places))

        async def one_machine(client: httpx.AsyncClient) -> None:
            while waiting and not until():
                await self._push(client, waiting.pop(), answers)

        async with self._client() as client:
            await asyncio.gather(*(one_machine(client) for _ in range(AT_ONCE)))

    async def push_again(self, answers: Answers) -> None:
        """Push all that was answered once more: each must be known, whatever was killed since."""
        again = Answers()
        before = sorted(answers.stored)
        waiting = list(before)

        async def one_machine(client: httpx.AsyncClient) -> None:
            while waiting:
                answers.not_known_again += not await self._push(client, waiting.pop(), again)

        async with self._client() as client:
            await asyncio.gather(*(one_machine(client) for _ in range(AT_ONCE)))
        answers.odd += again.odd

    async def _push(self, client: httpx.AsyncClient, place: int, answers: Answers) -> bool:
        """Push one; return whether it was known already."""
        body = self.record.body(place)
        signed = build.signed(body, secret=self.secret, delivery_id=f"msg_{place}", at=clock.now())
        answers.in_doubt.add(place)
        try:
            answer = await client.post(PUSH, content=body, headers=signed)
        except httpx.TransportError:
            return False
        if answer.status_code == _ACCEPTED:
            answers.in_doubt.discard(place)
            answers.stored.add(place)
            return bool(answer.json()["already_received"])
        answers.failed += answer.status_code >= _TRY_LATER
        answers.odd[answer.status_code] += answer.status_code < _TRY_LATER
        return False

    def _client(self) -> httpx.AsyncClient:
        token = dev_tokens.sign(self.settings, role=Role.FEED, provider=build.PROVIDER)
        return _client(self.port, token)


async def new_key(settings: Settings, *, port: int) -> str:
    """Have a key made over HTTP, and return its secret."""
    token = dev_tokens.sign(settings, role=Role.ADMINISTRATOR)
    async with _client(port, token) as client:
        made = await client.post(f"/v1/feeds/{build.PROVIDER}/keys", headers={"Idempotency-Key": "the-one-key"})
    made.raise_for_status()
    secret: str = made.json()["secret"]
    return secret


def _client(port: int, token: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        headers=bearer(token),
        timeout=60,
        limits=limits,
        verify=False,  # noqa: S501 (there is no TLS: reading the certificates takes longer than a push)
        trust_env=False,
    )
