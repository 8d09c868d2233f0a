"""HTTP for the budgets of an agreement."""

from uuid import UUID

from fastapi import Response

from services.dp_api.budgets import operations, schemas
from services.shared import paging
from services.shared.web import dependencies, routing

router = routing.Router(prefix="/v1/agreements", tags=["budgets"])


@router.post("/{agreement_id}/budgets", status_code=201)
async def set_budget(
    agreement_id: UUID,
    body: schemas.NewBudget,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> schemas.BudgetView:
    """Set what the agreement is worth a week from a day on; a later decision about the same day is a new revision."""
    budget = await operations.set_budget(session, agreement_id=agreement_id, values=body, today=today)
    response.headers["Location"] = f"/v1/agreements/{agreement_id}/budgets"
    return budget


@router.get("/{agreement_id}/budgets")
async def list_budgets(
    agreement_id: UUID, session: dependencies.Read, page: dependencies.Page
) -> paging.Paged[schemas.BudgetView]:
    """List every decision about the agreement's budget, latest first, superseded ones included."""
    return await operations.list_budgets(session, agreement_id=agreement_id, page=page)
