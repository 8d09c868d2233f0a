"""The spend report: what was posted, and of care groups only what nobody can be told by."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from services.dp_api.reports import queries, rules, schemas
from services.dp_api.reports.queries import Money
from services.dp_api.reports.schemas import Dimension, SpendFilter, SpendRow
from services.shared import clock
from services.shared.database import AnySession
from services.shared.identity.actor import Actor
from services.shared.identity.shown import FieldSet, field_set
from services.shared.vocabulary.money import SpendCategory, SpendHeading
from services.shared.vocabulary.people import CareGroup

OF_CARE_GROUPS: Final = (Dimension.CARE_GROUP, Dimension.MONTH)
"""What is told apart underneath a report by care group, for whoever is shown names."""

Headings = Mapping[SpendCategory, SpendHeading]


def is_shown_names(caller: Actor) -> bool:
    """Tell whether any of the caller's roles is shown people's names, by whichever act."""
    return field_set(caller) in {FieldSet.CARE, FieldSet.FINANCE}


async def spend_report(
    session: AnySession,
    *,
    first_day: date,
    last_day: date,
    by: Sequence[Dimension],
    filters: SpendFilter,
    caller: Actor,
) -> schemas.SpendReport:
    """Report posted money from `first_day` to `last_day` in pence, told apart by the dimensions.

    Where care groups are told, it is the sum of the cells that may be shown: of a care group and month, and of each
    category and provider too for a caller who is shown no names. So every report tells the same of a cell, and none
    can be subtracted from another to find what is hidden.
    """
    headings = await queries.headings(session)
    if filters.care_group or Dimension.CARE_GROUP in by:
        underneath = OF_CARE_GROUPS if is_shown_names(caller) else tuple(Dimension)
        whole = filters.model_copy(update={"care_group": ()})
        cells = await queries.counted(session, first_day=first_day, last_day=last_day, by=underneath, filters=whole)
        rows = _of_shown_cells(cells, by=by, only=filters.care_group, headings=headings)
        suppression = schemas.SUPPRESSION
    else:
        found = await queries.spend(session, first_day=first_day, last_day=last_day, by=by, filters=filters)
        rows, suppression = [_row(_key(money, by), [money], hidden=0, headings=headings) for money in found], None
    return schemas.SpendReport(
        first_day=first_day,
        last_day=last_day,
        by=by,
        filters=filters,
        as_at=clock.now(),
        rows=rows,
        total_pence=sum(row.amount_pence or 0 for row in rows),
        total_transactions=sum(row.transactions or 0 for row in rows),
        suppressed_cells=sum(row.suppressed_cells for row in rows),
        suppression=suppression,
    )


def _of_shown_cells(
    cells: Sequence[Money], *, by: Sequence[Dimension], only: Sequence[CareGroup], headings: Headings
) -> list[SpendRow]:
    """Return the rows that the shown cells add up to; a row of hidden cells alone is there without figures."""
    beside: dict[tuple[object, ...], dict[CareGroup, Money]] = defaultdict(dict)
    for cell in cells:
        assert cell.care_group is not None  # noqa: S101 (trial accounts are left out)
        beside[cell.month, cell.category or "", cell.provider or ""][cell.care_group] = cell
    shown: dict[tuple[Any, ...], list[Money]] = defaultdict(list)
    hidden: dict[tuple[Any, ...], int] = defaultdict(int)
    for groups in beside.values():
        one = next(iter(groups.values()))
        not_shown = rules.hidden_groups({group: cell.people for group, cell in groups.items()})
        for group in CareGroup:
            if only and group not in only:
                continue
            if group in not_shown:
                hidden[_key(one, by, care_group=group)] += 1
            elif group in groups:
                shown[_key(groups[group], by)].append(groups[group])
    keys = sorted({*shown, *hidden})
    return [_row(key, shown.get(key, []), hidden=hidden.get(key, 0), headings=headings) for key in keys]


def _key(money: Money, by: Sequence[Dimension], *, care_group: CareGroup | None = None) -> tuple[Any, ...]:
    """Return what names a row: one value for each dimension in `by`, in that order."""
    named = {
        Dimension.CATEGORY: money.category,
        Dimension.MONTH: money.month,
        Dimension.CARE_GROUP: care_group or money.care_group,
        Dimension.PROVIDER: money.provider,
    }
    return tuple((dimension, named[dimension]) for dimension in by)


def _row(key: tuple[Any, ...], money: Sequence[Money], *, hidden: int, headings: Headings) -> SpendRow:
    named = dict(key)
    month, category = named.get(Dimension.MONTH), named.get(Dimension.CATEGORY)
    return SpendRow(
        month=None if month is None else f"{month // 100:04d}-{month % 100:02d}",
        heading=None if category is None else headings.get(category),
        category=category,
        care_group=named.get(Dimension.CARE_GROUP),
        provider=named.get(Dimension.PROVIDER),
        amount_pence=sum(each.amount_pence for each in money) if money else None,
        transactions=sum(each.transactions for each in money) if money else None,
        is_suppressed=not money,
        suppressed_cells=hidden,
    )
