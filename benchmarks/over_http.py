"""Signed deliveries over HTTP, four connections to one server process, against two writers in this process."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random

import httpx
from standardwebhooks import Webhook

from benchmarks import batches, filling, ingest, measure, served, stage
from benchmarks.batches import Batch
from benchmarks.ingest import Ledger
from benchmarks.measure import Result, Scale, Stopwatch
from benchmarks.stage import Stage
from services.card_ingest import providers, schemas
from services.shared import clock, dev_tokens, embedded
from services.shared.identity.actor import machine
from services.shared.identity.roles import Role

_CONNECTIONS = 4
_ROWS = 10_000


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Measure pushed rows a second; raises WrongResultError unless every row and penny has arrived."""
    async with stage.stage(running, name="bench_http", accounts=scale.accounts) as on:
        report("ingest.http.10k")
        secret = await key(on)
        signed = dev_tokens.sign(on.settings, role=Role.FEED, provider=filling.PROVIDER)
        async with served.served("together", on) as address:
            headers = {"Authorization": f"Bearer {signed}", "Content-Type": "application/x-ndjson"}
            async with httpx.AsyncClient(base_url=address, headers=headers, timeout=300) as client:
                return [await _measured(on, scale, client, Webhook(secret))]


async def _measured(on: Stage, scale: Scale, client: httpx.AsyncClient, webhook: Webhook) -> Result:
    ledger = Ledger()
    count = max(2, scale.rows_a_round // _ROWS)

    def made(name: str) -> list[Batch]:
        return batches.batches(Random(name), count=count, rows=_ROWS, accounts=on.accounts)

    async def over_http(number: int) -> float:
        sent = made(f"http {number}")
        signed = iter([_signed(webhook, batch, name=f"msg_{number}_{place}") for place, batch in enumerate(sent)])
        watch = Stopwatch()
        await asyncio.gather(*(_push(client, signed) for _ in range(_CONNECTIONS)))
        rate = watch.rate(count * _ROWS)
        ledger.add(sent)
        return rate

    async def in_process(number: int) -> float:
        sent = made(f"process {number}")
        watch = Stopwatch()
        await ingest.send(on, sent, writers=2)
        rate = watch.rate(count * _ROWS)
        ledger.add(sent)
        return rate

    median = await measure.interleaved(scale, {"http": over_http, "process": in_process})
    await ingest.prove(on, ledger)
    limit_is = "whole delivery in process, two writers"
    return Result("ingest.http.10k", median["http"], median["process"], "rows/s", limit_is, 0.90, 1.0)


async def key(on: Stage) -> str:
    """Make a signing key of the provider's, and return its secret."""
    async with on.card_ingest.write(actor=machine("benchmark")) as session:
        made = await providers.add_feed_key(session, provider_code=filling.PROVIDER, values=None, now=clock.now())
    assert isinstance(made, schemas.NewKey)
    return made.secret


def _signed(webhook: Webhook, batch: Batch, *, name: str) -> tuple[bytes, dict[str, str]]:
    at = datetime.now(UTC)
    signature = webhook.sign(name, at, batch.body.decode())
    return batch.body, {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


async def _push(client: httpx.AsyncClient, waiting: Iterator[tuple[bytes, dict[str, str]]]) -> None:
    for body, headers in waiting:
        answer = await client.post(f"/v1/feeds/{filling.PROVIDER}/deliveries", content=body, headers=headers)
        measure.require(answer.is_success, f"a delivery was answered {answer.status_code}")
        measure.require(_is_whole(answer.json()), "a delivery was answered before it had posted")


def _is_whole(receipt: dict[str, object]) -> bool:
    return receipt["status"] == "posted" and receipt["rows"] == _ROWS
