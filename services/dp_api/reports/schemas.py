"""The spend report, in and out; as JSON, and as CSV that a spreadsheet can open without running anything."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import Field

from services.shared.values import bodies
from services.shared.vocabulary.money import SpendCategory, SpendHeading
from services.shared.vocabulary.people import CareGroup

BYTE_ORDER_MARK: Final = "\ufeff"
_RUN_BY_SPREADSHEETS: Final = ("=", "+", "-", "@", "\t", "\r")


class Dimension(StrEnum):
    """What spend is told apart by."""

    CATEGORY = "category"
    MONTH = "month"
    CARE_GROUP = "care_group"
    PROVIDER = "provider"


SUPPRESSION: Final = (
    "Care groups are never told of fewer than five people: such a cell of a month is left out with the next smallest"
    " beside it, here and in every report, and totals are the sums of what is shown."
)


class SpendFilter(bodies.ResponseBody):
    """The categories, care groups and providers that a report is cut to; an empty list leaves a question open."""

    category: Sequence[SpendCategory]
    care_group: Sequence[CareGroup]
    provider: Sequence[str]


class SpendRow(bodies.ResponseBody):
    """Money of one group; a dimension that the report does not tell apart is null."""

    month: str | None = Field(description="The Europe/London month of booking, written YYYY-MM.")
    heading: SpendHeading | None = Field(description="The heading of the council's published plan, with `category`.")
    category: SpendCategory | None
    care_group: CareGroup | None
    provider: str | None
    amount_pence: int | None = Field(
        description="Effect on balances: money spent is negative, loads and refunds positive. Null where suppressed."
    )
    transactions: int | None = Field(description="How many transactions; null where suppressed.")
    is_suppressed: bool = Field(description="Nothing of this row is shown, not even whether there is anything.")
    suppressed_cells: int = Field(description="Suppressed cells that belong to this row and are not in its figures.")


class SpendReport(bodies.ResponseBody):
    """Posted money from a day to a day, both included; trial accounts are left out."""

    first_day: date = Field(serialization_alias="from")
    last_day: date = Field(serialization_alias="to")
    by: Sequence[Dimension]
    filters: SpendFilter
    as_at: datetime
    rows: Sequence[SpendRow]
    total_pence: int = Field(description="The sum of what is shown.")
    total_transactions: int
    suppressed_cells: int = Field(description="Cells that are not in the report, nor in its totals.")
    suppression: str | None = Field(description="Why cells are suppressed and which; null where no care group is told.")


def as_csv(report: SpendReport) -> str:
    """Return the report's rows as CSV with a byte order mark (for Excel), amounts in pence and in pounds.

    A report that tells of care groups has a column more: how many suppressed cells each row leaves out. The figures of
    a row that is suppressed itself are empty.
    """
    columns = [column for dimension in report.by for column in _COLUMNS[dimension]]
    left_out = [] if report.suppression is None else ["suppressed_cells"]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([*columns, "amount_pence", "amount_pounds", "transactions", *left_out])
    for row in report.rows:
        named = [getattr(row, column) for column in (*columns, "amount_pence")]
        pounds = None if row.amount_pence is None else Decimal(row.amount_pence).scaleb(-2)
        told = [getattr(row, column) for column in ("transactions", *left_out)]
        writer.writerow([cell(value) for value in (*named, pounds, *told)])
    return BYTE_ORDER_MARK + written.getvalue()


def cell(value: str | int | Decimal | None) -> str:
    """Return a value as a spreadsheet may read it: text that would be run as a formula gets an apostrophe before it.

    A number is written as one, its minus sign included: no spreadsheet runs that.
    """
    if isinstance(value, int | Decimal):
        return str(value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_RUN_BY_SPREADSHEETS) else text


_COLUMNS: Final = {
    Dimension.CATEGORY: ("heading", "category"),
    Dimension.MONTH: ("month",),
    Dimension.CARE_GROUP: ("care_group",),
    Dimension.PROVIDER: ("provider",),
}
