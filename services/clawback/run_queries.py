"""Every SELECT about the policy and the runs."""

from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_

from services.clawback import schemas
from services.clawback.values import Policy
from services.shared import paging
from services.shared.database import AnySession
from services.shared.errors import NotFound
from services.shared.tables.clawback import ClawbackPolicy, ClawbackRun

_RUN: Final = [getattr(ClawbackRun, name) for name in schemas.Run.model_fields]
_ORDER: Final = paging.Order(ClawbackRun.started_at, ClawbackRun.id)


async def policy_on(session: AnySession, *, on: date) -> Policy | None:
    """Return the last version of the policy that took effect on the day or before it, if there is one."""
    question = (
        select(
            ClawbackPolicy.version,
            ClawbackPolicy.effective_from,
            ClawbackPolicy.threshold_weeks,
            ClawbackPolicy.source,
        )
        .where(ClawbackPolicy.effective_from <= on)
        .order_by(ClawbackPolicy.effective_from.desc())
        .limit(1)
    )
    row = (await session.execute(question)).one_or_none()
    return None if row is None else Policy(**row._mapping)


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
