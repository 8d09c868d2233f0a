"""HTTP for accounts."""

from uuid import UUID

from fastapi import Response

from services.dp_api.accounts import operations, schemas
from services.shared import paging
from services.shared.values import fields
from services.shared.vocabulary.agreements import AccountKind, AccountStatus
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
