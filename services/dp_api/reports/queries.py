"""The SELECTs behind the reports: one statement, so that a summary being folded is counted once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, Subquery, and_, cast, func, literal, or_, select, union_all
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import InstrumentedAttribute

from services.dp_api.reports import rules, schemas
from services.dp_api.reports.schemas import Dimension
from services.shared.database import AnySession
from services.shared.tables.agreements import Account, Agreement
from services.shared.tables.transactions import CardTransaction, Categorisation, Category, SpendDelta, SpendSummary
from services.shared.vocabulary.money import SpendCategory, SpendHeading
from services.shared.vocabulary.people import CareGroup

_STORED_AS: Final[Mapping[Dimension, str]] = {
    Dimension.CATEGORY: "category",
    Dimension.MONTH: "accounting_month",
    Dimension.CARE_GROUP: "care_group",
    Dimension.PROVIDER: "provider_code",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Posted money of one group of transactions, named as it is stored; `people` is 0 where they were not counted."""

    month: int | None = None
    category: SpendCategory | None = None
    care_group: CareGroup | None = None
    provider: str | None = None
    amount_pence: int
    transactions: int
    people: int = 0


async def spend(
    session: AnySession,
    *,
    first_day: date,
    last_day: date,
    by: Sequence[Dimension],
    filters: schemas.SpendFilter,
) -> Sequence[Money]:
    """Return posted money from `first_day` to `last_day`, told apart by the dimensions: amounts in pence, and counts.

    Whole months come from the summary and the deltas that are not folded yet, other days from the transactions; the
    sum is that of the transactions whose care group is known, to the penny.
    """
    rows = await session.execute(_grouped(_sources(first_day, last_day, filters=filters), by=by))
    return [_money(dict(row._mapping)) for row in rows]


async def counted(
    session: AnySession,
    *,
    first_day: date,
    last_day: date,
    by: Sequence[Dimension],
    filters: schemas.SpendFilter,
) -> Sequence[Money]:
    """Return the same of whole months with how many people's money it is, which only the transactions themselves tell.

    Both are asked in one statement, so that nobody's money is counted without them.
    """
    money = _grouped(_sources(first_day, last_day, filters=filters), by=by).subquery("grouped")
    people = _people(first_day, last_day, by=by, filters=filters)
    dimensions = [_STORED_AS[dimension] for dimension in by]
    same = and_(*(money.c[name] == people.c[name] for name in dimensions))
    question = select(money, func.coalesce(people.c.people, 0).label("people")).join_from(
        money, people, same, isouter=True
    )
    rows = await session.execute(question.order_by(*(money.c[name] for name in dimensions)))
    return [_money(dict(row._mapping)) for row in rows]


def _people(first_day: date, last_day: date, *, by: Sequence[Dimension], filters: schemas.SpendFilter) -> Subquery:
    """Return how many recipients each group of transactions is of; an account that nobody has is somebody of its own.

    Each account is taken once for each group before anybody asks whose it is: there are few of those pairs.
    """
    latest = _latest_categories()
    category = func.coalesce(latest.c.category, CardTransaction.category)
    columns = [
        category.label("category")
        if dimension is Dimension.CATEGORY
        else getattr(CardTransaction, _STORED_AS[dimension])
        for dimension in by
    ]
    spent = (
        select(*columns, CardTransaction.account_id)
        .outerjoin(latest, latest.c.transaction_id == CardTransaction.id)
        .where(CardTransaction.booked_on.between(first_day, last_day), CardTransaction.care_group.is_not(None))
        .where(*_cut(CardTransaction, filters=filters, category=category))
        .distinct()
        .subquery("spent")
    )
    person = func.coalesce(Agreement.recipient_id, spent.c.account_id)
    dimensions = [spent.c[_STORED_AS[dimension]] for dimension in by]
    return (
        select(*dimensions, func.count(person.distinct()).label("people"))
        .select_from(spent)
        .outerjoin(Account, Account.id == spent.c.account_id)
        .outerjoin(Agreement, Agreement.id == Account.agreement_id)
        .group_by(*dimensions)
        .subquery("people")
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
    latest = _latest_categories()
    found: list[Select[*tuple[Any, ...]]] = []
    for category, sign in ((CardTransaction.category, -1), (latest.c.category, 1)):
        stored = (getattr(CardTransaction, name) for name in _STORED_AS.values() if name != "category")
        columns = [category.label("category"), *stored]
        pence, count = CardTransaction.amount_pence * sign, literal(sign, BigInteger)
        moved = select(*columns, pence.label("amount_pence"), count.label("transactions"))
        moved = moved.join(latest, latest.c.transaction_id == CardTransaction.id)
        found.append(moved.where(*wanted, *_cut(CardTransaction, filters=filters, category=category)))
    return found


def _latest_categories() -> Subquery:
    """Return the category that each transaction was given last, of those that people gave one."""
    return (
        select(Categorisation.transaction_id, Categorisation.category)
        .ext(postgresql.distinct_on(Categorisation.transaction_id))
        .order_by(Categorisation.transaction_id, Categorisation.id.desc())
        .subquery("latest")
    )


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


async def headings(session: AnySession) -> Mapping[SpendCategory, SpendHeading]:
    """Return the heading of the council's published plan under which each category stands."""
    rows = await session.execute(select(Category.code, Category.heading))
    return {row.code: row.heading for row in rows}


def _money(row: Mapping[str, Any]) -> Money:
    category, care_group = row.get("category"), row.get("care_group")
    return Money(
        month=row.get("accounting_month"),
        category=None if category is None else SpendCategory(category),
        care_group=None if care_group is None else CareGroup(care_group),
        provider=row.get("provider_code"),
        amount_pence=row["amount_pence"],
        transactions=row["transactions"],
        people=row.get("people", 0),
    )
