"""The spend report from its summary against the plain GROUP BY over the transactions, equal to the penny."""

from collections.abc import Callable, Sequence
from datetime import date

from benchmarks import filling, measure, stage
from benchmarks.measure import Result, Scale, Stopwatch
from benchmarks.stage import Stage
from services.dp_api.reports import queries, schemas
from services.dp_api.reports.schemas import Dimension
from services.shared import dates, embedded

_ACCOUNTS = 2_700
_LAST_MONTH = filling.TODAY.replace(day=1)
_PERIOD = (dates.add_months(_LAST_MONTH, -(filling.MONTHS - 1)), dates.add_months(_LAST_MONTH, 1))
_QUESTIONS = {
    "council": (Dimension.CATEGORY, Dimension.MONTH),
    "all": tuple(Dimension),
}
_COLUMNS = {
    Dimension.CATEGORY: "category",
    Dimension.MONTH: "accounting_month",
    Dimension.CARE_GROUP: "care_group",
    Dimension.PROVIDER: "provider_code",
}


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Measure both questions; raises WrongResultError unless each row of the report is that of the GROUP BY."""
    async with stage.stage(running, name="bench_report", accounts=_ACCOUNTS) as on:
        await filling.transactions(on.superuser, accounts=_ACCOUNTS, rows=scale.transactions)
        found: list[Result] = []
        for name, by in _QUESTIONS.items():
            report(f"report.{name}")
            found.append(await _question(on, scale, name=name, by=by))
        return found


async def _question(on: Stage, scale: Scale, *, name: str, by: Sequence[Dimension]) -> Result:
    async def ours(_: int) -> float:
        watch = Stopwatch()
        await _report(on, by)
        return watch.milliseconds

    async def plain(_: int) -> float:
        watch = Stopwatch()
        await _group_by(on, by)
        return watch.milliseconds

    median = await measure.interleaved(scale, {"ours": ours, "plain": plain})
    shown = {_key(row, by): (row.amount_pence, row.transactions) for row in await _report(on, by)}
    measure.require(shown == await _group_by(on, by), f"the report by {', '.join(by)} is not the plain GROUP BY")
    limit_is = f"a GROUP BY over all of {scale.transactions:,} rows, without an index made for it, both in process"
    return Result(f"report.{name}", median["ours"], median["plain"], "ms", limit_is)


async def _report(on: Stage, by: Sequence[Dimension]) -> Sequence[queries.Money]:
    first_day, after = _PERIOD
    nothing = schemas.SpendFilter(category=(), care_group=(), provider=())
    async with on.dp_api.read() as session:
        return await queries.spend(session, first_day=first_day, last_day=_day_before(after), by=by, filters=nothing)


async def _group_by(on: Stage, by: Sequence[Dimension]) -> dict[tuple[str, ...], tuple[int, int]]:
    columns = ", ".join(_COLUMNS[dimension] for dimension in by)
    rows = await on.superuser.fetch(
        f"SELECT {columns}, sum(amount_pence)::bigint AS pence, count(*) AS rows FROM card_transaction"
        f" WHERE booked_on >= $1 AND booked_on < $2 GROUP BY {columns}",
        *_PERIOD,
    )
    return {tuple(str(row[_COLUMNS[one]]) for one in by): (row["pence"], row["rows"]) for row in rows}


def _key(row: queries.Money, by: Sequence[Dimension]) -> tuple[str, ...]:
    return tuple(
        str(getattr(row, one)).replace("-", "") if one is Dimension.MONTH else str(getattr(row, one)) for one in by
    )


def _day_before(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)
