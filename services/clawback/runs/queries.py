"""Every SELECT about the runs."""

from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_

from services.clawback.runs import schemas
from services.shared import paging
from services.shared.database import AnySession
from services.shared.errors import NotFound
from services.shared.tables.clawback import ClawbackRun

_RUN: Final = [getattr(ClawbackRun, name) for name in schemas.Run.model_fields]
_ORDER: Final = paging.Order(ClawbackRun.started_at, ClawbackRun.id)


async def runs(session: AnySession, *, page: paging.Page) -> paging.Paged[schemas.Run]:
    """Return the runs, the latest first."""
    question = select(*_RUN).order_by(ClawbackRun.started_at.desc(), ClawbackRun.id.desc()).limit(page.rows_asked_for)
    if (reached := _ORDER.after(page)) is not None:
        question = question.where(tuple_(ClawbackRun.started_at, ClawbackRun.id) < reached)
    rows = [schemas.Run(**row._mapping) for row in await session.execute(question)]
    return _ORDER.paged(rows, page, key=lambda run: (run.started_at, run.id))


async def run(session: AnySession, *, run_id: UUID) -> schemas.Run:
    """Return one run. Raises NotFound."""
    row = (await session.execute(select(*_RUN).where(ClawbackRun.id == run_id))).one_or_none()
    if row is None:
        raise NotFound("no such run")
    return schemas.Run(**row._mapping)
