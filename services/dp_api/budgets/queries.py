"""Every SELECT about budgets: what holds on a day, and the history of decisions."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on

from services.dp_api.budgets import schemas
from services.shared import paging, sight
from services.shared.database import AnySession, WriteSession
from services.shared.errors import NotFound
from services.shared.tables.agreements import Agreement, Budget, GrossToday
from services.shared.tables.people import Recipient
from services.shared.vocabulary.agreements import AgreementStatus

_COLUMNS: Final = [getattr(Budget, name) for name in schemas.BudgetView.model_fields]
RUNNING: Final = (AgreementStatus.ACTIVE, AgreementStatus.SUSPENDED)
"""The statuses in which an agreement has a weekly gross today."""
ORDER: Final = paging.Order(Budget.effective_from, Budget.revision)


async def budget_on(session: AnySession, *, agreement_id: UUID, day: date) -> schemas.BudgetView | None:
    """Return the budget that holds on the day, or None where none has begun."""
    return (await budgets_on(session, agreement_ids=[agreement_id], day=day)).get(agreement_id)


async def budgets_on(
    session: AnySession, *, agreement_ids: Sequence[UUID], day: date
) -> Mapping[UUID, schemas.BudgetView]:
    """Return the budget that holds on the day of each of these agreements that has one."""
    question = (
        select(*_COLUMNS)
        .ext(distinct_on(Budget.agreement_id))
        .where(Budget.agreement_id.in_(agreement_ids), Budget.effective_from <= day)
        .order_by(Budget.agreement_id, Budget.effective_from.desc(), Budget.revision.desc())
    )
    return {row.agreement_id: schemas.BudgetView(**row._mapping) for row in await session.execute(question)}


async def budgets_from(session: AnySession, *, agreement_id: UUID, day: date) -> Sequence[schemas.BudgetView]:
    """Return the budget that holds on the day and those that follow it, each day's last revision only."""
    question = (
        select(*_COLUMNS)
        .ext(distinct_on(Budget.effective_from))
        .where(Budget.agreement_id == agreement_id)
        .order_by(Budget.effective_from, Budget.revision.desc())
    )
    found = [schemas.BudgetView(**row._mapping) for row in await session.execute(question)]
    begun = [budget for budget in found if budget.effective_from <= day]
    return [*begun[-1:], *(budget for budget in found if budget.effective_from > day)]


async def budgets(session: AnySession, *, agreement_id: UUID, page: paging.Page) -> Sequence[schemas.BudgetView]:
    """Return the decisions about an agreement's budget, latest day and revision first, superseded ones included."""
    question = select(*_COLUMNS).where(Budget.agreement_id == agreement_id)
    if (reached := ORDER.after(page)) is not None:
        question = question.where(_before(*reached))
    question = question.order_by(Budget.effective_from.desc(), Budget.revision.desc()).limit(page.rows_asked_for)
    return [schemas.BudgetView(**row._mapping) for row in await session.execute(question)]


async def agreement_for_change(session: WriteSession, *, agreement_id: UUID) -> Agreement:
    """Return an agreement in the actor's sight, locked until the transaction ends. Raises NotFound."""
    question = (
        select(Agreement)
        .join(Recipient, Recipient.id == Agreement.recipient_id)
        .where(Agreement.id == agreement_id, sight.of_person(session))
        # Not the key: the daily rebuild's rows refer to it, and would wait for an act that waits for the rebuild.
        .with_for_update(of=Agreement, key_share=True)
    )
    found: Agreement | None = await session.scalar(question)
    if found is None:
        raise NotFound("no such agreement")
    return found


async def recipient_of(session: AnySession, *, agreement_id: UUID) -> UUID:
    """Return the recipient of an agreement in the actor's sight. Raises NotFound."""
    question = (
        select(Recipient.id)
        .join(Agreement, Agreement.recipient_id == Recipient.id)
        .where(Agreement.id == agreement_id, sight.of_person(session))
    )
    found: UUID | None = await session.scalar(question)
    if found is None:
        raise NotFound("no such agreement")
    return found


async def born_on(session: AnySession, *, recipient_id: UUID) -> date:
    """Return a recipient's date of birth."""
    question = select(Recipient.date_of_birth).where(Recipient.id == recipient_id)
    return (await session.execute(question)).scalar_one()


async def latest_revision(session: AnySession, *, agreement_id: UUID, day: date) -> int:
    """Return the highest revision of an agreement's budget for a day, 0 where there is none."""
    question = select(func.coalesce(func.max(Budget.revision), 0)).where(
        Budget.agreement_id == agreement_id, Budget.effective_from == day
    )
    return int(await session.scalar(question) or 0)


async def is_budgeted(session: AnySession, *, agreement_id: UUID) -> bool:
    """Tell whether any budget has been set for the agreement."""
    return await session.scalar(select(Budget.id).where(Budget.agreement_id == agreement_id).limit(1)) is not None


async def drifted(session: AnySession, *, today: date) -> int:
    """Return how many rows of the projection are wrong, too many or missing: 0 unless we have erred.

    Each row is held against the dated rows on its own day; missing is an agreement that the projection's oldest day
    (yesterday at the latest) should have.
    """
    rows = await session.scalar(select(func.count()).select_from(GrossToday).where(_is_wrong()))
    oldest = select(func.least(func.min(GrossToday.valid_on), today - timedelta(days=1))).scalar_subquery()
    held = select(GrossToday.agreement_id)
    due = gross_on(oldest).where(Budget.agreement_id.not_in(held)).subquery()
    missing = await session.scalar(select(func.count()).select_from(due))
    return int(rows or 0) + int(missing or 0)


def _is_wrong() -> ColumnElement[bool]:
    holding = (
        select(Budget.id)
        .join(Agreement, Agreement.id == Budget.agreement_id)
        .where(
            Budget.agreement_id == GrossToday.agreement_id,
            Budget.effective_from <= GrossToday.valid_on,
            Agreement.status.in_(RUNNING),
            Agreement.started_on <= GrossToday.valid_on,
        )
        .order_by(Budget.effective_from.desc(), Budget.revision.desc())
        .limit(1)
        .correlate(GrossToday)
        .scalar_subquery()
    )
    amount = select(Budget.weekly_gross_pence).where(Budget.id == GrossToday.budget_id).scalar_subquery()
    return GrossToday.budget_id.is_distinct_from(holding) | (GrossToday.weekly_gross_pence != amount)


def gross_on(day: date | ScalarSelect[date]) -> Select[UUID, UUID, int]:
    """Return the question for the budget and weekly gross, on the day, of every running agreement begun by then."""
    return (
        select(Budget.agreement_id, Budget.id.label("budget_id"), Budget.weekly_gross_pence)
        .ext(distinct_on(Budget.agreement_id))
        .join(Agreement, Agreement.id == Budget.agreement_id)
        .where(Budget.effective_from <= day, Agreement.status.in_(RUNNING), Agreement.started_on <= day)
        .order_by(Budget.agreement_id, Budget.effective_from.desc(), Budget.revision.desc())
    )


def _before(day: date, revision: int) -> ColumnElement[bool]:
    return (Budget.effective_from < day) | ((Budget.effective_from == day) & (Budget.revision < revision))


async def gross_digest(session: AnySession) -> tuple[int, bytes]:
    """Return how many rows the projection has, and the SHA-256 of them all in the order of their agreements."""
    line = func.concat_ws("|", GrossToday.agreement_id, GrossToday.budget_id, GrossToday.weekly_gross_pence)
    lines = func.string_agg(line, aggregate_order_by(text("E'\\n'"), GrossToday.agreement_id))
    whole = func.sha256(func.convert_to(func.coalesce(lines, ""), "UTF8"))
    rows, digest = (await session.execute(select(func.count(), whole).select_from(GrossToday))).one()
    return int(rows), bytes(digest)
