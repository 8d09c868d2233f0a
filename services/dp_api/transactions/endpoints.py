"""HTTP for the transactions of an account."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from services.dp_api.transactions import operations, schemas
from services.shared import paging
from services.shared.values import fields
from services.shared.vocabulary.money import SpendCategory
from services.shared.web import dependencies, routing

router = routing.Router(prefix="/v1/accounts", tags=["accounts"])


@router.get("/{account_id}/transactions")
async def list_account_transactions(
    account_id: UUID,
    session: dependencies.Read,
    page: dependencies.Page,
    first_day: Annotated[fields.Day | None, Query(alias="from", description="First booked day.")] = None,
    last_day: Annotated[fields.Day | None, Query(alias="to", description="Last booked day, included.")] = None,
    category: SpendCategory | None = None,
) -> paging.Paged[schemas.AnyTransaction]:
    """List an account's posted transactions, latest booked first; auditors see no merchant's name."""
    wanted = schemas.TransactionFilter(first_day=first_day, last_day=last_day, category=category)
    return await operations.list_account_transactions(session, account_id=account_id, wanted=wanted, page=page)
