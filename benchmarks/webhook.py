"""Single-row pushes from 128 connections to one server process, each answered after its commit, against the same
endpoint without a database: caller, signature, reading and receipt, and nothing kept.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

from standardwebhooks import Webhook

from benchmarks import batches, filling, generator, ingest, measure, over_http, served, stage
from benchmarks.batches import Batch
from benchmarks.generator import Figures, Load
from benchmarks.ingest import Ledger
from benchmarks.measure import Result, Scale
from benchmarks.stage import Stage
from services.shared import dev_tokens, embedded
from services.shared.identity.roles import Role

CONNECTIONS = 128
_A_ROUND = {measure.Size.SMALL: 2_000, measure.Size.NORMAL: 10_000, measure.Size.LONG: 30_000}


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Measure pushes a second; raises WrongResultError unless every row and penny has arrived."""
    async with stage.stage(running, name="bench_webhook", accounts=scale.accounts) as on:
        report("ingest.webhook")
        secret = await over_http.key(on)
        async with served.served("webhook", on, secret=secret) as address, served.served("sink", on) as sink:
            return await _measured(on, scale, Webhook(secret), address=address, sink=sink)


async def _measured(on: Stage, scale: Scale, webhook: Webhook, *, address: str, sink: str) -> list[Result]:
    ledger = Ledger()
    token = dev_tokens.sign(on.settings, role=Role.FEED, provider=filling.PROVIDER)
    kept: list[Figures] = []

    def made(name: str) -> list[Batch]:
        return batches.singles(Random(name), count=_A_ROUND[scale.size], accounts=on.accounts)

    def pushes(path: str, sent: Sequence[Batch]) -> list[bytes]:
        head = (
            f"POST /v1/feeds/{filling.PROVIDER}/{path} HTTP/1.1\r\nHost: {served.HOST}\r\nAuthorization: Bearer {token}"
        )
        return [_request(f"{head}\r\n", webhook, batch) for batch in sent]

    async def whole(number: int) -> float:
        sent = made(f"webhook {number}")
        figures = await _sent(address, pushes("deliveries", sent), status=202)
        ledger.add(sent)
        if number >= 0:
            kept.append(figures)
        return figures.rate

    async def without(number: int) -> float:
        return (await _sent(address, pushes("unkept-deliveries", made(f"without {number}")), status=202)).rate

    async def nothing(number: int) -> float:
        return (await _sent(sink, pushes("unkept-deliveries", made(f"sink {number}")), status=200)).rate

    median = await measure.interleaved(scale, {"whole": whole, "without": without, "sink": nothing})
    await ingest.prove(on, ledger)
    measure.require(
        median["sink"] >= 2 * median["without"], "the load's generator is not clearly faster than the limit"
    )
    limit_is = f"the same endpoint without a database, {CONNECTIONS} connections"
    slow = [measure.median([figures.percentile(share) for figures in kept]) for share in (50, 99)]
    return [
        Result("ingest.webhook", median["whole"], median["without"], "req/s", limit_is, 0.40, 0.60),
        Result("ingest.webhook.p99", slow[1], slow[0], "ms", "p50"),
        Result("ingest.webhook.generator", median["sink"], median["without"], "req/s", limit_is, 2.0),
    ]


async def _sent(address: str, ready: Sequence[bytes], *, status: int) -> Figures:
    host, port = served.host_and_port(address)
    load = Load(host=host, port=port, connections=CONNECTIONS, scripts=[ready], status=status)
    return await generator.driven(load)


def _request(heads: str, webhook: Webhook, batch: Batch) -> bytes:
    name, at = f"msg_{uuid4().hex}", datetime.now(UTC)
    signature = webhook.sign(name, at, batch.body.decode())
    return (
        f"{heads}Content-Type: application/x-ndjson\r\nContent-Length: {len(batch.body)}\r\n"
        f"webhook-id: {name}\r\nwebhook-timestamp: {int(at.timestamp())}\r\nwebhook-signature: {signature}\r\n\r\n"
    ).encode() + batch.body
