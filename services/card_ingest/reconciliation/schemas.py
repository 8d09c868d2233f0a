"""What the endpoints of reconciliation take and answer. Amounts are in hundredths of the stated currency, pence in GBP;
nothing here is a person's, and no account number is shown.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from services.card_ingest.schemas import PollState
from services.shared.values import fields
from services.shared.values.bodies import RequestBody, ResponseBody
from services.shared.vocabulary.feeds import FindingKind, FindingStatus


class Finding(ResponseBody):
    """A disagreement or a gap. What is stated is the provider's, what is held is ours; neither is changed by it."""

    id: UUID
    kind: FindingKind
    provider_code: str
    account_id: UUID | None
    concerns_on: date | None
    stated_pence: int | None
    held_pence: int | None
    detail: str
    delivery_id: UUID | None
    found_at: datetime
    status: FindingStatus
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None


class FindingFilter(ResponseBody):
    """Which findings to list; what is None does not narrow."""

    kind: FindingKind | None
    provider_code: str | None
    status: FindingStatus | None


class FindingClosure(RequestBody):
    """Why a finding needs no more looking at: what was found out, naming no person."""

    reason: fields.Reason


class Statement(ResponseBody):
    """What a provider stated at the end of a day or statement, as delivered."""

    id: UUID
    provider_code: str
    account_id: UUID | None = Field(description="Null where no account is registered under the statement's reference.")
    delivery_id: UUID
    statement_ref: str | None
    sequence: int | None
    currency: str
    opening_on: date | None
    opening_pence: int | None
    closing_on: date | None
    closing_pence: int | None
    entries: int
    entries_pence: int
    is_proved: bool | None = Field(description="Opening plus entries make closing; null where it does not say enough.")


class ProviderHealth(ResponseBody):
    """How one provider's feed does. A late feed marks its accounts' balances as of its last delivery."""

    provider_code: str
    name: str
    expected_every_hours: int | None = Field(description="Null where nothing was agreed: such a feed is never late.")
    delivered_at: datetime | None = Field(description="When its newest delivery came in.")
    is_late: bool
    late_from: datetime | None = Field(description="From when on it is late unless something comes.")
    last_booked_on: date | None = Field(description="The newest booking day among its accounts.")
    last_sequence: int | None
    undone_deliveries: int = Field(description="Stored, and not yet posted to the last row.")
    waiting_rows: int
    open_findings: int
    poll: PollState | None = Field(description="Null where we do not ask it.")


class Proof(ResponseBody):
    """The last nightly proof of the books: the checks that failed, and how many rows each found."""

    finished_at: datetime
    failed: Mapping[str, int]


class FeedHealth(ResponseBody):
    """Every provider's feed, the late ones first, and the last proof of the books (null before the first night)."""

    items: Sequence[ProviderHealth]
    proof: Proof | None
