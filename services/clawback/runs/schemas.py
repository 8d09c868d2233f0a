"""Runs in and out, and what a run came to as plain values. Money is in whole pence."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from services.shared.values import bodies, fields
from services.shared.vocabulary.clawback import RunTrigger


class NewRun(bodies.RequestBody):
    """A run that somebody asks for; without a day it is for today."""

    as_of: fields.Day | None = Field(default=None, description="A day that has come; null is today.")


class Run(bodies.ResponseBody):
    """One run and what it came to."""

    id: UUID
    as_of: date
    trigger: RunTrigger
    policy_version: int
    started_at: datetime
    finished_at: datetime
    accounts: int
    stale_accounts: int = Field(
        description="Their provider's feed was late: their agreements were left out, and cases stayed as they were."
    )
    agreements: int
    flagged: int
    new_cases: int
    excess_pence: int = Field(description="Summed over every agreement that was flagged, new case or not.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one look at every agreement came to: how much was tested and how much of it is over.

    `stale_accounts` are those whose feed is late; their agreements were not tested.
    """

    agreements: int
    accounts: int
    stale_accounts: int
    flagged: int
    excess_pence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run did. `excess_pence` is the sum over every flagged agreement, new case or not."""

    run_id: UUID
    as_of: date
    accounts: int
    stale_accounts: int
    agreements: int
    flagged: int
    new_cases: int
    calculations: int
    excess_pence: int
    seconds: float
