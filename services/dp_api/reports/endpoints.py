"""HTTP for reports: JSON, and CSV by `Accept: text/csv` or by the `.csv` address."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final

from fastapi import Query, Request, Response

from services.dp_api.reports import operations, rules, schemas
from services.dp_api.reports.schemas import Dimension
from services.shared.errors import Invalid
from services.shared.identity.actor import Actor
from services.shared.values import fields
from services.shared.vocabulary.money import SpendCategory
from services.shared.vocabulary.people import CareGroup
from services.shared.web import dependencies, routing

router = routing.Router(prefix="/v1/reports", tags=["reports"])

CSV: Final = "text/csv"
_BY: Final = "(category|month|care_group|provider)"


@router.get("/spend.csv", include_in_schema=False, response_model=None)
@router.get(
    "/spend",
    response_model=schemas.SpendReport,
    responses={200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def read_spend_report(
    request: Request,
    session: dependencies.Read,
    caller: dependencies.Caller,
    first_day: Annotated[fields.Day, Query(alias="from", description="First booked day.")],
    last_day: Annotated[fields.Day, Query(alias="to", description="Last booked day, included.")],
    by: Annotated[
        str, Query(pattern=f"^{_BY}(,{_BY})*$", description="What to tell apart, with commas between.")
    ] = "category",
    category: Annotated[list[SpendCategory] | None, Query(description="These categories only.")] = None,
    care_group: Annotated[list[CareGroup] | None, Query(description="These care groups only.")] = None,
    provider: Annotated[list[fields.Code] | None, Query(description="These feed providers only.")] = None,
) -> schemas.SpendReport | Response:
    """Report posted money by category, month, care group or provider, from a day to a day; care groups by month."""
    if first_day > last_day:
        raise Invalid("`from` lies after `to`", code="period_reversed", pointer="query/from")
    dimensions = [Dimension(name) for name in dict.fromkeys(by.split(","))]
    is_by_care_group = bool(care_group) or Dimension.CARE_GROUP in dimensions
    filters = schemas.SpendFilter(category=category or (), care_group=care_group or (), provider=provider or ())
    if is_by_care_group:
        _refuse_what_tells_of_one(first_day, last_day, by=dimensions, filters=filters, caller=caller)
    report = await operations.spend_report(
        session, first_day=first_day, last_day=last_day, by=dimensions, filters=filters, caller=caller
    )
    return _as_csv(report) if _asks_for_csv(request) else report


def _refuse_what_tells_of_one(
    first_day: date, last_day: date, *, by: Sequence[Dimension], filters: schemas.SpendFilter, caller: Actor
) -> None:
    """Raise Invalid where a report of care groups could be tied to one person's transactions."""
    if not rules.are_whole_months(first_day=first_day, last_day=last_day):
        raise Invalid("care groups are reported for whole months only", code="whole_months_only", pointer="query/from")
    beside = {*by, *(name for name in (Dimension.CATEGORY, Dimension.PROVIDER) if getattr(filters, name))}
    if not rules.may_be_combined(
        is_shown_names=operations.is_shown_names(caller), dimensions=beside - {Dimension.CARE_GROUP}
    ):
        detail = "whoever is shown names is not shown care groups beside categories or providers"
        raise Invalid(detail, code="care_group_alone", pointer="query/by")


def _asks_for_csv(request: Request) -> bool:
    return request.url.path.endswith(".csv") or request.headers.get("Accept", "").strip().lower().startswith(CSV)


def _as_csv(report: schemas.SpendReport) -> Response:
    name = f"spend-{report.first_day}-to-{report.last_day}.csv"
    return Response(
        schemas.as_csv(report).encode(),
        media_type=f"{CSV}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
