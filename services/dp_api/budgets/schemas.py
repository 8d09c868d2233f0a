"""Budgets, in and out: amounts in whole pence a week."""

from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from services.shared.values import bodies, fields

MOST_WEEKLY_PENCE: Final = 10_000_000
"""A hundred thousand pounds a week; no package of care comes near it."""

WeeklyPence = Annotated[int, Field(ge=0, le=MOST_WEEKLY_PENCE)]


class NewBudget(bodies.RequestBody):
    """What an agreement is worth a week from a day on. The net is what is left of the gross after the contribution."""

    effective_from: fields.Day
    weekly_gross_pence: Annotated[WeeklyPence, Field(ge=1)]
    weekly_contribution_pence: WeeklyPence = Field(description="What the person pays in themselves.")
    weekly_nhs_pence: WeeklyPence = Field(default=0, description="The NHS's share of the gross; the rest is ours.")
    reason: fields.Reason


class BudgetView(bodies.ResponseBody):
    """What an agreement is worth a week from a day on; of several revisions of one day the highest counts."""

    id: UUID
    agreement_id: UUID
    effective_from: date
    revision: int
    weekly_gross_pence: int
    weekly_contribution_pence: int
    weekly_net_pence: int
    weekly_council_pence: int
    weekly_nhs_pence: int
    reason: str | None = Field(description="Why, as the care pathway wrote it; null for everybody else.")
    created_at: datetime


def without_reason(budget: BudgetView) -> BudgetView:
    """Return a budget as it is shown outside the care pathway: why it was set may tell of somebody's health."""
    return budget.model_copy(update={"reason": None})
