"""The reading of posted transactions, which leaves its own record."""

from uuid import UUID

from services.dp_api.accounts import operations as account_operations
from services.dp_api.accounts import queries as account_queries
from services.dp_api.transactions import queries, schemas
from services.shared import paging
from services.shared.database import ReadSession
from services.shared.identity.shown import field_set


async def list_account_transactions(
    session: ReadSession, *, account_id: UUID, wanted: schemas.TransactionFilter, page: paging.Page
) -> paging.Paged[schemas.AnyTransaction]:
    """Show the caller an account's posted transactions, latest booked first; auditors without merchants' names."""
    recipient_id = await account_queries.recipient_of(session, account_id=account_id)
    fields = field_set(session.actor)
    rows = await queries.transactions(session, account_id=account_id, wanted=wanted, field_set=fields, page=page)
    shown, next_cursor = queries.ORDER.cut(rows, page, key=lambda row: (row[0].booked_on, row[1]))
    await account_operations.note_shown(session, action="list_account_transactions", whose=[recipient_id])
    return paging.Paged(items=[transaction for transaction, _ in shown], next_cursor=next_cursor)
