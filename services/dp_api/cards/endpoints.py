"""HTTP for the cards of an account."""

from uuid import UUID

from fastapi import Response

from services.dp_api.accounts import schemas as account_schemas
from services.dp_api.cards import operations, schemas
from services.shared.web import dependencies, routing

router = routing.Router(prefix="/v1/accounts", tags=["accounts"])


@router.post("/{account_id}/cards", status_code=201)
async def add_card(
    account_id: UUID,
    body: schemas.NewCard,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> account_schemas.CardView:
    """Add a card to an open account: a replacement, or a second holder's."""
    card = await operations.add_card(session, account_id=account_id, values=body, today=today)
    response.headers["Location"] = f"/v1/accounts/{account_id}"
    return card


@router.post("/{account_id}/cards/{card_id}/closure")
async def close_card(
    account_id: UUID,
    card_id: UUID,
    body: account_schemas.Closure,
    session: dependencies.Write,
    today: dependencies.Today,
) -> account_schemas.CardView:
    """Close one card of an account."""
    return await operations.close_card(session, account_id=account_id, card_id=card_id, values=body, today=today)
