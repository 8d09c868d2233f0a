"""The clawback run against one scan of the balances, and finding accounts against summing their transactions."""

from collections.abc import Callable
from datetime import UTC, datetime, time

from benchmarks import filling, measure, stage
from benchmarks.measure import Result, Scale, Size, Stopwatch
from benchmarks.stage import Stage
from services.clawback.runs import operations as run
from services.clawback.runs.schemas import RunResult
from services.shared import embedded
from services.shared.identity.actor import machine
from services.shared.vocabulary.clawback import RunTrigger

_SIZES = {"2700": 2_700, "27k": 27_000, "130k": 130_000}
_MOST_ROWS_AN_ACCOUNT = 40
_NOW = datetime.combine(filling.TODAY, time(12), UTC)
_SCAN = "SELECT count(*), sum(posted_pence - held_pence) FROM account_balance"
_SUM = "SELECT account_id, sum(amount_pence) FROM card_transaction GROUP BY account_id"
_FORGET = """
SET session_replication_role = replica;
TRUNCATE clawback_case, clawback_calculation, clawback_calculation_line, clawback_run CASCADE;
SET session_replication_role = origin;
"""
_EXPECTED = """
SELECT count(*) AS flagged, coalesce(sum(pence - 4 * weekly_gross_pence), 0)::bigint AS excess
FROM (SELECT account_id, sum(amount_pence) AS pence FROM card_transaction GROUP BY account_id) moved
JOIN account ON account.id = moved.account_id JOIN gross_today USING (agreement_id)
WHERE pence > 4 * weekly_gross_pence
"""


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Measure first run and re-run at each size; raises WrongResultError unless the cases are those of a plain SUM."""
    found: list[Result] = []
    for name, accounts in _SIZES.items():
        if scale.size is Size.SMALL and name == "130k":
            continue
        report(f"clawback.{name}")
        async with stage.stage(running, name=f"bench_clawback_{name}", accounts=accounts) as on:
            rows = min(scale.transactions, accounts * _MOST_ROWS_AN_ACCOUNT)
            await filling.transactions(on.superuser, accounts=accounts, rows=rows)
            found += await _at_size(on, scale, name=name)
    return found


async def _at_size(on: Stage, scale: Scale, *, name: str) -> list[Result]:
    async def first(_: int) -> float:
        await on.superuser.execute(_FORGET)
        watch = Stopwatch()
        made = await _run(on)
        milliseconds = watch.milliseconds
        await _prove(on, made)
        return milliseconds

    async def again(_: int) -> float:
        watch = Stopwatch()
        made = await _run(on)
        milliseconds = watch.milliseconds
        measure.require(made.new_cases == 0, "a second run of the same day opened cases")
        return milliseconds

    async def scan(_: int) -> float:
        watch = Stopwatch()
        await on.superuser.fetch(_SCAN)
        return watch.milliseconds

    async def sums(_: int) -> float:
        watch = Stopwatch()
        await on.superuser.fetch(_SUM)
        return watch.milliseconds

    median = await measure.interleaved(scale, {"first": first, "again": again, "scan": scan, "sums": sums})
    flagged = await on.superuser.fetchval("SELECT count(*) FROM clawback_case")
    return [
        Result(f"clawback.{name}.first", median["first"], median["scan"], "ms", f"a scan ({flagged:,} cases opened)"),
        Result(f"clawback.{name}.again", median["again"], median["scan"], "ms", "a scan of the balances"),
        Result(f"clawback.{name}.sum", median["again"], median["sums"], "ms", "SUM over the transactions"),
    ]


async def _run(on: Stage) -> RunResult:
    return await run.run(
        on.clawback,
        as_of=filling.TODAY,
        trigger=RunTrigger.MANUAL,
        now=_NOW,
        actor=machine("benchmark"),
    )


async def _prove(on: Stage, made: RunResult) -> None:
    expected = await on.superuser.fetchrow(_EXPECTED)
    assert expected is not None
    right = made.flagged == made.new_cases == expected["flagged"] and made.excess_pence == expected["excess"]
    measure.require(right, f"the run found {made.flagged} accounts, a plain SUM {expected['flagged']}")
