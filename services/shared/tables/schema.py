"""The whole schema: importing this module registers every table on the one metadata."""

from services.shared.tables import (
    agreements,
    alerts,
    clawback,
    feed_claims,
    feeds,
    people,
    records,
    staff,
    transactions,
)
from services.shared.tables.base import Table

AREAS = (staff, people, agreements, feeds, feed_claims, transactions, alerts, clawback, records)
METADATA = Table.metadata
