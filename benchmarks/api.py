"""dp_api over HTTP, one worker, as production runs it (its own process, logs at info), against a bare FastAPI constant.

What sends the requests is measured too, against a server that does nothing: it must be at least twice as fast as the
constant, or it would be the limit of every figure here.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from random import Random
from typing import Final
from uuid import UUID, uuid4

from benchmarks import generator, measure, served, stage
from benchmarks.generator import Figures, Load
from benchmarks.measure import Result, Scale
from benchmarks.stage import Stage
from services.shared import dev_tokens, embedded
from services.shared.identity.roles import Role

CONNECTIONS: Final = 16
LIMIT_IS: Final = "a bare FastAPI constant, one worker"
_ACCOUNTS: Final = 2_700
_A_PAGE: Final = 50
_OF_THE_CONSTANT: Final = 4
"""How many more requests the constant is sent, so that its rounds are not over at once."""
_BARS: Final = {"get": (0.16, 0.25), "list": (0.10, 0.18), "write_audit": (0.10, 0.18), "me": (None, None)}
"""The least share of the constant, and the aim."""
_MOST_P99: Final = "its own median (4 at most)"

Ready = Callable[[], Load]


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Measure requests a second and their spread; raises WrongResultError on any answer but the right one."""
    async with stage.stage(running, name="bench_api", accounts=_ACCOUNTS) as on, AsyncExitStack() as stack:
        report("api")
        address = {
            what: await stack.enter_async_context(served.served(what, on)) for what in ("dp_api", "constant", "sink")
        }
        token = dev_tokens.sign(on.settings, role=Role.CARE_WORKER, name="bench-worker", teams=["bench"])
        people = [row["id"] for row in await on.superuser.fetch("SELECT id FROM recipient ORDER BY id")]
        loads = _Loads(scale, address=address, token=token, people=people)
        figures: dict[str, list[Figures]] = {}
        contenders = {name: partial(_round, loads, name, figures.setdefault(name, [])) for name in loads.ready}
        rates = await measure.interleaved(scale, contenders)
        await _prove(on, loads, figures)
        return _told(rates, figures)


class _Loads:
    """What each contender is sent in a round, and the versions that the amenders hold."""

    def __init__(self, scale: Scale, *, address: Mapping[str, str], token: str, people: Sequence[UUID]) -> None:
        self.sent = 0
        self.versions: Sequence[bytes] = [b'"1"'] * CONNECTIONS
        self._count = scale.requests // CONNECTIONS * CONNECTIONS
        self._addresses = address
        self._token = token
        self._people = people
        self._turn: Iterator[UUID] = itertools.cycle(Random("people").sample(people, k=len(people)))
        self.ready: Mapping[str, Ready] = {
            "sink": partial(self._plain, "sink"),
            "constant": partial(self._plain, "constant"),
            "me": lambda: self._load("dp_api", [[self._get("/v1/me")] * self._count]),
            "get": lambda: self._load("dp_api", [[self._read() for _ in range(self._count)]]),
            "list": lambda: self._load("dp_api", [[self._get(f"/v1/recipients?limit={_A_PAGE}")] * self._count]),
            "write_audit": self._amendments,
        }

    @property
    def count(self) -> int:
        """How many requests a round sends to ours."""
        return self._count

    def _plain(self, what: str) -> Load:
        return self._load(what, [[self._get("/constant")] * (self._count * _OF_THE_CONSTANT)])

    def _amendments(self) -> Load:
        """Return a script for each connection, which amends a person of its own, whose version it keeps."""
        each = self._count // CONNECTIONS
        return self._load(
            "dp_api", [[self._amend(person) for _ in range(each)] for person in self._people[:CONNECTIONS]]
        )

    def _load(self, what: str, scripts: Sequence[Sequence[bytes]]) -> Load:
        host, port = served.host_and_port(self._addresses[what])
        return Load(host=host, port=port, connections=CONNECTIONS, scripts=scripts, versions=self.versions)

    def _read(self) -> bytes:
        return self._get(f"/v1/recipients/{next(self._turn)}")

    def _get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n\r\n".encode()

    def _amend(self, person: UUID) -> bytes:
        body = json.dumps({"known_as": f"Name {uuid4().hex[:8]}"}).encode()
        head = f"PATCH /v1/recipients/{person} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n"
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIf-Match: "
        return (head + kind).encode() + generator.VERSION + b"\r\n\r\n" + body


async def _round(loads: _Loads, name: str, figures: list[Figures], number: int) -> float:
    measured = await generator.driven(loads.ready[name]())
    if name == "write_audit":
        loads.versions = measured.versions
    loads.sent += name == "get"
    if number >= 0:
        figures.append(measured)
    return measured.rate


def _told(rates: Mapping[str, float], figures: Mapping[str, Sequence[Figures]]) -> list[Result]:
    found = [Result("api.generator", rates["sink"], rates["constant"], "req/s", LIMIT_IS, at_least=2.0)]
    measure.require(found[0].ratio >= 2.0, "the load's generator is not clearly faster than the constant")
    for name, (at_least, aim) in _BARS.items():
        p50, p99 = (measure.median([each.percentile(share) for each in figures[name]]) for share in (50, 99))
        found.append(Result(f"api.{name}", rates[name], rates["constant"], "req/s", LIMIT_IS, at_least, aim))
        found.append(Result(f"api.{name}.p99", p99, p50, "ms", _MOST_P99))
    return found


async def _prove(on: Stage, loads: _Loads, figures: Mapping[str, Sequence[Figures]]) -> None:
    """Every answer left its record (a read row for each read and list, an entry for each amendment) and was right."""
    sent = loads.sent * loads.count
    reads = await on.superuser.fetchval("SELECT count(*) FROM read_log")
    acts = await on.superuser.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'amend_recipient'")
    measure.require(reads == 2 * sent, f"{2 * sent} reads left {reads} records")
    measure.require(acts == sent, f"{sent} amendments left {acts} entries")
    for request, body in _kept(figures["get"]):
        asked = re.search(rb"/v1/recipients/(\S+)", request)
        measure.require(asked is not None and json.loads(body)["id"].encode() == asked[1], "another person was shown")
    for _, body in _kept(figures["list"]):
        measure.require(len(json.loads(body)["items"]) == _A_PAGE, "a list of another length was shown")
    for request, body in _kept(figures["write_audit"]):
        measure.require(json.loads(body)["known_as"].encode() in request, "another name was set")


def _kept(figures: Sequence[Figures]) -> Iterator[tuple[bytes, bytes]]:
    return (pair for each in figures for pair in each.kept)
