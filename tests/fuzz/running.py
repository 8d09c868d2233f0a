"""A small county, every role with a token, and so many calls one after the other, each answer judged."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

import httpx

from services import together
from services.demo import accounts, loading
from services.shared import clock, dates, dev_tokens
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from tests.databases import Databases
from tests.fuzz.calls import Call, Calls, Operation, operations
from tests.fuzz.judging import Judge
from tests.fuzz.known import Known
from tests.http import ORIGIN, bearer

_RECIPIENTS: Final = 12
_MONTHS: Final = 2
_LEARNING_ROUNDS: Final = 3

Progress = Callable[[int], None]


@dataclass(slots=True)
class Outcome:
    """How many calls of each operation ended how, and what was broken, each with the first call that broke it."""

    calls: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: dict[str, str] = field(default_factory=dict)

    def operations_that_succeeded(self) -> frozenset[str]:
        """Return the operations that answered with success at least once."""
        return frozenset(name for name, status in self.statuses if 200 <= status < 300)


def nothing(_done: int) -> None:
    """Hear of progress, and do nothing about it."""


async def fuzz(databases: Databases, *, calls: int, seed: int, progress: Progress = nothing) -> Outcome:
    """Fill the databases with a small county and make so many calls of the three services."""
    await loading.load(
        databases.settings,
        recipients=_RECIPIENTS,
        months=_MONTHS,
        today=dates.london_date(clock.now()),
        report=lambda _stage, _done, _total: None,
    )
    random = Random(seed)
    known, outcome, judge = Known(random), Outcome(), Judge()
    async with served(databases) as (app, clients):
        found = operations({service.value: each.openapi() for service, each in app.apps.items()})
        secret = await _a_key(clients[Role.ADMINISTRATOR])
        made = Calls(random, known, secret=secret)
        reads = [each for each in found if each.method == "GET"]
        wanted = [*(reads * _LEARNING_ROUNDS), *(random.choice(found) for _ in range(calls))][:calls]
        for operation in wanted:
            await _made(made.of(operation), clients, known=known, judge=judge, outcome=outcome)
            outcome.calls += 1
            progress(outcome.calls)
    return outcome


@asynccontextmanager
async def served(
    databases: Databases,
) -> AsyncIterator[tuple[together.Together, dict[Role, httpx.AsyncClient]]]:
    """Give the three applications, and a client of each role whose share of requests never ends."""
    settings = databases.settings.model_copy(
        update={"rate_limit": "1000000000/minute", "feed_rate_limit": "1000000000/minute"}
    )
    app = together.Together(settings, databases={service: databases.of(service) for service in Service})
    async with AsyncExitStack() as stack:
        clients = {role: httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN) for role in Role}
        teams = await _teams(databases)
        for role, client in clients.items():
            client.headers.update(bearer(_signed(settings, role, teams=teams)))
            stack.push_async_callback(client.aclose)
        yield app, clients


def _signed(settings: Settings, role: Role, *, teams: Sequence[str]) -> str:
    name = f"fuzz-{role.value.replace('_', '-')}"
    return dev_tokens.sign(settings, role=role, name=name, teams=teams, provider=accounts.KESTREL)


async def _teams(databases: Databases) -> list[str]:
    async with databases.superuser() as connection:
        return [row["code"] for row in await connection.fetch("SELECT code FROM team ORDER BY code")]


async def _a_key(administrator: httpx.AsyncClient) -> str:
    headers = {"Idempotency-Key": "fuzz-first-key"}
    added = await administrator.post(f"/v1/feeds/{accounts.KESTREL}/keys", headers=headers)
    return str(added.json()["secret"])


async def _made(
    call: Call, clients: dict[Role, httpx.AsyncClient], *, known: Known, judge: Judge, outcome: Outcome
) -> None:
    """Make a call, note how it ended and learn from its answer."""
    operation: Operation = call.operation
    client = clients[call.role]
    request = client.build_request(operation.method, call.url, content=call.body)
    request.headers = httpx.Headers([*client.headers.raw, *request.headers.raw[:1], *call.headers])
    answer = await client.send(request)
    outcome.statuses[operation.name, answer.status_code] += 1
    for words in judge.broken(operation, answer):
        outcome.broken.setdefault(
            f"{operation.name}: {words}", f"{call.role.value} {call.url[:300]} {call.body!r:.600}"
        )
    if answer.is_success and answer.content and answer.headers.get("content-type", "").startswith("application/json"):
        known.learn(answer.json(), path=operation.path)
