import itertools
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import select, text

from services.dp_api.accounts import operations, queries, schemas
from services.dp_api.agreements import operations as agreement_operations
from services.dp_api.agreements import schemas as agreement_schemas
from services.dp_api.cards import operations as card_operations
from services.dp_api.cards import schemas as card_schemas
from services.dp_api.recipients import operations as recipient_operations
from services.dp_api.recipients import rules as recipient_rules
from services.dp_api.recipients import schemas as recipient_schemas
from services.shared import audit
from services.shared.database import Database, WriteSession
from services.shared.errors import Conflict, Invalid, NotFound
from services.shared.tables.people import Recipient
from services.shared.vocabulary.agreements import AccountStatus
from services.shared.vocabulary.people import CareGroup, PrimarySupportReason, RecipientKind
from tests import databases as test_databases
from tests.builders import accounts, agreements, recipients
from tests.builders.accounts import TODAY, an_account, new_account


@pytest.fixture(autouse=True)
async def provider(shared: Database) -> str:
    async with test_databases.superuser(shared.settings) as connection:
        return await accounts.a_provider(connection)


async def care_group(session: WriteSession, account_id: UUID) -> str | None:
    found: str | None = await session.scalar(text("SELECT care_group FROM account WHERE id = :id"), {"id": account_id})
    return found


async def trail(session: WriteSession, subject_id: UUID) -> str:
    question = text("SELECT string_agg(a::text, ' ') FROM audit_entry a WHERE subject_id = :id")
    return str(await session.scalar(question, {"id": str(subject_id)}))


async def reasons(session: WriteSession, subject_id: UUID) -> list[str | None]:
    """Return the reasons of a subject's entries, in their order, with the person's key."""
    question = text("SELECT reason FROM audit_entry WHERE subject_id = :id ORDER BY id")
    return await audit.revealed_reasons(session, (await session.scalars(question, {"id": str(subject_id)})).all())


async def closed(session: WriteSession, account_id: UUID, **changes: object) -> schemas.AccountWithCards:
    values = schemas.Closure.model_validate({"reason": "moved to another provider", **changes})
    return await operations.close_account(session, account_id=account_id, values=values, today=TODAY)


async def test_an_account_is_opened_under_the_care_group_of_the_day(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session)
    account = await an_account(session, agreement_id=agreement.id)
    assert (account.status, account.balance.available_pence, account.cards) == (AccountStatus.OPEN, 0, [])
    assert await care_group(session, account.id) == "older_people"
    entry = await trail(session, account.id)
    assert "open_account" in entry
    for value in (account.provider_account_ref, "4242", "older_people"):
        assert value not in entry


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"agreement_id": uuid4()}, "/agreement_id"),
        ({"provider_code": "nobank"}, "/provider_code"),
        ({"opened_on": date(2026, 11, 3)}, "/opened_on"),
    ],
)
async def test_what_an_account_refers_to_must_be_there(
    session: WriteSession, changes: dict[str, object], pointer: str
) -> None:
    agreement = await agreements.an_agreement(session)
    with pytest.raises(Invalid) as refusal:
        await an_account(session, **({"agreement_id": agreement.id} | changes))  # type: ignore[arg-type]
    assert refusal.value.pointer == pointer


async def test_a_reference_is_one_accounts_of_a_provider(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session)
    await an_account(session, agreement_id=agreement.id, provider_account_ref="acc-1")
    with pytest.raises(Conflict) as refusal:
        await an_account(session, agreement_id=agreement.id, provider_account_ref="acc-1")
    assert refusal.value.code == "reference_taken"


async def test_the_reference_of_trial_accounts_is_no_other_accounts(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session)
    with pytest.raises(Invalid) as refusal:
        await an_account(session, agreement_id=agreement.id, provider_account_ref=operations.TRIAL_REF)
    assert (refusal.value.code, refusal.value.pointer) == ("reference_of_trials", "/provider_account_ref")
    assert "acc-1" not in refusal.value.detail


@pytest.mark.parametrize("reference", ["4111111111111111", "60-16-13-31926819", "a b", "", "-x"])
def test_a_number_is_no_reference(reference: str) -> None:
    with pytest.raises(ValidationError):
        new_account(uuid4(), provider_account_ref=reference)
    with pytest.raises(ValidationError):
        card_schemas.NewCard(provider_card_ref=reference, last_four="4242")


@pytest.mark.parametrize("last_four", ["424", "42424", "4111111111111111", "424x"])
def test_only_four_digits_are_kept(last_four: str) -> None:
    with pytest.raises(ValidationError):
        new_account(uuid4(), last_four=last_four)


async def test_a_money_managers_account_needs_a_money_manager(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session)
    with pytest.raises(Conflict) as refusal:
        await an_account(session, agreement_id=agreement.id, kind=schemas.OpenedKind.MONEY_MANAGER_ACCOUNT)
    assert refusal.value.code == "no_money_manager"


async def test_an_ended_agreement_gets_no_account(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session)
    ending = agreement_schemas.Ending(ended_on=TODAY, reason="moved away")
    await agreement_operations.end_agreement(session, agreement_id=agreement.id, values=ending, today=TODAY)
    with pytest.raises(Conflict) as refusal:
        await an_account(session, agreement_id=agreement.id)
    assert refusal.value.code == "agreement_ended"


async def test_an_account_closes_with_its_cards(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session)
    account = await an_account(session, agreement_id=agreement.id)
    first, second = (
        await accounts.a_card(session, account.id),
        await accounts.a_card(session, account.id, opened_on=TODAY),
    )
    lost = schemas.Closure(reason="lost", closed_on=date(2026, 5, 1))
    await card_operations.close_card(session, account_id=account.id, card_id=first.id, values=lost, today=TODAY)
    after = await closed(session, account.id, closed_on=date(2026, 11, 1))
    assert (after.status, after.closed_on) == (AccountStatus.CLOSED, date(2026, 11, 1))
    assert {card.id: card.closed_on for card in after.cards} == {first.id: date(2026, 5, 1), second.id: TODAY}
    assert await reasons(session, second.id) == [None, "moved to another provider"]
    with pytest.raises(Conflict):
        await closed(session, account.id)
    with pytest.raises(Conflict):
        await accounts.a_card(session, account.id)


async def test_a_trial_account_is_opened_once_a_provider(session: WriteSession) -> None:
    first = await operations.open_trial_account(session, provider_code=accounts.PROVIDER, today=TODAY)
    again = await operations.open_trial_account(session, provider_code=accounts.PROVIDER, today=date(2027, 1, 1))
    assert first == again
    assert await care_group(session, first) is None
    counted = text("SELECT count(*) FROM audit_entry WHERE action = 'open_trial_account' AND subject_id = :id")
    assert await session.scalar(counted, {"id": str(first)}) == 1
    with pytest.raises(Conflict):
        await accounts.a_card(session, first)
    with pytest.raises(Invalid):
        await operations.open_trial_account(session, provider_code="nobank", today=TODAY)


async def test_an_unknown_account_or_card_is_not_found(session: WriteSession) -> None:
    with pytest.raises(NotFound):
        await closed(session, uuid4())
    agreement = await agreements.an_agreement(session)
    account = await an_account(session, agreement_id=agreement.id)
    values = schemas.Closure(reason="lost")
    with pytest.raises(NotFound):
        await card_operations.close_card(session, account_id=account.id, card_id=uuid4(), values=values, today=TODAY)


async def test_a_sixty_fifth_birthday_and_a_changed_need_move_the_care_group(session: WriteSession) -> None:
    turns_65 = date(2027, 3, 1)
    recipient = await recipients.a_recipient(session, date_of_birth=date(1962, 3, 1))
    agreement = await agreements.an_agreement(session, recipient_id=recipient.id)
    account = await an_account(session, agreement_id=agreement.id)
    gone = await an_account(session, agreement_id=agreement.id)
    await closed(session, gone.id)
    assert await care_group(session, account.id) == "physical_disabilities"
    await operations.refresh_care_groups(session, today=date(2027, 2, 28))
    assert await care_group(session, account.id) == "physical_disabilities"
    outcome = await operations.refresh_care_groups(session, today=turns_65)
    assert outcome["accounts"] == 1
    assert (await operations.refresh_care_groups(session, today=turns_65))["accounts"] == 0
    assert (await care_group(session, account.id), await care_group(session, gone.id)) == (
        "older_people",
        "physical_disabilities",
    )
    change = recipient_schemas.RecipientAmendment(primary_support_reason=PrimarySupportReason.MENTAL_HEALTH)
    await recipient_operations.amend_recipient(
        session, recipient_id=recipient.id, version=1, values=change, today=turns_65
    )
    await operations.refresh_care_groups(session, today=turns_65)
    assert await care_group(session, account.id) == "mental_health"


async def test_the_set_and_the_rule_give_the_same_care_group(session: WriteSession) -> None:
    days = (date(2026, 11, 2), date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1))
    births = {day.replace(year=day.year - 65, day=min(day.day, 28)) + timedelta(days=n) for day in days for n in (0, 1)}
    reasons = (
        PrimarySupportReason.LEARNING_DISABILITY,
        PrimarySupportReason.MENTAL_HEALTH,
        PrimarySupportReason.SENSORY_DUAL,
    )
    for kind, reason, born in itertools.product(RecipientKind, reasons, births):
        await recipients.a_recipient(
            session, kind=kind, primary_support_reason=reason, date_of_birth=born, team_code="cases"
        )
    for today in days:
        question = select(Recipient, queries.care_group_on(today)).where(Recipient.team_code == "cases")
        rows = (await session.execute(question)).all()
        assert len(rows) == len(RecipientKind) * len(reasons) * len(births)
        for recipient, in_sql in rows:
            by_rule = recipient_rules.care_group(
                kind=recipient.kind,
                primary_support_reason=recipient.primary_support_reason,
                date_of_birth=recipient.date_of_birth,
                today=today,
            )
            assert CareGroup(in_sql) is by_rule
