"""HTTP for money managers."""

from uuid import UUID

from fastapi import Response

from services.dp_api.money_managers import operations, queries, schemas
from services.shared import paging
from services.shared.web import dependencies, etags, routing

router = routing.Router(prefix="/v1/money-managers", tags=["money managers"])


@router.post("", status_code=201)
async def register_money_manager(
    body: schemas.NewMoneyManager, session: dependencies.Write, response: Response
) -> schemas.MoneyManagerView:
    """Register an organisation that holds direct payments for others."""
    money_manager = await operations.register_money_manager(session, values=body)
    response.headers["Location"] = f"/v1/money-managers/{money_manager.id}"
    etags.answer(response, money_manager.version)
    return money_manager


@router.get("")
async def list_money_managers(
    session: dependencies.Read, page: dependencies.Page
) -> paging.Paged[schemas.MoneyManagerView]:
    """List the third-party money managers."""
    rows = await queries.money_managers(session, page=page)
    return queries.ORDER.paged(rows, page, key=lambda row: (row.id,))


@router.get("/{money_manager_id}")
async def read_money_manager(
    money_manager_id: UUID, session: dependencies.Read, response: Response
) -> schemas.MoneyManagerView:
    """Show one third-party money manager."""
    money_manager = await queries.money_manager(session, money_manager_id=money_manager_id)
    etags.answer(response, money_manager.version)
    return money_manager
