"""HTTP for accounts, their cards and transactions."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.dp_api.accounts import operations, schemas
from services.shared import paging
from services.shared.values import fields
from services.shared.vocabulary.agreements import AccountKind, AccountStatus
from services.shared.vocabulary.money import SpendCategory
from services.shared.web import dependencies, etags, routing

router = routing.Router(prefix="/v1/accounts", tags=["accounts"])


@router.post("", status_code=201)
async def open_account(
    body: schemas.NewAccount, session: dependencies.Write, today: dependencies.Today, response: Response
) -> schemas.AccountWithCards:
    """Open an account for an agreement: the provider's token and the last four digits, never a full number."""
    account = await operations.open_account(session, values=body, today=today)
    response.headers["Location"] = f"/v1/accounts/{account.id}"
    etags.answer(response, account.version)
    return account


@router.get("")
async def list_accounts(
    session: dependencies.Read,
    page: dependencies.Page,
    agreement_id: UUID | None = None,
    recipient_id: UUID | None = None,
    kind: AccountKind | None = None,
    status: AccountStatus | None = None,
    provider: fields.Code | None = None,
) -> paging.Paged[schemas.AccountView]:
    """List the accounts in the caller's sight, with their balances."""
    wanted = schemas.AccountFilter(
        agreement_id=agreement_id, recipient_id=recipient_id, kind=kind, status=status, provider_code=provider
    )
    return await operations.list_accounts(session, wanted=wanted, page=page)


@router.get("/{account_id}")
async def read_account(account_id: UUID, session: dependencies.Read, response: Response) -> schemas.AccountWithCards:
    """Show one account with its balance (posted, held, available) and its cards."""
    account = await operations.read_account(session, account_id=account_id)
    etags.answer(response, account.version)
    return account


@router.post("/{account_id}/closure")
async def close_account(
    account_id: UUID, body: schemas.Closure, session: dependencies.Write, today: dependencies.Today
) -> schemas.AccountWithCards:
    """Close an account that holds no more money, and its cards with it."""
    return await operations.close_account(session, account_id=account_id, values=body, today=today)


@router.post("/{account_id}/cards", status_code=201)
async def add_card(
    account_id: UUID,
    body: schemas.NewCard,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> schemas.CardView:
    """Add a card to an open account: a replacement, or a second holder's."""
    card = await operations.add_card(session, account_id=account_id, values=body, today=today)
    response.headers["Location"] = f"/v1/accounts/{account_id}"
    return card


@router.post("/{account_id}/cards/{card_id}/closure")
async def close_card(
    account_id: UUID,
    card_id: UUID,
    body: schemas.Closure,
    session: dependencies.Write,
    today: dependencies.Today,
) -> schemas.CardView:
    """Close one card of an account."""
    return await operations.close_card(session, account_id=account_id, card_id=card_id, values=body, today=today)


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
