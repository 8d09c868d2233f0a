"""Acts on agreements, and the reading of them, which leaves its own record."""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid4

from services.dp_api.agreements import queries, rules, schemas
from services.dp_api.budgets import operations as budget_operations
from services.dp_api.budgets import queries as budget_queries
from services.dp_api.money_managers import queries as money_manager_queries
from services.dp_api.recipients import queries as recipient_queries
from services.shared import audit, clock, paging
from services.shared.database import ReadSession, WriteSession
from services.shared.errors import Conflict, Forbidden, Invalid, NotFound, Refused, Stale
from services.shared.identity.granted.dp_api import Operation
from services.shared.identity.shown import field_set
from services.shared.law import figures
from services.shared.lifecycles.agreements import AGREEMENT
from services.shared.tables.agreements import Agreement
from services.shared.tables.people import Recipient
from services.shared.vocabulary.agreements import PaymentSchedule

_PERSONAL: Final = frozenset({"holder_name", "legal_basis", "cash_reason", "suspension_reason", "end_reason"})
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
FACTS: Final = (
    "recipient_id",
    "kind",
    "legal_basis",
    "status",
    "holder_name",
    "money_manager_id",
    "payment_schedule",
    "first_payment_on",
    "cash_permitted",
    "cash_reason",
    "started_on",
    "suspension_reason",
    "ended_on",
    "end_reason",
)


async def open_agreement(
    session: WriteSession, *, values: schemas.NewAgreement, today: date
) -> schemas.AgreementForCare:
    """Open a draft agreement for a recipient.

    Raises Invalid for an unknown recipient or money manager, a third party without a name or cash without a reason,
    Conflict for a recipient who has died.
    """
    recipient = await _recipient(session, recipient_id=values.recipient_id)
    if recipient.died_on is not None:
        raise Conflict("the recipient has died", code="recipient_died")
    now = clock.now()
    agreement = Agreement(
        id=uuid4(),
        status=AGREEMENT.initial,
        started_on=None,
        suspension_reason=None,
        ended_on=None,
        end_reason=None,
        created_at=now,
        updated_at=now,
        **values.model_dump(),
    )
    await _refuse_incomplete(session, agreement)
    session.add(agreement)
    await session.flush()
    await _record(session, agreement, action="open_agreement")
    return await _shown(session, agreement, today=today)


async def amend_agreement(
    session: WriteSession, *, agreement_id: UUID, version: int, values: schemas.AgreementAmendment, today: date
) -> schemas.AgreementForCare:
    """Amend what was sent of an agreement; cash that is no longer permitted takes its reason away.

    A kind without a third party takes their name away. Raises NotFound, Stale, Conflict for what activation has fixed
    or a money manager who holds an open account, Forbidden for money terms that are a care manager's to change by now,
    Invalid as `open_agreement` does.
    """
    agreement = await budget_queries.agreement_for_change(session, agreement_id=agreement_id)
    if agreement.version != version:
        raise Stale(f"the agreement has been amended since version {version}")
    if not (changes := values.model_dump(exclude_unset=True)):
        raise Invalid("name at least one thing to amend", code="empty_amendment", pointer="")
    await _refuse_amendment(session, agreement, changes=changes)
    before = _facts(agreement)
    for name, value in changes.items():
        setattr(agreement, name, value)
    if not agreement.cash_permitted:
        agreement.cash_reason = None
    if agreement.kind not in rules.THIRD_PARTY:
        agreement.holder_name = None
    await _refuse_incomplete(session, agreement)
    return await _keep(session, agreement, action="amend_agreement", before=before, reason=None, today=today)


async def activate_agreement(
    session: WriteSession, *, agreement_id: UUID, version: int, values: schemas.Activation, today: date
) -> schemas.AgreementForCare:
    """Activate a draft from a day on.

    Raises NotFound, Stale, Invalid for a day before 1 April 2015, Refused with everything that the tested rules find
    against it, Conflict when it is no draft or the recipient has another ongoing agreement that runs.
    """
    if values.started_on < figures.CARE_ACT_IN_FORCE:
        raise Invalid("before the Care Act was in force", code="starts_before_the_act", pointer="/started_on")
    agreement = await budget_queries.agreement_for_change(session, agreement_id=agreement_id)
    target = AGREEMENT.move(agreement.status, "activate")
    if agreement.version != version:
        raise Stale(f"the agreement has been amended since version {version}")
    recipient = await _recipient(session, recipient_id=agreement.recipient_id)
    proposal = await queries.proposal(session, agreement, recipient, started_on=values.started_on, today=today)
    if findings := rules.activation_findings(proposal):
        raise Refused(rules.in_one(findings))
    if await queries.has_other_ongoing(session, agreement):
        raise Conflict("the recipient has another ongoing agreement that is active or suspended", code="ongoing_exists")
    before = _facts(agreement)
    agreement.status, agreement.started_on = target, values.started_on
    return await _keep(session, agreement, action="activate_agreement", before=before, reason=None, today=today)


async def suspend_agreement(
    session: WriteSession, *, agreement_id: UUID, values: schemas.Suspension, today: date
) -> schemas.AgreementForCare:
    """Stop an active agreement for the time being. Raises NotFound, Conflict when it is not active."""
    agreement = await budget_queries.agreement_for_change(session, agreement_id=agreement_id)
    before = _facts(agreement)
    agreement.status = AGREEMENT.move(agreement.status, "suspend")
    agreement.suspension_reason = values.reason
    return await _keep(session, agreement, action="suspend_agreement", before=before, reason=values.reason, today=today)


async def resume_agreement(
    session: WriteSession, *, agreement_id: UUID, values: schemas.Resumption, today: date
) -> schemas.AgreementForCare:
    """Let a suspended agreement go on. Raises NotFound, Conflict when it is not suspended or the recipient has died."""
    agreement = await budget_queries.agreement_for_change(session, agreement_id=agreement_id)
    target = AGREEMENT.move(agreement.status, "resume")
    recipient = await _recipient(session, recipient_id=agreement.recipient_id)
    if recipient.died_on is not None:
        raise Conflict("the recipient has died", code="recipient_died")
    before = _facts(agreement)
    agreement.status, agreement.suspension_reason = target, None
    return await _keep(session, agreement, action="resume_agreement", before=before, reason=values.reason, today=today)


async def end_agreement(
    session: WriteSession, *, agreement_id: UUID, values: schemas.Ending, today: date
) -> schemas.AgreementForCare:
    """End an agreement with a day that has come; one that has not begun may be ended with its first day.

    Raises NotFound, Conflict when it has ended, Invalid for a day before its start or in the future.
    """
    agreement = await budget_queries.agreement_for_change(session, agreement_id=agreement_id)
    target = AGREEMENT.move(agreement.status, "end")
    first_day = agreement.started_on or figures.CARE_ACT_IN_FORCE
    if values.ended_on < first_day:
        raise Invalid("before the agreement's first day", code="ends_before_start", pointer="/ended_on")
    if values.ended_on > max(today, first_day):
        raise Invalid("the day lies in the future", code="day_in_future", pointer="/ended_on")
    before = _facts(agreement)
    agreement.status, agreement.ended_on, agreement.end_reason = target, values.ended_on, values.reason
    agreement.suspension_reason = None
    return await _keep(session, agreement, action="end_agreement", before=before, reason=values.reason, today=today)


async def read_agreement(session: ReadSession, *, agreement_id: UUID, today: date) -> schemas.AnyAgreement:
    """Show the caller one agreement, as far as their role goes. Raises NotFound."""
    found = await queries.agreement(session, agreement_id=agreement_id, field_set=field_set(session.actor), today=today)
    await _note_shown(session, action="read_agreement", agreements=[found])
    return found


async def list_agreements(
    session: ReadSession, *, wanted: schemas.AgreementFilter, today: date, page: paging.Page
) -> paging.Paged[schemas.AnyAgreement]:
    """Show the caller the agreements in their sight, as far as their role goes."""
    rows = await queries.agreements(session, wanted=wanted, field_set=field_set(session.actor), today=today, page=page)
    shown = queries.ORDER.paged(rows, page, key=lambda row: (row.id,))
    await _note_shown(session, action="list_agreements", agreements=shown.items)
    return shown


async def _recipient(session: WriteSession, *, recipient_id: UUID) -> Recipient:
    """Return the recipient, locked: whatever else concerns their agreements waits its turn."""
    try:
        return await recipient_queries.recipient_for_change(session, recipient_id=recipient_id)
    except NotFound:
        raise Invalid("no such recipient", code="unknown_recipient", pointer="/recipient_id") from None


async def _refuse_amendment(session: WriteSession, agreement: Agreement, *, changes: Mapping[str, Any]) -> None:
    """Raise Conflict or Forbidden for an amendment that the agreement's status or the caller's role does not allow."""
    if fixed := rules.not_amendable(status=agreement.status, fields=changes.keys()):
        raise Conflict(f"the agreement is {agreement.status}: {', '.join(sorted(fixed))} stand", code="fixed")
    may_activate = session.actor.is_machine or session.actor.may(Operation.ACTIVATE_AGREEMENT)
    if rules.needs_care_manager(status=agreement.status, fields=changes.keys()) and not may_activate:
        detail = "once activated, a care manager changes how the money is held and paid"
        raise Forbidden(detail, code="care_manager_needed")
    has_manager = changes.get("money_manager_id", agreement.money_manager_id) is not None
    if not has_manager and await queries.holds_managed_money(session, agreement_id=agreement.id):
        detail = "the money manager holds an open account: close it first"
        raise Conflict(detail, code="money_manager_holds_account", pointer="/money_manager_id")
    new, old = changes.get("payment_schedule", agreement.payment_schedule), agreement.payment_schedule
    if rules.schedule_fixed(status=agreement.status, old=old, new=new):
        detail = "an agreement that has begun stays ongoing, or one-off"
        raise Conflict(detail, code="fixed", pointer="/payment_schedule")
    if new is PaymentSchedule.ONE_OFF and await budget_queries.is_budgeted(session, agreement_id=agreement.id):
        raise Conflict("it has a weekly budget", code="one_off_has_no_weekly_budget", pointer="/payment_schedule")


async def _refuse_incomplete(session: WriteSession, agreement: Agreement) -> None:
    """Raise Invalid for a third party without a name, cash without a reason, or an unknown money manager."""
    if rules.lacks_holder(kind=agreement.kind, holder_name=agreement.holder_name):
        detail = "the nominated or authorised person is to be named"
        raise Invalid(detail, code="holder_missing", pointer="/holder_name")
    if rules.lacks_cash_reason(cash_permitted=agreement.cash_permitted, cash_reason=agreement.cash_reason):
        raise Invalid("cash needs its reason (Plan, s.11)", code="cash_reason_missing", pointer="/cash_reason")
    manager_id = agreement.money_manager_id
    if manager_id is not None and not await money_manager_queries.is_registered(session, money_manager_id=manager_id):
        raise Invalid("no such money manager", code="unknown_money_manager", pointer="/money_manager_id")


async def _keep(
    session: WriteSession,
    agreement: Agreement,
    *,
    action: str,
    before: Mapping[str, object],
    reason: str | None,
    today: date,
) -> schemas.AgreementForCare:
    agreement.updated_at = clock.now()
    await budget_operations.project_gross(session, agreement_id=agreement.id, today=today)
    await _record(session, agreement, action=action, before=before, reason=reason)
    return await _shown(session, agreement, today=today)


async def _record(
    session: WriteSession,
    agreement: Agreement,
    *,
    action: str,
    before: Mapping[str, object] = _NOTHING,
    reason: str | None = None,
) -> None:
    await audit.record(
        session,
        action=action,
        subject=audit.Subject("agreement", str(agreement.id)),
        before=before,
        after=_facts(agreement),
        person_id=agreement.recipient_id,
        personal=_PERSONAL,
        reason=reason,
    )


async def _shown(session: WriteSession, agreement: Agreement, *, today: date) -> schemas.AgreementForCare:
    budget = await budget_queries.budget_on(session, agreement_id=agreement.id, day=today)
    columns = schemas.AgreementForCare.model_fields.keys() - {"field_set", "budget"}
    stored = {name: getattr(agreement, name) for name in columns}
    return schemas.AgreementForCare(field_set="care", budget=budget, **stored)


async def _note_shown(session: ReadSession, *, action: str, agreements: Sequence[schemas.AnyAgreement]) -> None:
    people = sorted({agreement.recipient_id for agreement in agreements})
    await audit.record_read(session, action=action, subject_kind="recipient", subject_ids=people)


def _facts(agreement: Agreement) -> dict[str, object]:
    return {name: getattr(agreement, name) for name in FACTS}
