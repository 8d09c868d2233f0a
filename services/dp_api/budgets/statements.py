"""What is written of the day's gross (`gross_today`), the projection of the dated budgets, in whole sets."""

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, literal, select, text, true

from services.dp_api.budgets import queries
from services.shared.database import WriteSession
from services.shared.tables.agreements import Agreement, GrossToday

_COLUMNS = ["agreement_id", "budget_id", "weekly_gross_pence", "valid_on"]


async def project_one(session: WriteSession, *, agreement_id: UUID, today: date) -> None:
    """Write one agreement's row anew, or none where it is worth nothing today."""
    await session.execute(delete(GrossToday).where(GrossToday.agreement_id == agreement_id))
    await _insert(session, today=today, where=Agreement.id == agreement_id)


async def project_all(session: WriteSession, *, today: date) -> None:
    """Write every agreement's row anew; the projection must be locked."""
    await session.execute(delete(GrossToday))
    await _insert(session, today=today, where=true())


async def lock(session: WriteSession) -> None:
    """Let no act move a row while all are rebuilt: it would be overwritten with what the budgets were before it."""
    await session.execute(text("LOCK TABLE gross_today IN SHARE ROW EXCLUSIVE MODE"))


async def _insert(session: WriteSession, *, today: date, where: ColumnElement[bool]) -> None:
    holding = queries.gross_on(today).where(where).subquery()
    await session.execute(insert(GrossToday).from_select(_COLUMNS, select(holding, literal(today))))
