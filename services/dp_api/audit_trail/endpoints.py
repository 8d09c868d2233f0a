"""HTTP for the trail: acts and refusals, and who was shown whom."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from services.dp_api.audit_trail import operations, queries, schemas
from services.shared import paging
from services.shared.values import fields
from services.shared.web import dependencies, routing

router = routing.Router(prefix="/v1", tags=["audit trail"])

FirstDay = Annotated[fields.Day | None, Query(alias="from", description="First Europe/London day.")]
LastDay = Annotated[fields.Day | None, Query(alias="to", description="Last Europe/London day, included.")]
Subject = Annotated[str | None, Query(max_length=100, description="The id or code of what the act was about.")]
Person = Annotated[UUID | None, Query(description="Who was shown.")]


@router.get("/audit-entries")
async def list_audit_entries(
    session: dependencies.Read,
    page: dependencies.Page,
    subject_kind: fields.Code | None = None,
    subject_id: Subject = None,
    actor: Annotated[fields.Line | None, Query(description="A staff number, or the name of a machine.")] = None,
    action: fields.Code | None = None,
    first_day: FirstDay = None,
    last_day: LastDay = None,
) -> paging.Paged[schemas.AuditEntryView]:
    """List acts and refusals, the latest first: that a person's field changed is shown, its value is not."""
    wanted = schemas.AuditFilter(
        subject_kind=subject_kind,
        subject_id=subject_id,
        actor=actor,
        action=action,
        first_day=first_day,
        last_day=last_day,
    )
    return await operations.list_audit_entries(session, wanted=wanted, page=page)


@router.get("/read-log")
async def list_read_log(
    session: dependencies.Read,
    page: dependencies.Page,
    subject_id: Person = None,
    actor: Annotated[fields.Line | None, Query(description="A staff number.")] = None,
    first_day: FirstDay = None,
    last_day: LastDay = None,
) -> paging.Paged[schemas.ReadEntryView]:
    """List who was shown whom, the latest first."""
    wanted = schemas.ReadFilter(subject_id=subject_id, actor=actor, first_day=first_day, last_day=last_day)
    rows = await queries.read_entries(session, wanted=wanted, page=page)
    return queries.READ_ORDER.paged(rows, page, key=lambda row: (row.id,))
