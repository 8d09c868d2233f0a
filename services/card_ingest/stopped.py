"""Rows that held a card number: they wait for two people, and what is left of them is read, its amount true."""

from services.card_ingest import events, scanning, values
from services.card_ingest.events import ReadRow, Row, UnusableEvent
from services.card_ingest.reasons import Reason
from services.card_ingest.statements import StatementRow


def row(row: Row, reason: Reason | None = None) -> Row:
    """Return a row whose card number was destroyed as one that waits.

    No account can take a row that names its account or card by such a number.
    """
    if isinstance(row, ReadRow):
        names = (row.event.account_ref or "", row.event.card_ref or "")
        is_name = any(scanning.was_redacted(name.encode()) for name in names)
        return events.stopped(row, reason or (Reason.CARD_NUMBER_AS_ACCOUNT if is_name else Reason.CARD_NUMBER_IN_ROW))
    trouble = UnusableEvent(reason or Reason.CARD_NUMBER_IN_ROW)
    return events.bad_row(trouble, number=row.number, delivered_pence=row.delivered_pence, content=row.content)


def entry(entry: Row, item: StatementRow) -> Row:
    """Return the row of a bank's entry, as one that waits if a card number stood in the entry or for its account."""
    if any(scanning.was_redacted(name.encode()) for name in item.account.values()):
        return row(entry, Reason.CARD_NUMBER_AS_ACCOUNT)
    return row(entry) if scanning.was_redacted(item.raw, form=values.SWIFT_FIELDS) else entry
