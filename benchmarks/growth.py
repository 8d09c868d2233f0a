"""What a row costs as the table grows: the same deliveries, warm, with one to thirty million rows posted before.

Only in the long form: filling the table takes minutes.
"""

from collections.abc import Callable
from random import Random

from benchmarks import batches, ingest, measure, stage
from benchmarks.measure import Result, Scale, Size, Stopwatch
from benchmarks.stage import Stage
from services.shared import embedded

MILLION = 1_000_000
STEPS = (1, 3, 10, 30)
_BATCHES = 10
_ROWS = 10_000
_PIECE = 500_000

# Random ids and accounts in no order, as they come: the worst case for each index.
_FILL = """
INSERT INTO card_transaction (provider_code, provider_transaction_id, account_id, type, amount_pence, occurred_at,
    booked_on, accounting_month, care_group, category, mcc, merchant_name, payee, content_digest, delivery_number,
    row_number, batch_number)
SELECT 'bench-cards', gen_random_uuid()::text, md5('account ' || 1 + floor(random() * $3)::int)::uuid, 'purchase_pos',
    -(100 + n % 9900), day.booked + TIME '12:00', day.booked, to_char(day.booked, 'YYYYMM')::int,
    'learning_disabilities', 'home_care', '8050', 'Merchant ' || n % 500, 'MERCHANT ' || n % 500,
    decode(md5(n::text), 'hex'), 0, n, 0
FROM generate_series($1::bigint, $2::bigint) n,
    LATERAL (SELECT DATE '2024-11-20' + (n * 730 / 30000001)::int) day(booked)
"""


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Measure at each size of the table; the limit of each is the cost at the first."""
    if scale.size is not Size.LONG:
        return []
    found: list[Result] = []
    async with stage.stage(running, name="bench_growth", accounts=scale.accounts) as on:
        filled = 0
        for millions in STEPS:
            while filled < millions * MILLION:
                report(f"ingest.growth: {filled / MILLION:.1f} of {millions} million rows are there")
                await on.superuser.execute(_FILL, filled, filled + _PIECE - 1, scale.accounts)
                filled += _PIECE
            await on.superuser.execute("VACUUM ANALYZE card_transaction")
            cost = await _cost(on, scale, millions)
            first = found[0].value if found else cost
            limit_is = f"cost at {STEPS[0]} million rows; may be twice it"
            found.append(Result(f"ingest.growth.{millions}m", cost, first, "us/row", limit_is))
    return found


async def _cost(on: Stage, scale: Scale, millions: int) -> float:
    """Return the median microseconds a row of a whole delivery takes, after a round that only warms up."""

    async def once(number: int) -> float:
        seed = f"growth {millions} {number}"
        sent = batches.batches(Random(seed), count=_BATCHES, rows=_ROWS, accounts=on.accounts)
        watch = Stopwatch()
        await ingest.send(on, sent, writers=1)
        return watch.seconds * MILLION / (_BATCHES * _ROWS)

    return (await measure.interleaved(scale, {"once": once}))["once"]
