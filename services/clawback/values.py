"""Plain values: one agreement on one day, the policy it is judged by, and what a run came to. Money is in pence."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.shared.law.findings import Finding
from services.shared.vocabulary.clawback import CaseGround, CaseStatus

CYCLE_DAYS: Final = 28
"""A payment cycle: money is loaded four weeks in advance (Direct Payments Development Plan 2018-2023, s.8)."""


class Reading(StrEnum):
    """What the cycle tells of a flag: money over on every day of it, or a load that has merely not been spent yet.

    It says which cases to look at first. A flag is a flag either way: the Plan's rule is about the day of the run.
    """

    SURPLUS_ALL_CYCLE = "surplus_all_cycle"
    OVER_ONLY_SINCE_LOAD = "over_only_since_load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The surplus policy of a day: a version of the council's dated data, with the document it comes from."""

    version: int
    effective_from: date
    threshold_weeks: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One agreement at the end of one day: what it is worth a week, and what all its accounts together hold."""

    weekly_gross_pence: int
    posted_pence: int
    held_pence: int

    @property
    def counted_pence(self) -> int:
        """The balance that is judged: posted money less card payments that were authorised and have not cleared."""
        return self.posted_pence - self.held_pence


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A ground, and the pure rule that finds it; the rule is handed the threshold of the day's policy in weeks."""

    ground: CaseGround
    find: Callable[[Position, int], Finding | None]


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
