"""Agreements, in and out: one view for each set of fields that a role is shown."""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from uuid import UUID

from pydantic import Field

from services.dp_api.budgets.schemas import BudgetView
from services.shared.identity.shown import FieldSet
from services.shared.values import bodies, fields
from services.shared.vocabulary.agreements import AgreementKind, AgreementStatus, LegalBasis, PaymentSchedule


class NewAgreement(bodies.RequestBody):
    """A draft agreement. A nominated or authorised person is named; cash from the card needs its reason."""

    recipient_id: UUID
    kind: AgreementKind
    legal_basis: LegalBasis
    holder_name: fields.Line | None = Field(default=None, description="The nominated or authorised person.")
    money_manager_id: UUID | None = None
    payment_schedule: PaymentSchedule
    first_payment_on: fields.Day | None = Field(default=None, description="The day that anchors the payment cycle.")
    cash_permitted: bool = False
    cash_reason: fields.Reason | None = Field(
        default=None, description="Why there is no reasonable alternative to cash, as the support plan records it."
    )


class AgreementAmendment(bodies.RequestBody):
    """What to amend; a field that is left out stays. Who signs, and by what power, is fixed by activation."""

    kind: AgreementKind = Field(default_factory=fields.absent)
    legal_basis: LegalBasis = Field(default_factory=fields.absent)
    holder_name: fields.Line | None = Field(default_factory=fields.absent)
    money_manager_id: UUID | None = Field(default_factory=fields.absent)
    payment_schedule: PaymentSchedule = Field(default_factory=fields.absent)
    first_payment_on: fields.Day | None = Field(default_factory=fields.absent)
    cash_permitted: bool = Field(default_factory=fields.absent)
    cash_reason: fields.Reason | None = Field(default_factory=fields.absent)


class Activation(bodies.RequestBody):
    """From which day the agreement runs."""

    started_on: fields.Day


class Suspension(bodies.RequestBody):
    """Why payments stop for the time being."""

    reason: fields.Reason


class Resumption(bodies.RequestBody):
    """Why payments go on."""

    reason: fields.Reason


class Ending(bodies.RequestBody):
    """Why, and with which day, the agreement ends."""

    ended_on: fields.Day
    reason: fields.Reason


class AgreementForFinance(bodies.ResponseBody):
    """What payment and a case need; the legal basis, and why payments stopped, would tell of capacity and need."""

    field_set: Literal["finance"]
    id: UUID
    recipient_id: UUID
    kind: AgreementKind
    status: AgreementStatus
    holder_name: str | None
    money_manager_id: UUID | None
    payment_schedule: PaymentSchedule
    first_payment_on: date | None
    cash_permitted: bool
    cash_reason: str | None
    started_on: date | None
    ended_on: date | None
    budget: BudgetView | None = Field(description="The budget that holds today.")
    version: int
    created_at: datetime
    updated_at: datetime


class AgreementForAudit(bodies.ResponseBody):
    """The agreement and its legal basis, without anybody's name or words."""

    field_set: Literal["audit"]
    id: UUID
    recipient_id: UUID
    kind: AgreementKind
    legal_basis: LegalBasis
    status: AgreementStatus
    money_manager_id: UUID | None
    payment_schedule: PaymentSchedule
    first_payment_on: date | None
    cash_permitted: bool
    started_on: date | None
    ended_on: date | None
    budget: BudgetView | None = Field(description="The budget that holds today.")
    version: int
    created_at: datetime
    updated_at: datetime


class AgreementForCare(bodies.ResponseBody):
    """The whole agreement."""

    field_set: Literal["care"]
    id: UUID
    recipient_id: UUID
    kind: AgreementKind
    legal_basis: LegalBasis
    status: AgreementStatus
    holder_name: str | None
    money_manager_id: UUID | None
    payment_schedule: PaymentSchedule
    first_payment_on: date | None
    cash_permitted: bool
    cash_reason: str | None
    started_on: date | None
    suspension_reason: str | None
    ended_on: date | None
    end_reason: str | None
    budget: BudgetView | None = Field(description="The budget that holds today.")
    version: int
    created_at: datetime
    updated_at: datetime


AnyAgreement: TypeAlias = AgreementForCare | AgreementForFinance | AgreementForAudit

VIEWS: Final[Mapping[FieldSet, type[AnyAgreement]]] = MappingProxyType(
    {FieldSet.CARE: AgreementForCare, FieldSet.FINANCE: AgreementForFinance, FieldSet.AUDIT: AgreementForAudit}
)
"""The view that each set of fields is shown in; whoever has none is shown nothing."""


class AgreementFilter(bodies.ResponseBody):
    """Which agreements to list; None leaves a question open."""

    recipient_id: UUID | None
    kind: AgreementKind | None
    status: AgreementStatus | None
    team_code: str | None
    money_manager_id: UUID | None
