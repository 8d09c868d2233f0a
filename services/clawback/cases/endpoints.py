"""HTTP for cases. There is no route here, and no code behind one, that takes money back."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.clawback.cases import operations, schemas
from services.clawback.cases.rules import Reading
from services.clawback.cases.schemas import CaseFilter, CaseSort, Order
from services.shared import clock, paging
from services.shared.values import fields
from services.shared.vocabulary.clawback import CaseGround, CaseStatus
from services.shared.web import dependencies, etags, routing

router = routing.Router(prefix="/v1/clawback", tags=["clawback"])

Opened = Annotated[fields.Day | None, Query(description="Cases opened from, or up to, this day (inclusive).")]


@router.get("/cases")
async def list_clawback_cases(
    session: dependencies.Read,
    page: dependencies.Page,
    today: dependencies.Today,
    status: Annotated[CaseStatus | None, Query(description="Cases that stand so only.")] = None,
    ground: Annotated[CaseGround | None, Query(description="Cases on this ground only.")] = None,
    reading: Annotated[Reading | None, Query(description="Over on every day of the cycle, or since the load.")] = None,
    still_over: Annotated[bool | None, Query(description="Cases that the last run found over again, or not.")] = None,
    team: Annotated[fields.Code | None, Query(description="Cases of this team's people only.")] = None,
    min_excess_pence: Annotated[fields.Pence | None, Query(description="Cases that are over by this much.")] = None,
    opened_from: Opened = None,
    opened_to: Opened = None,
    sort: Annotated[CaseSort, Query(description="What decides the order; equal cases stand by id.")] = CaseSort.EXCESS,
    order: Annotated[Order, Query(description="Largest or oldest first, or last.")] = Order.DESCENDING,
) -> paging.Paged[schemas.CaseSummary]:
    """List the cases in the caller's sight: flags for people to look at, none of them a debt."""
    wanted = CaseFilter(
        status=status,
        ground=ground,
        reading=reading,
        is_still_over=still_over,
        team_code=team,
        min_excess_pence=min_excess_pence,
        opened_from=opened_from,
        opened_to=opened_to,
    )
    return await operations.list_clawback_cases(session, wanted=wanted, sort=sort, order=order, page=page, today=today)


@router.get("/cases/{case_id}")
async def read_clawback_case(
    case_id: UUID, session: dependencies.Read, today: dependencies.Today, response: Response
) -> schemas.Case:
    """Show a case with every figure, what it stands on, and the working in plain words."""
    found = await operations.read_clawback_case(session, case_id=case_id, today=today)
    etags.answer(response, found.version)
    return found


@router.post("/cases/{case_id}/withdrawal")
async def withdraw_clawback_case(
    case_id: UUID,
    body: schemas.Withdrawal,
    version: dependencies.IfMatch,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> schemas.Case:
    """Withdraw a case that was opened on wrong facts; money and agreement stay as they are."""
    await operations.withdraw_clawback_case(
        session, case_id=case_id, version=version, reason=body.reason, now=clock.now()
    )
    found = await operations.read_clawback_case(session, case_id=case_id, today=today)
    etags.answer(response, found.version)
    return found
