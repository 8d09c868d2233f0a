"""Personal assistants and their engagements, in and out."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from pydantic import BeforeValidator, Field

from services.shared.values import bodies, fields
from services.shared.vocabulary.people import EngagementRelationship

_WRITTEN_HOURS: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?", re.ASCII)


def hours(value: object) -> object:
    """Return the hours that a number, or text such as "16.25", states. Raises ValueError for any other text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    if not _WRITTEN_HOURS.fullmatch(written := str(value)):
        raise ValueError('hours are written as 16, 16.25 or "16.25"')
    return Decimal(written)


Hours = Annotated[Decimal, Field(gt=0, le=168, max_digits=5, decimal_places=2), BeforeValidator(hours)]
"""Hours in a week, to the hundredth; text or number in JSON, text in answers."""


class NewPersonalAssistant(bodies.RequestBody):
    """A personal assistant, and the care pathway team that knows them."""

    full_name: fields.Line
    team_code: fields.Code


class NewEngagement(bodies.RequestBody):
    """A recipient's employment of a personal assistant, with what the Regulations turn on."""

    recipient_id: UUID
    started_on: fields.Day
    hours_per_week: Hours
    relationship_to_recipient: EngagementRelationship
    same_household: bool
    exception_reason: fields.Reason | None = Field(
        default=None, description="Why the council finds it necessary to pay a partner, or a close relative at home."
    )


class EngagementEnd(bodies.RequestBody):
    """With which day, and why, an engagement ends."""

    ended_on: fields.Day
    reason: fields.Reason


class EngagementView(bodies.ResponseBody):
    """A recipient's employment of a personal assistant."""

    id: UUID
    personal_assistant_id: UUID
    recipient_id: UUID
    started_on: date
    ended_on: date | None
    hours_per_week: Decimal
    relationship_to_recipient: EngagementRelationship
    same_household: bool
    exception_reason: str | None
    created_at: datetime


class PersonalAssistantView(bodies.ResponseBody):
    """A personal assistant."""

    id: UUID
    full_name: str
    team_code: str
    version: int
    created_at: datetime
    updated_at: datetime


class PersonalAssistantWithEngagements(PersonalAssistantView):
    """A personal assistant, and those of their engagements whose recipients the caller sees."""

    engagements: Sequence[EngagementView]
