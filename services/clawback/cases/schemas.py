"""Cases and their calculations, in and out. Money is in whole pence; every figure stands beside its source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from services.clawback.cases.rules import Reading
from services.shared.values import bodies, fields
from services.shared.vocabulary.agreements import AccountKind
from services.shared.vocabulary.clawback import CaseGround, CaseStatus, RunTrigger


class Withdrawal(bodies.RequestBody):
    """Why a case should never have been opened."""

    reason: fields.Reason


class CaseSummary(bodies.ResponseBody):
    """A case in the queue: enough to choose which to look at first. A flag is not a debt."""

    id: UUID
    agreement_id: UUID
    recipient_id: UUID
    team_code: str
    ground: CaseGround
    status: CaseStatus
    excess_pence: int
    weeks_of_cover_hundredths: int | None = Field(description="412 is 4.12 weeks; null where the weekly gross is nil.")
    reading: Reading
    low_point_excess_pence: int = Field(description="The cycle's lowest balance less the threshold; may be negative.")
    days_since_load: int | None = Field(description="Counted to the day of the last flag; null without a load.")
    opened_on: date
    age_days: int
    last_flagged_on: date
    is_still_over: bool = Field(
        description="Whether the last run that tested the agreement found it over; false once the case is withdrawn."
    )
    recipient_has_died: bool = Field(description="Then the question is what the money is still needed for.")
    version: int


class PolicyLine(bodies.ResponseBody):
    """The policy that the threshold comes from."""

    version: int
    effective_from: date
    threshold_weeks: int
    source: str


class BudgetLine(bodies.ResponseBody):
    """The budget row that the weekly gross comes from, as it was in force on the day."""

    id: UUID
    effective_from: date
    revision: int
    weekly_gross_pence: int
    weekly_contribution_pence: int
    weekly_net_pence: int


class AccountLine(bodies.ResponseBody):
    """One account's part in the balance, with the feed that it comes from."""

    account_id: UUID
    kind: AccountKind
    provider_code: str
    last_four: str | None
    posted_pence: int
    held_pence: int
    transactions: int = Field(description="How many posted rows the balance is the sum of.")
    last_booked_on: date | None
    feed_as_of: datetime | None = Field(description="When the provider's last delivery before the run came in.")


class Calculation(bodies.ResponseBody):
    """The standing calculation: every figure, what it stands on, and the whole of it in words."""

    id: UUID
    run_id: UUID
    as_of: date
    policy: PolicyLine
    budget: BudgetLine
    accounts: Sequence[AccountLine]
    posted_pence: int
    held_pence: int
    counted_pence: int
    threshold_pence: int
    excess_pence: int
    weeks_of_cover_hundredths: int | None
    low_point_pence: int
    low_point_on: date
    low_point_excess_pence: int
    last_load_on: date | None
    last_load_pence: int | None
    days_since_load: int | None
    reading: Reading
    in_words: str


class PastCalculation(bodies.ResponseBody):
    """One calculation of a case's history, with the run that made it."""

    id: UUID
    run_id: UUID
    trigger: RunTrigger
    started_at: datetime
    as_of: date
    weekly_gross_pence: int
    threshold_pence: int
    counted_pence: int
    excess_pence: int
    weeks_of_cover_hundredths: int | None
    low_point_pence: int
    reading: Reading


class Case(bodies.ResponseBody):
    """A case with its working. A flag is not a debt: nothing moves before people have checked support and decided."""

    id: UUID
    agreement_id: UUID
    recipient_id: UUID
    team_code: str
    ground: CaseGround
    status: CaseStatus
    opened_on: date
    age_days: int
    opened_by_run_id: UUID
    last_flagged_on: date = Field(description="The last day of a run on which the figures were over.")
    is_still_over: bool = Field(
        description="Whether the last run that tested the agreement found it over; false once the case is withdrawn."
    )
    recipient_has_died: bool = Field(description="Then the question is what the money is still needed for.")
    withdrawal_reason: str | None
    version: int
    calculation: Calculation
    history: Sequence[PastCalculation] = Field(description="Every calculation of the case, the newest first.")


class CaseSort(StrEnum):
    """By what the queue of cases is sorted."""

    EXCESS = "excess"
    WEEKS_OF_COVER = "weeks_of_cover"
    AGE = "age"


class Order(StrEnum):
    """Whether the largest or the oldest comes first (`desc`), or last."""

    DESCENDING = "desc"
    ASCENDING = "asc"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases to list; what is None does not narrow."""

    status: CaseStatus | None = None
    ground: CaseGround | None = None
    reading: Reading | None = None
    is_still_over: bool | None = None
    team_code: str | None = None
    min_excess_pence: int | None = None
    opened_from: date | None = None
    opened_to: date | None = None
