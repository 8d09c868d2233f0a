"""The council's own records of the county, made by dp_api's operations as staff would make them."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from services.demo.assistants import Engagement
from services.demo.awards import AccountPlan, Award, Rate
from services.demo.payees import MONEY_MANAGERS
from services.demo.population import Person
from services.dp_api.accounts import operations as account_operations
from services.dp_api.accounts import schemas as account_schemas
from services.dp_api.agreements import operations as agreement_operations
from services.dp_api.agreements import schemas as agreement_schemas
from services.dp_api.budgets import operations as budget_operations
from services.dp_api.budgets import schemas as budget_schemas
from services.dp_api.cards import operations as card_operations
from services.dp_api.cards import schemas as card_schemas
from services.dp_api.money_managers import operations as money_manager_operations
from services.dp_api.money_managers import schemas as money_manager_schemas
from services.dp_api.personal_assistants import operations as assistant_operations
from services.dp_api.personal_assistants import schemas as assistant_schemas
from services.dp_api.recipients import operations as recipient_operations
from services.dp_api.recipients import schemas as recipient_schemas
from services.shared.database import WriteSession
from services.shared.vocabulary.agreements import AgreementStatus, PaymentSchedule

_OUTSIDE_THE_FORM = frozenset({"number", "care_group", "died_on", "address_lines"})
REPLACED = "Card replaced"


async def register_money_managers(session: WriteSession) -> None:
    """Register the third-party money managers."""
    for name, weekly_fee_pence in MONEY_MANAGERS.items():
        values = money_manager_schemas.NewMoneyManager(name=name, weekly_fee_pence=weekly_fee_pence)
        await money_manager_operations.register_money_manager(session, values=values)


async def register(session: WriteSession, award: Award, *, money_managers: Mapping[str, UUID], today: date) -> None:
    """Register a person, open and activate the agreement, set its budgets, open the account with its cards."""
    recipient_id = await _register_person(session, award.person, today=today)
    agreement = await agreement_operations.open_agreement(
        session,
        values=agreement_schemas.NewAgreement(
            recipient_id=recipient_id,
            kind=award.kind,
            legal_basis=award.legal_basis,
            holder_name=award.holder_name,
            money_manager_id=money_managers[award.money_manager] if award.money_manager else None,
            payment_schedule=PaymentSchedule.FOUR_WEEKLY,
            first_payment_on=award.first_payment_on,
            cash_permitted=award.cash_reason is not None,
            cash_reason=award.cash_reason,
        ),
        today=today,
    )
    for rate in award.rates:
        await _set_budget(session, rate, agreement_id=agreement.id, today=today)
    if award.account is not None:
        activation = agreement_schemas.Activation(started_on=award.started_on)
        await agreement_operations.activate_agreement(
            session, agreement_id=agreement.id, version=agreement.version, values=activation, today=today
        )
        await _open_account(session, award.account, agreement_id=agreement.id, today=today)
        await _stop(session, award, agreement_id=agreement.id, today=today)
    if award.person.died_on is not None and not award.is_employer:
        await record_death(session, award, recipient_id=recipient_id, today=today)


async def engage(session: WriteSession, held: Sequence[Engagement], *, employers: Mapping[int, UUID]) -> None:
    """Register one personal assistant and each of their engagements; `employers` are recipients by award."""
    first = held[0].assistant
    assistant = await assistant_operations.register_personal_assistant(
        session,
        values=assistant_schemas.NewPersonalAssistant(full_name=first.full_name, team_code=first.team_code),
    )
    for engagement in held:
        values = assistant_schemas.NewEngagement(
            recipient_id=employers[engagement.employer],
            started_on=engagement.started_on,
            hours_per_week=engagement.hours_per_week,
            relationship_to_recipient=engagement.relationship,
            same_household=engagement.same_household,
            exception_reason=engagement.exception_reason,
        )
        await assistant_operations.engage_personal_assistant(session, personal_assistant_id=assistant.id, values=values)


async def record_death(session: WriteSession, award: Award, *, recipient_id: UUID, today: date) -> None:
    """Record a death; the agreement stands until somebody ends it."""
    if award.person.died_on is not None:
        values = recipient_schemas.Death(died_on=award.person.died_on, notified_by="A relative, by telephone")
        await recipient_operations.record_death(session, recipient_id=recipient_id, values=values, today=today)


async def _register_person(session: WriteSession, person: Person, *, today: date) -> UUID:
    known = {name: getattr(person, name) for name in Person.__slots__ if name not in _OUTSIDE_THE_FORM}
    values = recipient_schemas.NewRecipient.model_validate({**known, "address_lines": list(person.address_lines)})
    return (await recipient_operations.register_recipient(session, values=values, today=today)).id


async def _set_budget(session: WriteSession, rate: Rate, *, agreement_id: UUID, today: date) -> None:
    values = budget_schemas.NewBudget(
        effective_from=rate.effective_from,
        weekly_gross_pence=rate.weekly_gross_pence,
        weekly_contribution_pence=rate.weekly_contribution_pence,
        weekly_nhs_pence=rate.weekly_nhs_pence,
        reason=rate.reason,
    )
    await budget_operations.set_budget(session, agreement_id=agreement_id, values=values, today=today)


async def _open_account(session: WriteSession, plan: AccountPlan, *, agreement_id: UUID, today: date) -> None:
    values = account_schemas.NewAccount(
        agreement_id=agreement_id,
        kind=account_schemas.OpenedKind(plan.kind.value),
        provider_code=plan.provider_code,
        provider_account_ref=plan.provider_account_ref,
        last_four=plan.last_four,
        opened_on=plan.opened_on,
    )
    account = await account_operations.open_account(session, values=values, today=today)
    for card in plan.cards:
        new = card_schemas.NewCard(
            provider_card_ref=card.provider_card_ref, last_four=card.last_four, opened_on=card.opened_on
        )
        added = await card_operations.add_card(session, account_id=account.id, values=new, today=today)
        if card.closed_on is not None:
            closure = account_schemas.Closure(reason=REPLACED, closed_on=card.closed_on)
            await card_operations.close_card(
                session, account_id=account.id, card_id=added.id, values=closure, today=today
            )


async def _stop(session: WriteSession, award: Award, *, agreement_id: UUID, today: date) -> None:
    """Suspend or end the agreement, as its award says."""
    reason = award.stop_reason or ""
    if award.status is AgreementStatus.SUSPENDED:
        suspension = agreement_schemas.Suspension(reason=reason)
        await agreement_operations.suspend_agreement(session, agreement_id=agreement_id, values=suspension, today=today)
    elif award.status is AgreementStatus.ENDED and award.stopped_on is not None:
        ending = agreement_schemas.Ending(ended_on=award.stopped_on, reason=reason)
        await agreement_operations.end_agreement(session, agreement_id=agreement_id, values=ending, today=today)
