"""The whole schema: importing this module registers every table on the one metadata."""

from services.shared.tables import agreements, clawback, feeds, people, records, staff, transactions
from services.shared.tables.base import Table

AREAS = (staff, people, agreements, feeds, transactions, clawback, records)
METADATA = Table.metadata
