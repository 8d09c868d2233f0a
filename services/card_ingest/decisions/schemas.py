"""What decisions about quarantined rows take and answer. The content of a row is personal data."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from services.shared.values import fields
from services.shared.values.bodies import RequestBody, ResponseBody
from services.shared.vocabulary.feeds import ProposalStatus, QuarantineStatus, Resolution
from services.shared.vocabulary.money import TransactionType


class NewResolution(RequestBody):
    """What is to become of a waiting row, and why."""

    resolution: Resolution
    reason: fields.Reason


class Answer(RequestBody):
    """What the second person has to say to a proposal."""

    reason: fields.Reason


class FieldPair(ResponseBody):
    """One field of a waiting row, beside the same of what came before under its id."""

    name: str
    waiting: str | None
    earlier: str | None
    differs: bool = Field(description="The two disagree; never so for what is not kept of an authorisation or decline.")


class DayRow(ResponseBody):
    """A row of a changed day: one that waits, with its number in the delivery, or one that stands posted."""

    transaction_id: str
    row_number: int | None
    type: TransactionType
    effect_pence: int
    occurred_at: datetime
    merchant_name: str | None
    reference: str | None


class Day(ResponseBody):
    """A day that an earlier file held whole, as a later one tells it. To replace it posts what it adds and takes back
    what it lacks, all of it at once.
    """

    booked_on: date
    adds: Sequence[DayRow] = Field(description="Waiting rows that have not posted.")
    lacks: Sequence[DayRow] = Field(description="Posted rows that the later file does not have.")
    unchanged: int = Field(description="Waiting rows that stand posted already.")
    ended_before: int = Field(description="Waiting rows that people ended without posting when they came before.")
    unread_rows: int = Field(description="Waiting rows of the file that cannot be read, and may be of this day.")


class RowContent(ResponseBody):
    """A quarantined row with its content, and what came before under the same id, field by field."""

    id: UUID
    provider: str
    delivery_id: UUID
    row_number: int
    status: QuarantineStatus
    code: str
    message: str
    remedy: str
    delivered_pence: int | None
    created_at: datetime
    age_days: int
    transaction_id: str | None = Field(description="The provider's id; null where the row could not be read.")
    has_earlier: bool = Field(description="Something came before under this id.")
    fields: Sequence[FieldPair]
    text: str | None = Field(description="What came, of a row that could not be read and may be kept.")
    possible: Sequence[Resolution] = Field(description="What two people can make of it.")
    day: Day | None = Field(description="The day that the row waits with; null where it waits for anything else.")


class StandingRow(ResponseBody):
    """Where a row stands that posted."""

    delivery_id: UUID
    row_number: int


class PaymentMatch(ResponseBody):
    """A row that tells again of a payment which another message told before, beside what posted of that."""

    quarantined_row_id: UUID = Field(description="What two people resolve with `post` where these are two payments.")
    provider: str
    delivery_id: UUID
    row_number: int
    stands: Sequence[StandingRow]
    ground: str = Field(description="reference, payee, parts, earlier_layout, or the decision of two people.")
    matched_at: datetime
    matched_by: str
    is_undone: bool = Field(description="Two people have posted the row all the same.")


class ProposedResolution(ResponseBody):
    """A proposal about a row, and its answer once there is one."""

    id: UUID
    quarantined_row_id: UUID
    resolution: Resolution
    reason: str
    proposed_by: str
    proposed_at: datetime
    status: ProposalStatus
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    withdraws: Sequence[str] | None = Field(
        description="The posted transactions that are taken back, where a changed day is to be replaced."
    )
