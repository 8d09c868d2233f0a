"""A recipient, in and out: one view for each set of fields that a role is shown."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field

from services.dp_api.recipients import rules
from services.shared.identity.shown import FieldSet
from services.shared.values import bodies, fields
from services.shared.vocabulary.people import (
    AdministeredBy,
    Ethnicity,
    HomeCareZone,
    PrimarySupportReason,
    RecipientKind,
)

NhsNumber = Annotated[str, AfterValidator(rules.nhs_number)]
Postcode = Annotated[str, AfterValidator(rules.postcode)]
AddressLines = Annotated[list[fields.Line], Field(min_length=1, max_length=6)]


class NewRecipient(bodies.RequestBody):
    """What is known when a recipient is registered; the NHS number may be unknown, as it often is for carers."""

    kind: RecipientKind
    full_name: fields.Line
    known_as: fields.Line | None = None
    date_of_birth: fields.Day
    nhs_number: NhsNumber | None = None
    primary_support_reason: PrimarySupportReason
    ethnicity: Ethnicity
    team_code: fields.Code
    address_lines: AddressLines
    postcode: Postcode
    home_care_zone: HomeCareZone
    administered_by: AdministeredBy
    communication_needs: fields.Text | None = None


class RecipientAmendment(bodies.RequestBody):
    """What to amend; a field that is left out stays. Moving somebody to another team needs a reason."""

    full_name: fields.Line = Field(default_factory=fields.absent)
    known_as: fields.Line | None = Field(default_factory=fields.absent)
    date_of_birth: fields.Day = Field(default_factory=fields.absent)
    nhs_number: NhsNumber | None = Field(default_factory=fields.absent)
    primary_support_reason: PrimarySupportReason = Field(default_factory=fields.absent)
    ethnicity: Ethnicity = Field(default_factory=fields.absent)
    team_code: fields.Code = Field(default_factory=fields.absent)
    address_lines: AddressLines = Field(default_factory=fields.absent)
    postcode: Postcode = Field(default_factory=fields.absent)
    home_care_zone: HomeCareZone = Field(default_factory=fields.absent)
    administered_by: AdministeredBy = Field(default_factory=fields.absent)
    communication_needs: fields.Text | None = Field(default_factory=fields.absent)
    reason: fields.Reason = Field(default_factory=fields.absent)


class Death(bodies.RequestBody):
    """A recipient's death as the council was told of it; to put an earlier record right takes a `correction_reason`."""

    died_on: fields.Day
    notified_by: fields.Line
    correction_reason: fields.Reason | None = None


class RecipientSearch(bodies.RequestBody):
    """Whom to look for: at least one criterion, and all of them must hold. A part of the name is enough."""

    nhs_number: NhsNumber | None = None
    name: Annotated[fields.Line, Field(min_length=2)] | None = None
    date_of_birth: fields.Day | None = None
    postcode: Postcode | None = None
    team_code: fields.Code | None = None


class RecipientForCare(bodies.ResponseBody):
    """The whole record, for care workers and their managers."""

    field_set: Literal["care"]
    id: UUID
    kind: RecipientKind
    full_name: str
    known_as: str | None
    date_of_birth: date
    died_on: date | None
    nhs_number: str | None = Field(description="Written 3-3-4.")
    primary_support_reason: PrimarySupportReason
    ethnicity: Ethnicity
    team_code: str
    address_lines: Sequence[str]
    postcode: str
    home_care_zone: HomeCareZone
    administered_by: AdministeredBy
    communication_needs: str | None
    merged_into_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class RecipientForFinance(bodies.ResponseBody):
    """What payment and a case need: no need, no ethnicity, no date of birth. The NHS bills its share by NHS number."""

    field_set: Literal["finance"]
    id: UUID
    kind: RecipientKind
    full_name: str
    known_as: str | None
    died_on: date | None
    nhs_number: str | None = Field(description="Written 3-3-4.")
    team_code: str
    address_lines: Sequence[str]
    postcode: str
    home_care_zone: HomeCareZone
    administered_by: AdministeredBy
    communication_needs: str | None
    merged_into_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class RecipientForAudit(bodies.ResponseBody):
    """A pseudonymous record: neither name nor address nor number."""

    field_set: Literal["audit"]
    id: UUID
    kind: RecipientKind
    team_code: str
    home_care_zone: HomeCareZone
    version: int


class RecipientSummary(bodies.ResponseBody):
    """A recipient in a list: enough to choose the right one."""

    id: UUID
    kind: RecipientKind
    full_name: str
    known_as: str | None
    died_on: date | None
    postcode: str
    team_code: str
    home_care_zone: HomeCareZone
    version: int


AnyRecipient: TypeAlias = RecipientForCare | RecipientForFinance | RecipientForAudit

VIEWS: Final[Mapping[FieldSet, type[AnyRecipient]]] = MappingProxyType(
    {FieldSet.CARE: RecipientForCare, FieldSet.FINANCE: RecipientForFinance, FieldSet.AUDIT: RecipientForAudit}
)
"""The view that each set of fields is shown in; whoever has none is shown nobody."""
