"""Recipients, personal assistants and money managers. Written by dp_api."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import At, Code, Identifier, Table, choice, held_by
from services.shared.vocabulary.people import (
    AdministeredBy,
    EngagementRelationship,
    Ethnicity,
    HomeCareZone,
    PrimarySupportReason,
    RecipientKind,
)
from services.shared.vocabulary.records import Service


class Recipient(Table):
    """The adult or carer for whom a direct payment is made.

    The NHS number is held encrypted, beside a keyed blind index for exact look-up; it is optional (carers, new
    people) and unique.
    """

    __tablename__ = "recipient"
    __table_args__ = (
        CheckConstraint("died_on IS NULL OR died_on >= date_of_birth", name="died_after_birth"),
        CheckConstraint("(nhs_number_encrypted IS NULL) = (nhs_number_index IS NULL)", name="nhs_number_whole"),
        CheckConstraint("merged_into_id <> id", name="not_merged_into_itself"),
        Index("ix_recipient_team_code_id", "team_code", "id"),
        {"info": held_by(Service.DP_API)},
    )

    id: Mapped[Identifier]
    kind: Mapped[RecipientKind] = mapped_column(choice(RecipientKind))
    full_name: Mapped[str]
    known_as: Mapped[str | None]
    date_of_birth: Mapped[date]
    died_on: Mapped[date | None]
    nhs_number_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    nhs_number_index: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    primary_support_reason: Mapped[PrimarySupportReason] = mapped_column(choice(PrimarySupportReason))
    ethnicity: Mapped[Ethnicity] = mapped_column(choice(Ethnicity))
    team_code: Mapped[Code] = mapped_column(ForeignKey("team.code"))
    address_lines: Mapped[str]
    postcode: Mapped[str]
    home_care_zone: Mapped[HomeCareZone] = mapped_column(choice(HomeCareZone))
    administered_by: Mapped[AdministeredBy] = mapped_column(choice(AdministeredBy))
    communication_needs: Mapped[str | None]
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipient.id"))
    version: Mapped[int] = mapped_column()
    created_at: Mapped[At]
    updated_at: Mapped[At]

    __mapper_args__ = {"version_id_col": version}


class PersonalAssistant(Table):
    """A person employed with direct payment money; who employs them is an engagement."""

    __tablename__ = "personal_assistant"
    __table_args__ = {"info": held_by(Service.DP_API)}

    id: Mapped[Identifier]
    full_name: Mapped[str]
    team_code: Mapped[Code] = mapped_column(ForeignKey("team.code"), index=True)
    version: Mapped[int] = mapped_column()
    created_at: Mapped[At]
    updated_at: Mapped[At]

    __mapper_args__ = {"version_id_col": version}


class PersonalAssistantEngagement(Table):
    """A recipient's employment of a personal assistant, with what regulation 3 of SI 2014/2871 turns on."""

    __tablename__ = "personal_assistant_engagement"
    __table_args__ = (
        CheckConstraint("ended_on IS NULL OR ended_on >= started_on", name="ends_after_start"),
        CheckConstraint("hours_per_week > 0 AND hours_per_week <= 168", name="hours_in_a_week"),
        Index(
            "uq_personal_assistant_engagement_current",
            "recipient_id",
            "personal_assistant_id",
            unique=True,
            postgresql_where=text("ended_on IS NULL"),
        ),
        {"info": held_by(Service.DP_API)},
    )

    id: Mapped[Identifier]
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"))
    personal_assistant_id: Mapped[UUID] = mapped_column(ForeignKey("personal_assistant.id"), index=True)
    started_on: Mapped[date]
    ended_on: Mapped[date | None]
    hours_per_week: Mapped[Decimal] = mapped_column(Numeric(5, 2, asdecimal=True))
    relationship_to_recipient: Mapped[EngagementRelationship] = mapped_column(choice(EngagementRelationship))
    same_household: Mapped[bool]
    exception_reason: Mapped[str | None]
    created_at: Mapped[At]


class MoneyManager(Table):
    """A third-party money manager: an organisation that holds direct payments for people who cannot or would rather
    not.
    """

    __tablename__ = "money_manager"
    __table_args__ = {"info": held_by(Service.DP_API)}

    id: Mapped[Identifier]
    name: Mapped[str] = mapped_column(unique=True)
    weekly_fee_pence: Mapped[int]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[At]
    updated_at: Mapped[At]

    __mapper_args__ = {"version_id_col": version}
