"""card_ingest against bare COPY: posting alone, whole deliveries, the same ones again, the same rows at once."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from random import Random

from benchmarks import batches, filling, measure, parsing, posting, stage
from benchmarks.batches import Batch
from benchmarks.measure import Contender, Result, Scale, Size, Stopwatch
from benchmarks.stage import Stage
from services.card_ingest import pipeline
from services.card_ingest.pipeline import Delivery
from services.shared import clock, embedded
from services.shared.identity.actor import machine
from services.shared.vocabulary.feeds import DeliveryDoor

COUNCIL_ACCOUNTS = 2_700
LARGE = 10_000
SMALL = 1_000
DELIVERY_ROWS = {Size.SMALL: 20_000, Size.NORMAL: 50_000, Size.LONG: 100_000}
COPY_IS = "bare COPY of ready text, {rows:,} a commit, same columns and indexes, no foreign keys, no triggers"
_RACING = 5_000


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
    report("ingest.parse")
    found = [parsing.result(scale)]
    async with _stage(running, name="bench_ingest", accounts=scale.accounts) as (on, ledger):
        report("ingest.posting.10k, ingest.posting.10k.w2, ingest.posting.1k, ingest.delivery.10k")
        found += await _all_accounts(on, ledger, scale)
        report("ingest.resend, ingest.race")
        found.append(await _resend(on, ledger, scale))
        found.append(await _race(on, ledger, scale))
        await prove(on, ledger)
    async with _stage(running, name="bench_council", accounts=COUNCIL_ACCOUNTS) as (on, ledger):
        report("ingest.delivery.council.w2")
        found.append(await _council(on, ledger, scale))
        await prove(on, ledger)
    return found


async def send(on: Stage, sent: Sequence[Batch], *, writers: int) -> None:
    """Take in each batch as one delivery, through this many writers at once."""
    waiting = iter(sent)
    await asyncio.gather(*(_write(on, waiting) for _ in range(writers)))


async def copy(on: Stage, sent: Sequence[Batch]) -> None:
    """Copy each batch's ready text into a table with the same columns, keys and indexes, a commit each."""
    for batch in sent:
        await on.superuser.copy_to_table("bare", source=io.BytesIO(batch.copy_text), columns=batches.COPY_COLUMNS)


def delivery(body: bytes) -> Delivery:
    """Return a delivery of our own layout."""
    return Delivery(
        provider=filling.PROVIDER,
        door=DeliveryDoor.COMMAND_LINE,
        profile="canonical",
        body=body,
        external_id=None,
        account_ref=None,
        actor=machine("benchmark"),
        request_id=None,
    )


async def prove(on: Stage, ledger: Ledger) -> None:
    """Compare the tables with what was sent: no row lost or doubled, every balance right to the penny."""
    posted = await on.superuser.fetchval("SELECT count(*) FROM card_transaction")
    measure.require(posted == ledger.rows, f"{ledger.rows} rows were sent and {posted} are posted")
    found = await on.superuser.fetch("SELECT account_id, posted_pence FROM account_balance WHERE posted_pence <> 0")
    expected = {batches.account_id(number): pence for number, pence in ledger.pence.items() if pence}
    measure.require({row["account_id"]: row["posted_pence"] for row in found} == expected, "a balance is wrong")


async def _all_accounts(on: Stage, ledger: Ledger, scale: Scale) -> list[Result]:
    """Measure posting and whole deliveries in turn with the limit, a round of all at a time."""
    large, small = max(2, scale.rows_a_round // LARGE), max(4, scale.rows_a_round // 4 // SMALL)
    contenders: dict[str, Contender] = {
        "copy": partial(_bare, on, name="10k", rows=LARGE, count=large),
        "posting": posting.contender(on, ledger, name="10k", rows=LARGE, count=large, writers=1),
        "posting.w2": posting.contender(on, ledger, name="w2", rows=LARGE, count=large, writers=2),
        "delivery": partial(_deliveries, on, ledger, scale, name="whole", writers=1),
        "copy.1k": partial(_bare, on, name="1k", rows=SMALL, count=small),
        "posting.1k": posting.contender(on, ledger, name="1k", rows=SMALL, count=small, writers=1),
    }
    median = await measure.interleaved(scale, contenders)
    by_large, by_small = COPY_IS.format(rows=LARGE), COPY_IS.format(rows=SMALL)
    return [
        Result("ingest.posting.10k", median["posting"], median["copy"], "rows/s", by_large, 0.40, 0.50),
        Result("ingest.posting.10k.w2", median["posting.w2"], median["copy"], "rows/s", by_large, 0.60, 0.75),
        Result("ingest.posting.1k", median["posting.1k"], median["copy.1k"], "rows/s", by_small, 0.30, 0.40),
        Result("ingest.delivery.10k", median["delivery"], median["copy"], "rows/s", by_large, 0.30, 0.40),
    ]


async def _council(on: Stage, ledger: Ledger, scale: Scale) -> Result:
    """Measure whole deliveries for one council's accounts through two writers."""
    contenders: dict[str, Contender] = {
        "copy": partial(_bare, on, name="council", rows=LARGE, count=max(2, scale.rows_a_round // LARGE)),
        "deliveries": partial(_deliveries, on, ledger, scale, name="council", writers=2),
    }
    median = await measure.interleaved(scale, contenders)
    limit_is = COPY_IS.format(rows=LARGE)
    name = "ingest.delivery.council.w2"
    return Result(name, median["deliveries"], median["copy"], "rows/s", limit_is, 0.55, 0.75)


async def _bare(on: Stage, number: int, *, name: str, rows: int, count: int) -> float:
    sent = batches.batches(Random(f"bare {name} {number}"), count=count, rows=rows, accounts=on.accounts)
    watch = Stopwatch()
    await copy(on, sent)
    return watch.rate(sum(batch.distinct for batch in sent))


async def _deliveries(on: Stage, ledger: Ledger, scale: Scale, number: int, *, name: str, writers: int) -> float:
    """Send one delivery of many batches for each writer, as files come."""
    rows = DELIVERY_ROWS[scale.size]
    sent = batches.batches(Random(f"{name} {number}"), count=writers, rows=rows, accounts=on.accounts)
    watch = Stopwatch()
    await send(on, sent, writers=writers)
    rate = watch.rate(writers * rows)
    ledger.add(sent)
    return rate


@asynccontextmanager
async def _stage(running: embedded.Server, *, name: str, accounts: int) -> AsyncGenerator[tuple[Stage, Ledger]]:
    async with stage.stage(running, name=name, accounts=accounts) as on:
        await on.superuser.execute("CREATE TABLE bare (LIKE card_transaction INCLUDING ALL)")
        yield on, Ledger()


async def _write(on: Stage, waiting: Iterator[Batch]) -> None:
    for batch in waiting:
        await pipeline.receive(on.card_ingest, delivery(batch.body), now=clock.now())


async def _resend(on: Stage, ledger: Ledger, scale: Scale) -> Result:
    """Measure the same bytes sent again against their first sending."""

    @cache
    def made(number: int) -> list[Batch]:
        return batches.batches(Random(f"resend {number}"), count=1, rows=LARGE, accounts=on.accounts)

    async def first(number: int) -> float:
        watch = Stopwatch()
        await send(on, made(number), writers=1)
        rate = watch.rate(LARGE)
        ledger.add(made(number))
        return rate

    async def again(number: int) -> float:
        watch = Stopwatch()
        await send(on, made(number), writers=1)
        return watch.rate(LARGE)

    for number in range(-scale.warm_up, scale.rounds):
        made(number)
    median = await measure.interleaved(scale, {"first": first, "again": again})
    return Result("ingest.resend", median["again"], median["first"], "rows/s", "the first sending", 50)


async def _race(on: Stage, ledger: Ledger, scale: Scale) -> Result:
    """Let two writers send the same rows in differently cut deliveries at once; every row may count once only."""

    async def both(number: int) -> float:
        sent = batches.batches(Random(f"race {number}"), count=2, rows=_RACING // 2, accounts=on.accounts)
        lines = [line for batch in sent for line in batch.body.splitlines(keepends=True)]
        copies = [b"".join(lines), b"".join(reversed(lines))]
        watch = Stopwatch()
        await asyncio.gather(*(pipeline.receive(on.card_ingest, delivery(body), now=clock.now()) for body in copies))
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
