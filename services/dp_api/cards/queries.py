"""Every SELECT about single cards; their accounts are looked up, and cut to what the caller may see, below."""

from uuid import UUID

from sqlalchemy import select

from services.shared.database import AnySession, WriteSession
from services.shared.errors import NotFound
from services.shared.tables.agreements import Card


async def card_for_change(session: WriteSession, *, account_id: UUID, card_id: UUID) -> Card:
    """Return a card of the account, locked until the transaction ends. Raises NotFound."""
    question = select(Card).where(Card.id == card_id, Card.account_id == account_id).with_for_update()
    found: Card | None = await session.scalar(question)
    if found is None:
        raise NotFound("no such card")
    return found


async def is_card_ref_taken(session: AnySession, *, provider_code: str, reference: str) -> bool:
    """Tell whether a card of the provider has this reference."""
    question = select(Card.id).where(Card.provider_code == provider_code, Card.provider_card_ref == reference)
    return await session.scalar(question) is not None
