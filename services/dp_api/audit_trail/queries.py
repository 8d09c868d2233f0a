"""Every SELECT about the trail's two books, latest entry first."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from services.dp_api.audit_trail import schemas
from services.shared import audit, dates, paging
from services.shared.database import AnySession
from services.shared.tables.records import AuditEntry, PersonalKey, ReadEntry
from services.shared.values import staff_numbers

_ENTRY: Final = [getattr(AuditEntry, name) for name in schemas.AuditEntryView.model_fields]
_READ: Final = [getattr(ReadEntry, name) for name in schemas.ReadEntryView.model_fields]

EntryRow = tuple[schemas.AuditEntryView, UUID | None]
"""An entry, and the person whose words its reason shows, if any."""
ORDER: Final = paging.Order(AuditEntry.id)
READ_ORDER: Final = paging.Order(ReadEntry.id)


async def audit_entries(session: AnySession, *, wanted: schemas.AuditFilter, page: paging.Page) -> Sequence[EntryRow]:
    """Return acts and refusals, one more than the page holds when there is one, personal values left out.

    Reasons are shown: they are written for whoever asks why. With each entry comes the person under whose key its
    reason was opened.
    """
    conditions = [
        column == value
        for column, value in (
            (AuditEntry.subject_kind, wanted.subject_kind),
            (AuditEntry.subject_id, wanted.subject_id),
            (AuditEntry.action, wanted.action),
        )
        if value is not None
    ]
    conditions += _by(AuditEntry.actor, wanted.actor)
    conditions += _within(AuditEntry.at, first_day=wanted.first_day, last_day=wanted.last_day)
    if (reached := ORDER.after(page)) is not None:
        conditions.append(AuditEntry.id < reached[0])
    question = select(*_ENTRY).where(*conditions).order_by(AuditEntry.id.desc()).limit(page.rows_asked_for)
    rows = [dict(row._mapping) for row in await session.execute(question)]
    held = await _held_keys(session, changes=[row["changes"] for row in rows])
    reasons = await audit.revealed_reasons(session, [row["reason"] for row in rows])
    return [
        (_entry(row, reason=reason, held=held), None if reason is None else audit.person_of(row["reason"]))
        for row, reason in zip(rows, reasons, strict=True)
    ]


async def read_entries(
    session: AnySession, *, wanted: schemas.ReadFilter, page: paging.Page
) -> Sequence[schemas.ReadEntryView]:
    """Return who was shown whom, one entry more than the page holds when there is one."""
    conditions = _within(ReadEntry.at, first_day=wanted.first_day, last_day=wanted.last_day)
    if wanted.subject_id is not None:
        conditions.append(ReadEntry.subject_ids.contains([wanted.subject_id]))
    conditions += _by(ReadEntry.actor, wanted.actor)
    if (reached := READ_ORDER.after(page)) is not None:
        conditions.append(ReadEntry.id < reached[0])
    # Materialised, so that the index on the people shown answers first: else the planner, which cannot tell how seldom
    # somebody was shown, walks the whole book backwards in the hope of a page of them.
    found = select(*_READ).where(*conditions).cte("found").prefix_with("MATERIALIZED")
    if wanted.subject_id is None:
        question = select(*_READ).where(*conditions).order_by(ReadEntry.id.desc()).limit(page.rows_asked_for)
    else:
        question = select(found).order_by(found.c.id.desc()).limit(page.rows_asked_for)
    return [schemas.ReadEntryView(**row._mapping) for row in await session.execute(question)]


def _by(column: InstrumentedAttribute[str], actor: str | None) -> list[ColumnElement[bool]]:
    """Return the condition on who did it: the name as it is asked for, or the staff number that it is.

    Entries are never rewritten, so those of before numbers had one spelling are found by the one they were made under.
    """
    if actor is None:
        return []
    try:
        return [column.in_({actor, staff_numbers.folded(actor)})]
    except ValueError:
        return [column == actor]


def _within(
    at: InstrumentedAttribute[datetime], *, first_day: date | None, last_day: date | None
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if first_day is not None:
        found.append(at >= datetime.combine(first_day, time(), dates.LONDON))
    if last_day is not None:
        found.append(at < datetime.combine(last_day + timedelta(days=1), time(), dates.LONDON))
    return found


async def _held_keys(session: AnySession, *, changes: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    people = {UUID(change["person_id"]) for each in changes for change in each.values() if "person_id" in change}
    if not people:
        return frozenset()
    held = await session.scalars(select(PersonalKey.person_id).where(PersonalKey.person_id.in_(people)))
    return frozenset(str(person_id) for person_id in held)


def _entry(row: Mapping[str, Any], *, reason: str | None, held: frozenset[str]) -> schemas.AuditEntryView:
    changes = {name: _change(change, held=held) for name, change in row["changes"].items()}
    digest = None if row["digest"] is None else bytes(row["digest"]).hex()
    if reason is None and row["reason"] is not None:
        reason = schemas.PURGED
    return schemas.AuditEntryView.model_validate({**row, "changes": changes, "reason": reason, "digest": digest})


def _change(change: Mapping[str, Any], *, held: frozenset[str]) -> schemas.Change:
    if "person_id" not in change:
        return schemas.Change(before=change["before"], after=change["after"])
    hidden = schemas.PERSONAL if change["person_id"] in held else schemas.PURGED
    return schemas.Change(before=hidden, after=hidden)
