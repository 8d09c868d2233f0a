"""Single-row pushes from 128 connections to one server process, each answered after its commit, against the same
endpoint without a database: caller, signature, reading and receipt, and nothing kept.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

from standardwebhooks import Webhook

from benchmarks import batches, filling, ingest, measure, over_http, served, stage
from benchmarks.batches import Batch
from benchmarks.ingest import Ledger
from benchmarks.measure import Result, Scale
from benchmarks.requests import Figures, Requests
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
        async with served.served("webhook", on, secret=secret) as address:
            return await _measured(on, scale, address, Webhook(secret))


async def _measured(on: Stage, scale: Scale, address: str, webhook: Webhook) -> list[Result]:
    ledger = Ledger()
    count = _A_ROUND[scale.size]
    token = dev_tokens.sign(on.settings, role=Role.FEED, provider=filling.PROVIDER)
    host, _, port = address.removeprefix("http://").partition(":")
    kept: list[Figures] = []
    answered: list[Figures] = []

    async def push(path: str, sent: Sequence[Batch]) -> Figures:
        first = f"POST /v1/feeds/{filling.PROVIDER}/{path} HTTP/1.1"
        heads = f"{first}\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        requests = Requests([_request(heads, webhook, batch) for batch in sent], expected=b"HTTP/1.1 202")
        return await requests.sent(host, int(port), connections=CONNECTIONS)

    async def whole(number: int) -> float:
        sent = batches.singles(Random(f"webhook {number}"), count=count, accounts=on.accounts)
        kept.append(await push("deliveries", sent))
        ledger.add(sent)
        return kept[-1].rate

    async def without(number: int) -> float:
        sent = batches.singles(Random(f"without {number}"), count=count, accounts=on.accounts)
        answered.append(await push("unkept-deliveries", sent))
        return answered[-1].rate

    await whole(-1)
    await without(-1)
    kept.clear()
    median = await measure.interleaved(scale, {"whole": whole, "without": without})
    await ingest.prove(on, ledger)
    limit_is = f"the same endpoint without a database, {CONNECTIONS} connections"
    slow = [measure.median([figures.percentile(share) for figures in kept]) for share in (50, 99)]
    return [
        Result("ingest.webhook", median["whole"], median["without"], "req/s", limit_is, 0.40, 0.60),
        Result("ingest.webhook.p99", slow[1], slow[0], "ms", "p50"),
    ]


def _request(heads: str, webhook: Webhook, batch: Batch) -> bytes:
    name, at = f"msg_{uuid4().hex}", datetime.now(UTC)
    signature = webhook.sign(name, at, batch.body.decode())
    return (
        f"{heads}Content-Type: application/x-ndjson\r\nContent-Length: {len(batch.body)}\r\n"
        f"webhook-id: {name}\r\nwebhook-timestamp: {int(at.timestamp())}\r\nwebhook-signature: {signature}\r\n\r\n"
    ).encode() + batch.body
