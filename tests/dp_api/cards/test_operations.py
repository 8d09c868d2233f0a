from datetime import date

import pytest

from services.dp_api.accounts.schemas import CardView, Closure
from services.dp_api.cards import operations
from services.shared.database import Database, WriteSession
from services.shared.errors import Conflict, Invalid
from tests import databases as test_databases
from tests.builders import accounts, agreements
from tests.builders.accounts import TODAY, a_card, an_account


@pytest.fixture(autouse=True)
async def provider(shared: Database) -> str:
    async with test_databases.superuser(shared.settings) as connection:
        return await accounts.a_provider(connection)


async def test_a_card_closes_once_and_not_before_it_was_opened(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session)
    account = await an_account(session, agreement_id=agreement.id)
    card = await a_card(session, account.id)

    async def close(closed_on: date) -> CardView:
        values = Closure(reason="lost", closed_on=closed_on)
        return await operations.close_card(session, account_id=account.id, card_id=card.id, values=values, today=TODAY)

    for day in (date(2026, 1, 4), date(2026, 11, 3)):
        with pytest.raises(Invalid):
            await close(day)
    assert (await close(TODAY)).closed_on == TODAY
    with pytest.raises(Conflict):
        await close(TODAY)


async def test_a_cards_reference_is_taken_once(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session)
    account = await an_account(session, agreement_id=agreement.id)
    await a_card(session, account.id, provider_card_ref="card-1")
    with pytest.raises(Conflict) as refusal:
        await a_card(session, account.id, provider_card_ref="card-1")
    assert refusal.value.pointer == "/provider_card_ref"
