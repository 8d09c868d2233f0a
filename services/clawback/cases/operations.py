"""Reading cases, and the one thing that people may do with a case here: withdraw it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import update

from services.clawback.cases import explanation, queries, schemas
from services.clawback.cases.schemas import CaseFilter, CaseSort, Order
from services.shared import audit, dates, paging
from services.shared.audit import Subject
from services.shared.database import AnySession, ReadSession, WriteSession
from services.shared.errors import Stale
from services.shared.lifecycles.clawback import CASE
from services.shared.tables.clawback import ClawbackCase


async def list_clawback_cases(
    session: ReadSession, *, wanted: CaseFilter, sort: CaseSort, order: Order, page: paging.Page, today: date
) -> paging.Paged[schemas.CaseSummary]:
    """Return one page of the queue, and leave a record of whose cases were shown. Ages are counted to `today`."""
    rows = await queries.cases(session, wanted=wanted, sort=sort, order=order, page=page)
    shown, next_cursor = queries.ORDERS[sort, order].cut(rows, page, key=lambda row: (row.sort_key, row.id))
    people = [row.recipient_id for row in shown]
    await audit.record_read(session, action="list_clawback_cases", subject_kind="recipient", subject_ids=people)
    return paging.Paged(items=[explanation.summary(row, today=today) for row in shown], next_cursor=next_cursor)


async def read_clawback_case(session: AnySession, *, case_id: UUID, today: date) -> schemas.Case:
    """Return a case with its working, and leave a record of whose it is. Raises NotFound where it is not in sight."""
    row = await queries.case(session, case_id=case_id)
    lines = await queries.account_lines(session, calculation_id=row.calculation_id, before=row.started_at)
    history = await queries.calculations(session, case_id=case_id)
    await audit.record_read(
        session, action="read_clawback_case", subject_kind="recipient", subject_ids=[row.recipient_id]
    )
    return explanation.case(row, lines=lines, history=history, today=today)


async def withdraw_clawback_case(
    session: WriteSession, *, case_id: UUID, version: int, reason: str, now: datetime
) -> None:
    """Withdraw a case that was opened on wrong facts; nothing else moves. A later run may open another.

    Raises NotFound, Stale where the case is no longer at `version`, Conflict where it is already withdrawn.
    """
    found = await queries.case_for_change(session, case_id=case_id)
    if found.version != version:
        raise Stale("the case has been amended since it was read")
    status = CASE.move(found.status, "withdraw")
    await session.execute(
        update(ClawbackCase)
        .where(ClawbackCase.id == case_id)
        .values(
            status=status,
            closed_on=dates.london_date(now),
            withdrawal_reason=reason,
            version=version + 1,
            updated_at=now,
        )
    )
    await audit.record(
        session,
        action="withdraw_clawback_case",
        subject=Subject("clawback_case", str(case_id)),
        before={"status": found.status, "version": version},
        after={"status": status, "version": version + 1},
        person_id=await queries.recipient_of(session, agreement_id=found.agreement_id),
        reason=reason,
    )
