"""Acts on budgets, the projection of today's gross, and the reading of budgets, which leaves its own record."""

from collections.abc import Mapping
from datetime import date
from typing import Final
from uuid import UUID, uuid4

from services.dp_api.budgets import queries, rules, schemas, statements
from services.shared import audit, clock, paging
from services.shared.database import ReadSession, WriteSession
from services.shared.errors import Conflict, Invalid, Refused
from services.shared.identity.shown import FieldSet, field_set
from services.shared.tables.agreements import Agreement, Budget
from services.shared.vocabulary.agreements import AgreementStatus

REFRESH: Final = "refresh_gross_today"


async def set_budget(
    session: WriteSession, *, agreement_id: UUID, values: schemas.NewBudget, today: date
) -> schemas.BudgetView:
    """Set what an agreement is worth a week from a day on; a later decision about the same day is a new revision.

    Raises NotFound, Conflict for an ended agreement, Invalid for shares that exceed the gross, Refused for a charge
    that the law forbids, a weekly budget of a one-off agreement, or section 17A after the eighteenth birthday.
    """
    agreement = await queries.agreement_for_change(session, agreement_id=agreement_id)
    if agreement.status is AgreementStatus.ENDED:
        raise Conflict("the agreement has ended", code="agreement_ended")
    _refuse_shares(values)
    born_on = await queries.born_on(session, recipient_id=agreement.recipient_id)
    _refuse_charges(agreement, values, born_on=born_on, day=max(values.effective_from, today))
    before = await queries.budget_on(session, agreement_id=agreement_id, day=values.effective_from)
    budget = await _add(session, agreement_id=agreement_id, values=values)
    await project_gross(session, agreement_id=agreement_id, today=today)
    await audit.record(
        session,
        action="set_budget",
        subject=audit.Subject("agreement", str(agreement_id)),
        before={} if before is None else _facts(before),
        after={**_facts(budget), "budget_id": budget.id},
        person_id=agreement.recipient_id,
        reason=values.reason,
    )
    return budget


async def list_budgets(
    session: ReadSession, *, agreement_id: UUID, page: paging.Page
) -> paging.Paged[schemas.BudgetView]:
    """Show the caller every decision about an agreement's budget, latest first. Raises NotFound."""
    recipient_id = await queries.recipient_of(session, agreement_id=agreement_id)
    rows = await queries.budgets(session, agreement_id=agreement_id, page=page)
    shown, next_cursor = queries.ORDER.cut(rows, page, key=lambda row: (row.effective_from, row.revision))
    if session.actor is None or field_set(session.actor) is not FieldSet.CARE:
        shown = [schemas.without_reason(budget) for budget in shown]
    await audit.record_read(session, action="list_budgets", subject_kind="recipient", subject_ids=[recipient_id])
    return paging.Paged(items=shown, next_cursor=next_cursor)


async def project_gross(session: WriteSession, *, agreement_id: UUID, today: date) -> None:
    """Bring one agreement's row of `gross_today` in line with its budgets and status, in the act that moved them."""
    await session.flush()
    await statements.project_one(session, agreement_id=agreement_id, today=today)


async def refresh_gross_today(session: WriteSession, *, today: date) -> Mapping[str, object]:
    """Rebuild `gross_today` for the day in one set, and enter it once with the digest of the ordered rows.

    Returns what it did: `rows` in the projection, and `mended`, the rows that had differed from the dated budgets.
    """
    await statements.lock(session)
    mended = await queries.drifted(session, today=today)
    await statements.project_all(session, today=today)
    rows, digest = await queries.gross_digest(session)
    outcome = {"rows": rows, "mended": mended}
    await audit.record(
        session, action=REFRESH, subject=audit.Subject("gross_today", today.isoformat()), after=outcome, digest=digest
    )
    return outcome


def _refuse_shares(values: schemas.NewBudget) -> None:
    if values.weekly_contribution_pence > values.weekly_gross_pence:
        raise Invalid(
            "more than the weekly gross", code="contribution_exceeds_gross", pointer="/weekly_contribution_pence"
        )
    if values.weekly_nhs_pence > values.weekly_gross_pence:
        raise Invalid("more than the weekly gross", code="nhs_share_exceeds_gross", pointer="/weekly_nhs_pence")


def _refuse_charges(agreement: Agreement, values: schemas.NewBudget, *, born_on: date, day: date) -> None:
    found = rules.budget_findings(
        date_of_birth=born_on,
        day=day,
        legal_basis=agreement.legal_basis,
        payment_schedule=agreement.payment_schedule,
        weekly_gross_pence=values.weekly_gross_pence,
        weekly_contribution_pence=values.weekly_contribution_pence,
        weekly_nhs_pence=values.weekly_nhs_pence,
    )
    if found:
        raise Refused(found[0])


async def _add(session: WriteSession, *, agreement_id: UUID, values: schemas.NewBudget) -> schemas.BudgetView:
    # The agreement is locked, so that no other decision about the same day can take the same revision.
    latest = await queries.latest_revision(session, agreement_id=agreement_id, day=values.effective_from)
    budget = Budget(
        id=uuid4(),
        agreement_id=agreement_id,
        effective_from=values.effective_from,
        revision=latest + 1,
        weekly_gross_pence=values.weekly_gross_pence,
        weekly_contribution_pence=values.weekly_contribution_pence,
        weekly_net_pence=values.weekly_gross_pence - values.weekly_contribution_pence,
        weekly_council_pence=values.weekly_gross_pence - values.weekly_nhs_pence,
        weekly_nhs_pence=values.weekly_nhs_pence,
        reason=values.reason,
        created_at=clock.now(),
    )
    session.add(budget)
    await session.flush()
    return schemas.BudgetView.model_validate(budget)


def _facts(budget: schemas.BudgetView) -> dict[str, object]:
    return budget.model_dump(
        include={
            "effective_from",
            "revision",
            "weekly_gross_pence",
            "weekly_contribution_pence",
            "weekly_net_pence",
            "weekly_council_pence",
            "weekly_nhs_pence",
        }
    )
