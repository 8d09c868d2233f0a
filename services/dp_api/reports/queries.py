"""The SELECTs behind the reports: one statement, so that a summary being folded is counted once."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, func, literal, or_, select, union_all
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import InstrumentedAttribute

from services.dp_api.reports import rules, schemas
from services.dp_api.reports.schemas import Dimension
from services.shared import clock
from services.shared.database import AnySession
from services.shared.tables.transactions import CardTransaction, Categorisation, Category, SpendDelta, SpendSummary
from services.shared.vocabulary.money import SpendCategory, SpendHeading

_STORED_AS: Final[Mapping[Dimension, str]] = {
    Dimension.CATEGORY: "category",
    Dimension.MONTH: "accounting_month",
    Dimension.CARE_GROUP: "care_group",
    Dimension.PROVIDER: "provider_code",
}


async def spend(
    session: AnySession,
    *,
    first_day: date,
    last_day: date,
    by: Sequence[Dimension],
    filters: schemas.SpendFilter,
) -> schemas.SpendReport:
    """Return posted money from `first_day` to `last_day`, told apart by the dimensions: amounts in pence, and counts.

    Whole months come from the summary and the deltas that are not folded yet, other days from the transactions; the
    sum is that of the transactions whose care group is known, to the penny.
    """
    headings = await _headings(session)
    rows = await session.execute(_grouped(_sources(first_day, last_day, filters=filters), by=by))
    shown = [_row(dict(row._mapping), headings=headings) for row in rows]
    return schemas.SpendReport(
        first_day=first_day,
        last_day=last_day,
        by=by,
        filters=filters,
        as_at=clock.now(),
        rows=shown,
        total_pence=sum(row.amount_pence for row in shown),
        total_transactions=sum(row.transactions for row in shown),
    )


def _sources(first_day: date, last_day: date, *, filters: schemas.SpendFilter) -> Sequence[Select[*tuple[Any, ...]]]:
    period = rules.period(first_day=first_day, last_day=last_day)
    found: list[Select[*tuple[Any, ...]]] = []
    if period.whole_months is not None:
        for table in (SpendSummary, SpendDelta):
            in_months = table.accounting_month.between(*period.whole_months)
            columns = [getattr(table, name) for name in _STORED_AS.values()]
            summed = select(*columns, table.amount_pence, table.transactions)
            found.append(summed.where(in_months, *_cut(table, filters=filters)))
    if period.parts:
        columns = [getattr(CardTransaction, name) for name in _STORED_AS.values()]
        each = select(*columns, CardTransaction.amount_pence, literal(1, BigInteger).label("transactions"))
        in_parts = or_(*(CardTransaction.booked_on.between(*part) for part in period.parts))
        wanted = (in_parts, CardTransaction.care_group.is_not(None))
        found.append(each.where(*wanted, *_cut(CardTransaction, filters=filters)))
        found += _recategorised(wanted, filters=filters)
    return found


def _recategorised(
    wanted: Sequence[ColumnElement[bool]], *, filters: schemas.SpendFilter
) -> Sequence[Select[*tuple[Any, ...]]]:
    """Return what people's later categories take from the ones that transactions posted under, and add to others.

    Few transactions are ever categorised again, so the rest need not be asked whether they were.
    """
    latest = (
        select(Categorisation.transaction_id, Categorisation.category)
        .ext(postgresql.distinct_on(Categorisation.transaction_id))
        .order_by(Categorisation.transaction_id, Categorisation.id.desc())
        .subquery("latest")
    )
    found: list[Select[*tuple[Any, ...]]] = []
    for category, sign in ((CardTransaction.category, -1), (latest.c.category, 1)):
        stored = (getattr(CardTransaction, name) for name in _STORED_AS.values() if name != "category")
        columns = [category.label("category"), *stored]
        pence, count = CardTransaction.amount_pence * sign, literal(sign, BigInteger)
        moved = select(*columns, pence.label("amount_pence"), count.label("transactions"))
        moved = moved.join(latest, latest.c.transaction_id == CardTransaction.id)
        found.append(moved.where(*wanted, *_cut(CardTransaction, filters=filters, category=category)))
    return found


def _cut(
    table: type[SpendSummary | SpendDelta | CardTransaction],
    *,
    filters: schemas.SpendFilter,
    category: ColumnElement[str] | InstrumentedAttribute[str] | None = None,
) -> Sequence[ColumnElement[bool]]:
    wanted = (
        (table.category if category is None else category, filters.category),
        (table.care_group, filters.care_group),
        (table.provider_code, filters.provider),
    )
    return [and_(column.in_([str(value) for value in values])) for column, values in wanted if values]


def _grouped(sources: Sequence[Select[*tuple[Any, ...]]], *, by: Sequence[Dimension]) -> Select[*tuple[Any, ...]]:
    money = union_all(*sources).subquery("money")
    dimensions = [money.c[_STORED_AS[dimension]] for dimension in by]
    amount = cast(func.sum(money.c.amount_pence), BigInteger).label("amount_pence")
    count = cast(func.sum(money.c.transactions), BigInteger).label("transactions")
    question = select(*dimensions, amount, count).having(func.sum(money.c.transactions) != 0)
    return question.group_by(*dimensions).order_by(*dimensions)


async def _headings(session: AnySession) -> Mapping[SpendCategory, SpendHeading]:
    rows = await session.execute(select(Category.code, Category.heading))
    return {row.code: row.heading for row in rows}


def _row(found: Mapping[str, Any], *, headings: Mapping[SpendCategory, SpendHeading]) -> schemas.SpendRow:
    month, category = found.get("accounting_month"), found.get("category")
    return schemas.SpendRow(
        month=None if month is None else f"{month // 100:04d}-{month % 100:02d}",
        heading=None if category is None else headings.get(SpendCategory(category)),
        category=category,
        care_group=found.get("care_group"),
        provider=found.get("provider_code"),
        amount_pence=found["amount_pence"],
        transactions=found["transactions"],
    )
