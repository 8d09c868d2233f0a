"""Agreements and their budgets, made through dp_api's own operations."""

from datetime import date
from typing import Any
from uuid import UUID

from services.dp_api.agreements import operations, schemas
from services.dp_api.budgets import operations as budget_operations
from services.dp_api.budgets import schemas as budget_schemas
from services.shared.database import WriteSession
from services.shared.vocabulary.agreements import AgreementKind, LegalBasis, PaymentSchedule
from tests.builders import recipients

TODAY = recipients.TODAY
STARTED_ON = date(2026, 1, 5)
GROSS = 24_343
"""£243.43 a week."""


async def a_draft(session: WriteSession, *, recipient_id: UUID, **changes: Any) -> schemas.AgreementForCare:
    """Open a draft of the recipient's own four-weekly agreement under section 31."""
    known: dict[str, Any] = {
        "recipient_id": recipient_id,
        "kind": AgreementKind.SERVICE_USER,
        "legal_basis": LegalBasis.S31,
        "payment_schedule": PaymentSchedule.FOUR_WEEKLY,
    }
    return await operations.open_agreement(session, values=schemas.NewAgreement(**(known | changes)), today=TODAY)


async def a_budget(
    session: WriteSession,
    agreement_id: UUID,
    *,
    weekly_gross_pence: int = GROSS,
    weekly_contribution_pence: int = 0,
    weekly_nhs_pence: int = 0,
    effective_from: date = STARTED_ON,
    today: date = TODAY,
) -> budget_schemas.BudgetView:
    """Set a budget from a day on."""
    values = budget_schemas.NewBudget(
        effective_from=effective_from,
        weekly_gross_pence=weekly_gross_pence,
        weekly_contribution_pence=weekly_contribution_pence,
        weekly_nhs_pence=weekly_nhs_pence,
        reason="assessed",
    )
    return await budget_operations.set_budget(session, agreement_id=agreement_id, values=values, today=today)


async def an_agreement(
    session: WriteSession,
    *,
    recipient_id: UUID | None = None,
    started_on: date = STARTED_ON,
    weekly_gross_pence: int = GROSS,
    **changes: Any,
) -> schemas.AgreementForCare:
    """Return an active agreement with a budget from its first day; of a new recipient unless one is named."""
    if recipient_id is None:
        recipient_id = (await recipients.a_recipient(session)).id
    draft = await a_draft(session, recipient_id=recipient_id, **changes)
    await a_budget(session, draft.id, weekly_gross_pence=weekly_gross_pence, effective_from=started_on)
    return await activated(session, draft, started_on=started_on)


async def activated(
    session: WriteSession, draft: schemas.AgreementForCare, *, started_on: date = STARTED_ON
) -> schemas.AgreementForCare:
    """Activate a draft that has its budget."""
    activation = schemas.Activation(started_on=started_on)
    return await operations.activate_agreement(
        session, agreement_id=draft.id, version=draft.version, values=activation, today=TODAY
    )


async def suspended(session: WriteSession, agreement_id: UUID) -> schemas.AgreementForCare:
    """Suspend an active agreement."""
    values = schemas.Suspension(reason="in hospital")
    return await operations.suspend_agreement(session, agreement_id=agreement_id, values=values, today=TODAY)


async def ended(session: WriteSession, agreement_id: UUID, *, ended_on: date) -> schemas.AgreementForCare:
    """End an agreement, on the day itself."""
    values = schemas.Ending(ended_on=ended_on, reason="moved away")
    return await operations.end_agreement(session, agreement_id=agreement_id, values=values, today=ended_on)
