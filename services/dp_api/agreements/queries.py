"""Every SELECT about agreements, cut to what the caller's teams and role may see."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from services.dp_api.agreements import rules, schemas
from services.dp_api.budgets import queries as budget_queries
from services.dp_api.budgets import schemas as budget_schemas
from services.shared import paging, sight
from services.shared.database import AnySession
from services.shared.errors import NotFound
from services.shared.identity.shown import FieldSet
from services.shared.tables.agreements import Account, Agreement
from services.shared.tables.people import Recipient
from services.shared.vocabulary.agreements import AccountKind, AccountStatus, PaymentSchedule

ORDER: Final = paging.Order(Agreement.id)
_STORED_OTHERWISE = {"field_set", "budget"}


async def agreement(
    session: AnySession, *, agreement_id: UUID, field_set: FieldSet, today: date
) -> schemas.AnyAgreement:
    """Return one agreement with the budget that holds today, in the view of a field set. Raises NotFound."""
    question = _agreements(session, field_set=field_set).where(Agreement.id == agreement_id)
    found = await _shown(session, question=question, field_set=field_set, today=today)
    if not found:
        raise NotFound("no such agreement")
    return found[0]


async def agreements(
    session: AnySession, *, wanted: schemas.AgreementFilter, field_set: FieldSet, today: date, page: paging.Page
) -> Sequence[schemas.AnyAgreement]:
    """Return agreements by id in the view of a field set, one more than the page holds when there is one."""
    conditions: list[ColumnElement[bool]] = []
    for column, value in (
        (Agreement.recipient_id, wanted.recipient_id),
        (Agreement.kind, wanted.kind),
        (Agreement.status, wanted.status),
        (Recipient.team_code, wanted.team_code),
        (Agreement.money_manager_id, wanted.money_manager_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if (reached := ORDER.after(page)) is not None:
        conditions.append(Agreement.id > reached[0])
    question = _agreements(session, field_set=field_set).where(*conditions)
    question = question.order_by(Agreement.id).limit(page.rows_asked_for)
    return await _shown(session, question=question, field_set=field_set, today=today)


async def proposal(
    session: AnySession, agreement: Agreement, recipient: Recipient, *, started_on: date, today: date
) -> rules.Proposal:
    """Return what the rules of activation turn on."""
    budgets = await budget_queries.budgets_from(session, agreement_id=agreement.id, day=started_on)
    return rules.Proposal(
        kind=agreement.kind,
        legal_basis=agreement.legal_basis,
        payment_schedule=agreement.payment_schedule,
        started_on=started_on,
        today=today,
        recipient_kind=recipient.kind,
        date_of_birth=recipient.date_of_birth,
        died_on=recipient.died_on,
        has_budget_at_start=any(budget.effective_from <= started_on for budget in budgets),
        weekly_contributions_pence=tuple(budget.weekly_contribution_pence for budget in budgets),
    )


async def has_other_ongoing(session: AnySession, agreement: Agreement) -> bool:
    """Tell whether an ongoing agreement has another beside it, of the same recipient, that is active or suspended."""
    question = select(Agreement.id).where(
        Agreement.recipient_id == agreement.recipient_id,
        Agreement.id != agreement.id,
        Agreement.status.in_(budget_queries.RUNNING),
        Agreement.payment_schedule != PaymentSchedule.ONE_OFF,
    )
    is_ongoing = agreement.payment_schedule is not PaymentSchedule.ONE_OFF
    return is_ongoing and await session.scalar(question.limit(1)) is not None


async def holds_managed_money(session: AnySession, *, agreement_id: UUID) -> bool:
    """Tell whether the agreement has an open account in its money manager's hands."""
    question = select(Account.id).where(
        Account.agreement_id == agreement_id,
        Account.kind == AccountKind.MONEY_MANAGER_ACCOUNT,
        Account.status == AccountStatus.OPEN,
    )
    return await session.scalar(question.limit(1)) is not None


def _agreements(session: AnySession, *, field_set: FieldSet) -> Select[*tuple[Any, ...]]:
    view = schemas.VIEWS.get(field_set)
    if view is None:
        raise NotFound("no such agreement")
    columns = [getattr(Agreement, name) for name in view.model_fields if name not in _STORED_OTHERWISE]
    joined = select(*columns).join(Recipient, Recipient.id == Agreement.recipient_id)
    return joined.where(sight.of_person(session))


async def _shown(
    session: AnySession, *, question: Select[*tuple[Any, ...]], field_set: FieldSet, today: date
) -> Sequence[schemas.AnyAgreement]:
    rows = (await session.execute(question)).all()
    budgets = await budget_queries.budgets_on(session, agreement_ids=[row.id for row in rows], day=today)
    if field_set is not FieldSet.CARE:
        budgets = {of: budget_schemas.without_reason(budget) for of, budget in budgets.items()}
    view = schemas.VIEWS[field_set]
    return [
        view.model_validate({"field_set": field_set.value, "budget": budgets.get(row.id), **row._mapping})
        for row in rows
    ]
