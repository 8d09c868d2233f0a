"""Accounts made through dp_api's own operations, and the transactions that card_ingest would post to them."""

import hashlib
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

from services.dp_api.accounts import operations, schemas
from services.dp_api.cards import operations as card_operations
from services.dp_api.cards import schemas as card_schemas
from services.shared import dates, driver
from services.shared.database import WriteSession
from tests.builders import recipients

TODAY = recipients.TODAY
PROVIDER = "northbank"


async def a_provider(connection: driver.Connection, code: str = PROVIDER) -> str:
    """Register a feed provider, where it is missing."""
    await connection.execute("INSERT INTO feed_provider VALUES ($1, $1, now()) ON CONFLICT DO NOTHING", code)
    return code


def new_account(agreement_id: UUID, **changes: Any) -> schemas.NewAccount:
    """Return what is known of a prepaid card account; its reference is new each time."""
    known: dict[str, Any] = {
        "agreement_id": agreement_id,
        "kind": schemas.OpenedKind.PREPAID_CARD,
        "provider_code": PROVIDER,
        "provider_account_ref": f"acc-{uuid4()}",
        "last_four": "4242",
        "opened_on": date(2026, 1, 5),
    }
    return schemas.NewAccount(**(known | changes))


async def an_account(
    session: WriteSession, *, agreement_id: UUID, today: date = TODAY, **changes: Any
) -> schemas.AccountWithCards:
    """Open a prepaid card account of an agreement."""
    return await operations.open_account(session, values=new_account(agreement_id, **changes), today=today)


async def a_card(session: WriteSession, account_id: UUID, **changes: Any) -> schemas.CardView:
    """Add a card to an account; its reference is new each time."""
    known: dict[str, Any] = {"provider_card_ref": f"card-{uuid4()}", "last_four": "4242", "opened_on": date(2026, 1, 5)}
    values = card_schemas.NewCard.model_validate(known | changes)
    return await card_operations.add_card(session, account_id=account_id, values=values, today=TODAY)


async def a_transaction(
    connection: driver.Connection,
    *,
    account_id: UUID,
    booked_on: date,
    amount_pence: int,
    category: str = "home_care",
    care_group: str | None = "older_people",
    provider: str = PROVIDER,
    merchant_name: str | None = "EXAMPLE CARE LTD",
) -> str:
    """Post a transaction to an account as card_ingest does, without its summary and balance."""
    reference = str(uuid4())
    await connection.execute(
        """INSERT INTO card_transaction (provider_code, provider_transaction_id, account_id, type, amount_pence,
               occurred_at, booked_on, accounting_month, care_group, category, mcc, merchant_name, reference,
               content_digest, delivery_number, row_number, batch_number)
           VALUES ($1, $2, $3, 'purchase_pos', $4, $5, $6, $7, $8, $9, '8050', $10, 'invoice 7', $11, 1, 1, 1)""",
        provider,
        reference,
        account_id,
        amount_pence,
        datetime.combine(booked_on, time(12), UTC),
        booked_on,
        dates.accounting_month(booked_on),
        care_group,
        category,
        merchant_name,
        hashlib.sha256(reference.encode()).digest(),
    )
    return reference


async def a_balance(connection: driver.Connection, *, account_id: UUID, posted_pence: int, held_pence: int = 0) -> None:
    """Set the balance of an account as card_ingest keeps it."""
    await connection.execute(
        """INSERT INTO account_balance VALUES ($1, $2, $3, 1, '2026-10-30')
           ON CONFLICT (account_id) DO UPDATE SET posted_pence = $2, held_pence = $3""",
        account_id,
        posted_pence,
        held_pence,
    )
