"""The reading of acts and refusals, which leaves its own record where it shows words about a person."""

from services.dp_api.audit_trail import queries, schemas
from services.shared import audit, paging
from services.shared.database import ReadSession


async def list_audit_entries(
    session: ReadSession, *, wanted: schemas.AuditFilter, page: paging.Page
) -> paging.Paged[schemas.AuditEntryView]:
    """Show the caller acts and refusals; whoever a shown reason is about is entered in the read log."""
    rows = await queries.audit_entries(session, wanted=wanted, page=page)
    shown, next_cursor = queries.ORDER.cut(rows, page, key=lambda row: (row[0].id,))
    if people := sorted({person for _, person in shown if person is not None}):
        await audit.record_read(session, action="list_audit_entries", subject_kind="person", subject_ids=people)
    return paging.Paged(items=[entry for entry, _ in shown], next_cursor=next_cursor)
