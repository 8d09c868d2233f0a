"""card_ingest against bare COPY: the whole pipeline, from a delivery's bytes to moved balances, and parsing alone."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from random import Random

import orjson

from benchmarks import batches, filling, measure, stage
from benchmarks.batches import Batch
from benchmarks.measure import Result, Scale, Stopwatch
from benchmarks.stage import Stage
from services.card_ingest import events, pipeline
from services.card_ingest.pipeline import Delivery
from services.shared import clock, embedded, identity
from services.shared.vocabulary import DeliveryDoor

SMALL_BATCHES = 20
COUNCIL_ACCOUNTS = 2_700
_RACING = 5_000
COPY_IS = "bare COPY of ready text, one writer"


class Ledger:
    """What was sent, kept apart from the database: distinct rows, and each account's pence."""

    def __init__(self) -> None:
        self.rows = 0
        self.pence: Counter[int] = Counter()

    def add(self, sent: Sequence[Batch]) -> None:
        """Note batches that have been sent once."""
        for batch in sent:
            self.rows += batch.distinct
            self.pence.update(batch.moved_pence)


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Measure everything about ingest; raises WrongResultError where a row or a penny is missing."""
    found = [parse(scale)]
    async with _stage(running, name="bench_ingest", accounts=scale.accounts) as (on, ledger):
        for name, rows in (("100", 100), ("1k", 1_000), ("10k", 10_000)):
            report(f"ingest.pg.{name}")
            count = max(1, min(SMALL_BATCHES, scale.rows_a_round // rows))
            found.append(await _against_copy(on, ledger, scale, name=name, rows=rows, count=count, writers=1))
        report("ingest.pg.10k.w2")
        count = max(2, scale.rows_a_round // 10_000)
        found.append(await _against_copy(on, ledger, scale, name="10k.w2", rows=10_000, count=count, writers=2))
        report("ingest.resend, ingest.race")
        found.append(await _resend(on, ledger, scale))
        found.append(await _race(on, ledger, scale))
        await prove(on, ledger)
    async with _stage(running, name="bench_council", accounts=COUNCIL_ACCOUNTS) as (on, ledger):
        report("ingest.pg.10k.council")
        found.append(await _against_copy(on, ledger, scale, name="10k.council", rows=10_000, count=count, writers=2))
        await prove(on, ledger)
    return found


def parse(scale: Scale) -> Result:
    """Measure reading and judging rows against only loading their JSON."""
    (batch,) = batches.batches(Random(1), count=1, rows=10_000, accounts=1_000)
    lines = batch.body.splitlines()
    ours: list[float] = []
    limits: list[float] = []
    for _ in range(scale.rounds + 1):
        watch = Stopwatch()
        rows = [events.read_json(line, number=number, received_on=filling.TODAY) for number, line in enumerate(lines)]
        ours.append(watch.rate(len(rows)))
        measure.require(all(isinstance(row, events.ReadRow) for row in rows), "a good row was not read")
        watch = Stopwatch()
        for line in lines:
            orjson.loads(line)
        limits.append(watch.rate(len(lines)))
    return measure.of_rounds("ingest.parse", ours[1:], limits[1:], unit="rows/s", limit_is="orjson.loads of each row")


async def send(on: Stage, sent: Sequence[Batch], *, writers: int) -> None:
    """Take in each batch as one delivery, through this many writers at once."""
    waiting = iter(sent)
    await asyncio.gather(*(_write(on, waiting) for _ in range(writers)))


async def copy(on: Stage, sent: Sequence[Batch]) -> None:
    """Copy each batch's ready text into a table with the same columns, keys and indexes, a commit each."""
    for batch in sent:
        await on.superuser.copy_to_table("bare", source=io.BytesIO(batch.copy_text), columns=batches.COPY_COLUMNS)


@asynccontextmanager
async def _stage(running: embedded.Server, *, name: str, accounts: int) -> AsyncGenerator[tuple[Stage, Ledger]]:
    async with stage.stage(running, name=name, accounts=accounts) as on:
        await on.superuser.execute("CREATE TABLE bare (LIKE card_transaction INCLUDING ALL)")
        yield on, Ledger()


async def _write(on: Stage, waiting: Iterator[Batch]) -> None:
    for batch in waiting:
        await pipeline.receive(on.card_ingest, _delivery(batch), now=clock.now())


def _delivery(batch: Batch) -> Delivery:
    return Delivery(
        provider=filling.PROVIDER,
        door=DeliveryDoor.COMMAND_LINE,
        profile="canonical",
        body=batch.body,
        external_id=None,
        account_ref=None,
        actor=identity.machine("benchmark"),
        request_id=None,
    )


async def _against_copy(
    on: Stage, ledger: Ledger, scale: Scale, *, name: str, rows: int, count: int, writers: int
) -> Result:
    total = rows * count

    @cache
    def made(number: int) -> list[Batch]:
        return batches.batches(Random(f"{name} {number}"), count=count, rows=rows, accounts=on.accounts)

    async def ours(number: int) -> float:
        sent = made(number)
        watch = Stopwatch()
        await send(on, sent, writers=writers)
        rate = watch.rate(total)
        ledger.add(sent)
        return rate

    async def bare(number: int) -> float:
        sent = made(number)
        watch = Stopwatch()
        await copy(on, sent)
        return watch.rate(sum(batch.distinct for batch in sent))

    median = await measure.interleaved(scale, {"ours": ours, "bare": bare})
    return Result(f"ingest.pg.{name}", median["ours"], median["bare"], "rows/s", COPY_IS)


async def _resend(on: Stage, ledger: Ledger, scale: Scale) -> Result:
    """Measure the same bytes sent again against their first sending."""
    fresh: dict[int, list[Batch]] = {}

    async def first(number: int) -> float:
        fresh[number] = batches.batches(Random(f"resend {number}"), count=1, rows=10_000, accounts=on.accounts)
        watch = Stopwatch()
        await send(on, fresh[number], writers=1)
        ledger.add(fresh[number])
        return watch.rate(10_000)

    async def again(number: int) -> float:
        watch = Stopwatch()
        await send(on, fresh[number], writers=1)
        return watch.rate(10_000)

    median = await measure.interleaved(scale, {"first": first, "again": again})
    return Result("ingest.resend", median["again"], median["first"], "rows/s", "the first sending")


async def _race(on: Stage, ledger: Ledger, scale: Scale) -> Result:
    """Let two writers send the same rows in differently cut deliveries at once; every row may count once only."""

    async def both(number: int) -> float:
        sent = batches.batches(Random(f"race {number}"), count=2, rows=_RACING // 2, accounts=on.accounts)
        lines = [line for batch in sent for line in batch.body.splitlines(keepends=True)]
        copies = [b"".join(lines), b"".join(reversed(lines))]
        watch = Stopwatch()
        await asyncio.gather(*(pipeline.receive(on.card_ingest, _again(body), now=clock.now()) for body in copies))
        ledger.add(sent)
        return watch.rate(2 * len(lines))

    async def one(number: int) -> float:
        sent = batches.batches(Random(f"no race {number}"), count=1, rows=_RACING, accounts=on.accounts)
        watch = Stopwatch()
        await send(on, sent, writers=1)
        ledger.add(sent)
        return watch.rate(_RACING)

    median = await measure.interleaved(scale, {"both": both, "one": one})
    return Result("ingest.race", median["both"], median["one"], "rows/s", "one writer, nobody racing")


def _again(body: bytes) -> Delivery:
    return _delivery(Batch(body=body, copy_text=b"", rows=0, distinct=0, moved_pence=Counter()))


async def prove(on: Stage, ledger: Ledger) -> None:
    """Compare the tables with what was sent: no row lost or doubled, every balance right to the penny."""
    posted = await on.superuser.fetchval("SELECT count(*) FROM card_transaction")
    measure.require(posted == ledger.rows, f"{ledger.rows} rows were sent and {posted} are posted")
    found = await on.superuser.fetch("SELECT account_id, posted_pence FROM account_balance WHERE posted_pence <> 0")
    expected = {batches.account_id(number): pence for number, pence in ledger.pence.items() if pence}
    measure.require({row["account_id"]: row["posted_pence"] for row in found} == expected, "a balance is wrong")
