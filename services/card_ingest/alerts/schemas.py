"""What the alerts' endpoints take and answer. Facts are figures and codes; nobody's name is among them."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from services.shared.values import fields
from services.shared.values.bodies import RequestBody, ResponseBody
from services.shared.vocabulary.alerts import AlertKind, AlertRoute, AlertStatus


class Alert(ResponseBody):
    """Something that a person should look at; not a verdict on anybody."""

    id: UUID
    kind: AlertKind
    meaning: str = Field(description="The kind in plain words.")
    route: AlertRoute = Field(description="Who looks first, and closes.")
    status: AlertStatus
    account_id: UUID | None = Field(description="Null where it is about several people's accounts.")
    recipient_id: UUID | None
    transaction_id: int | None
    concerns_on: date = Field(description="The day of what was seen.")
    facts: Mapping[str, Any] = Field(description="Figures and codes as they stood when it was raised; pence are whole.")
    policy_id: int
    terms: Mapping[str, Any] = Field(description="The figures of the policy by which it was raised.")
    raised_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None = Field(description="Shown to those who close such alerts, and to auditors.")
    version: int


class AlertFilter(ResponseBody):
    """Which alerts are wanted; null is all."""

    kind: AlertKind | None
    status: AlertStatus | None
    route: AlertRoute | None
    account_id: UUID | None


class Closure(RequestBody):
    """What came of looking."""

    reason: fields.Reason


class NewPolicy(RequestBody):
    """When a kind of alert is raised and who looks, from a day on."""

    kind: AlertKind
    effective_from: fields.Day
    is_active: bool
    route: AlertRoute
    terms: dict[str, Any] = Field(description="The kind's own figures and lists; the guide for finance lists them.")
    reason: fields.Reason

    @property
    def terms_as_json(self) -> str:
        """The terms as they are read for their kind."""
        return json.dumps(self.terms)


class Policy(ResponseBody):
    """One version of a kind's policy; it holds until the next of its kind."""

    id: int
    kind: AlertKind
    effective_from: date
    is_active: bool
    route: AlertRoute
    terms: Mapping[str, Any]
    made_by: str
    reason: str


class Policies(ResponseBody):
    """Every version of every kind's policy."""

    items: Sequence[Policy]
