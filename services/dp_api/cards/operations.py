"""Acts on single cards: a replacement, a second holder's, a card that is lost."""

from datetime import date
from uuid import UUID, uuid4

from services.dp_api.accounts import operations as accounts
from services.dp_api.accounts import queries as account_queries
from services.dp_api.accounts import rules
from services.dp_api.accounts import schemas as account_schemas
from services.dp_api.cards import queries, schemas
from services.shared import clock
from services.shared.database import WriteSession
from services.shared.errors import Conflict
from services.shared.tables.agreements import Card
from services.shared.vocabulary.agreements import AccountStatus


async def add_card(
    session: WriteSession, *, account_id: UUID, values: schemas.NewCard, today: date
) -> account_schemas.CardView:
    """Add a card to an open account: a replacement, or a second holder's.

    Raises NotFound, Conflict for a closed or trial account or a reference that is taken, Invalid for a future day.
    """
    account, recipient_id = await account_queries.account_for_change(session, account_id=account_id)
    if account.status is AccountStatus.CLOSED or recipient_id is None:
        raise Conflict("the account takes no cards: it is closed, or a trial", code="account_takes_no_cards")
    if await queries.is_card_ref_taken(
        session, provider_code=account.provider_code, reference=values.provider_card_ref
    ):
        raise Conflict("the card's reference is taken", code="reference_taken", pointer="/provider_card_ref")
    card = Card(
        id=uuid4(),
        account_id=account_id,
        provider_code=account.provider_code,
        provider_card_ref=values.provider_card_ref,
        last_four=values.last_four,
        opened_on=rules.opening_day(values.opened_on, today=today),
        closed_on=None,
        created_at=clock.now(),
    )
    session.add(card)
    await session.flush()
    await accounts.record(session, card, action="add_card", person_id=recipient_id)
    return account_schemas.CardView.model_validate(card)


async def close_card(
    session: WriteSession, *, account_id: UUID, card_id: UUID, values: account_schemas.Closure, today: date
) -> account_schemas.CardView:
    """Close one card. Raises NotFound, Conflict for a card that is closed, Invalid for a day that cannot be."""
    _, recipient_id = await account_queries.account_for_change(session, account_id=account_id)
    card = await queries.card_for_change(session, account_id=account_id, card_id=card_id)
    if card.closed_on is not None:
        raise Conflict("the card is closed", code="card_closed")
    closed_on = rules.closing_day(values.closed_on, opened_on=card.opened_on, today=today)
    await accounts.end_card(
        session, card, action="close_card", closed_on=closed_on, person_id=recipient_id, reason=values.reason
    )
    return account_schemas.CardView.model_validate(card)
