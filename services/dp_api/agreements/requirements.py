"""What an act on an agreement requires of the records around it; each raises what stands in the way."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from services.dp_api.agreements import queries, rules
from services.dp_api.budgets import queries as budget_queries
from services.dp_api.money_managers import queries as money_manager_queries
from services.dp_api.recipients import queries as recipient_queries
from services.shared.database import WriteSession
from services.shared.errors import Conflict, Forbidden, Invalid, NotFound
from services.shared.identity.granted.dp_api import Operation
from services.shared.tables.agreements import Agreement
from services.shared.tables.people import Recipient
from services.shared.vocabulary.agreements import PaymentSchedule


async def recipient(session: WriteSession, *, recipient_id: UUID) -> Recipient:
    """Return the recipient, locked: whatever else concerns their agreements waits its turn."""
    try:
        return await recipient_queries.recipient_for_change(session, recipient_id=recipient_id)
    except NotFound:
        raise Invalid("no such recipient", code="unknown_recipient", pointer="/recipient_id") from None


async def proposal(
    session: WriteSession, agreement: Agreement, recipient: Recipient, *, started_on: date, today: date
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


async def refuse_second(session: WriteSession, agreement: Agreement) -> None:
    """Raise Conflict for a second ongoing agreement that would run at a time."""
    if agreement.payment_schedule is PaymentSchedule.ONE_OFF:
        return
    if await queries.ongoing_of(session, recipient_id=agreement.recipient_id, except_id=agreement.id) is not None:
        raise Conflict("the recipient has another ongoing agreement that is active or suspended", code="ongoing_exists")


async def refuse_amendment(session: WriteSession, agreement: Agreement, *, changes: Mapping[str, Any]) -> None:
    """Raise Conflict or Forbidden for an amendment that the agreement's status or the caller's role does not allow."""
    if fixed := rules.not_amendable(status=agreement.status, fields=changes.keys()):
        raise Conflict(f"the agreement is {agreement.status}: {', '.join(sorted(fixed))} stand", code="fixed")
    if rules.needs_care_manager(status=agreement.status, fields=changes.keys()):
        _refuse_all_but_care_managers(session)
    if changes.get("money_manager_id", agreement.money_manager_id) is None:
        await _refuse_orphaned_account(session, agreement)
    new, old = changes.get("payment_schedule", agreement.payment_schedule), agreement.payment_schedule
    if rules.schedule_fixed(status=agreement.status, old=old, new=new):
        raise Conflict(
            "an agreement that has begun stays ongoing, or one-off", code="fixed", pointer="/payment_schedule"
        )
    if new is PaymentSchedule.ONE_OFF and await budget_queries.is_budgeted(session, agreement_id=agreement.id):
        raise Conflict("it has a weekly budget", code="one_off_has_no_weekly_budget", pointer="/payment_schedule")


async def refuse_incomplete(session: WriteSession, agreement: Agreement) -> None:
    """Raise Invalid for a third party without a name, cash without a reason, or an unknown money manager."""
    if agreement.kind in rules.THIRD_PARTY and agreement.holder_name is None:
        raise Invalid(
            "the nominated or authorised person is to be named", code="holder_missing", pointer="/holder_name"
        )
    if agreement.cash_permitted and agreement.cash_reason is None:
        raise Invalid("cash needs its reason (Plan, s.11)", code="cash_reason_missing", pointer="/cash_reason")
    manager_id = agreement.money_manager_id
    if manager_id is not None and not await money_manager_queries.is_registered(session, money_manager_id=manager_id):
        raise Invalid("no such money manager", code="unknown_money_manager", pointer="/money_manager_id")


def _refuse_all_but_care_managers(session: WriteSession) -> None:
    if session.actor.is_machine or session.actor.may(Operation.ACTIVATE_AGREEMENT):
        return
    raise Forbidden("once activated, a care manager changes how the money is held and paid", code="care_manager_needed")


async def _refuse_orphaned_account(session: WriteSession, agreement: Agreement) -> None:
    if await queries.holds_managed_money(session, agreement_id=agreement.id):
        raise Conflict(
            "the money manager holds an open account: close it first",
            code="money_manager_holds_account",
            pointer="/money_manager_id",
        )
