"""Agreements, their budgets, accounts and cards. Written by dp_api."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import At, Code, Identifier, Pence, Table, choice, held_by
from services.shared.vocabulary.agreements import (
    AccountKind,
    AccountStatus,
    AgreementKind,
    AgreementStatus,
    LegalBasis,
    PaymentSchedule,
)
from services.shared.vocabulary.people import CareGroup
from services.shared.vocabulary.records import Service


class Agreement(Table):
    """The legal agreement between the person and the council under which money is paid.

    Cash from the card needs a permission whose reason is recorded (Plan, s.11). `first_payment_on` anchors the
    payment cycle. A recipient has at most one ongoing agreement that is active or suspended; one-off agreements stand
    beside it.
    """

    __tablename__ = "agreement"
    __table_args__ = (
        CheckConstraint("NOT cash_permitted OR cash_reason IS NOT NULL", name="cash_has_reason"),
        CheckConstraint("status = 'draft' OR status = 'ended' OR started_on IS NOT NULL", name="active_has_start"),
        CheckConstraint(
            "(status = 'ended') = (ended_on IS NOT NULL AND end_reason IS NOT NULL)", name="ended_has_day_and_reason"
        ),
        CheckConstraint("(status = 'suspended') = (suspension_reason IS NOT NULL)", name="suspended_has_reason"),
        CheckConstraint("ended_on >= started_on", name="ends_after_start"),
        CheckConstraint(
            "kind IN ('service_user', 'carer') OR holder_name IS NOT NULL",
            name="third_party_is_named",
        ),
        Index(
            "uq_agreement_ongoing",
            "recipient_id",
            unique=True,
            postgresql_where=text("status IN ('active', 'suspended') AND payment_schedule <> 'one_off'"),
        ),
        {"info": held_by(Service.DP_API)},
    )

    id: Mapped[Identifier]
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), index=True)
    kind: Mapped[AgreementKind] = mapped_column(choice(AgreementKind))
    legal_basis: Mapped[LegalBasis] = mapped_column(choice(LegalBasis))
    status: Mapped[AgreementStatus] = mapped_column(choice(AgreementStatus))
    holder_name: Mapped[str | None]
    money_manager_id: Mapped[UUID | None] = mapped_column(ForeignKey("money_manager.id"), index=True)
    payment_schedule: Mapped[PaymentSchedule] = mapped_column(choice(PaymentSchedule))
    first_payment_on: Mapped[date | None]
    cash_permitted: Mapped[bool]
    cash_reason: Mapped[str | None]
    started_on: Mapped[date | None]
    suspension_reason: Mapped[str | None]
    ended_on: Mapped[date | None]
    end_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[At]
    updated_at: Mapped[At]

    __mapper_args__ = {"version_id_col": version}


class Budget(Table):
    """What an agreement is worth a week from a day on; it holds until the next row (never amended in place, only
    superseded).

    Net is gross less the client's contribution; council and NHS shares sum to gross. A later decision about the same
    day is a new row with
    a higher `revision`; the highest revision of a day counts.
    """

    __tablename__ = "budget"
    __table_args__ = (
        UniqueConstraint("agreement_id", "effective_from", "revision"),
        CheckConstraint("weekly_contribution_pence >= 0 AND weekly_net_pence >= 0", name="amounts_not_negative"),
        CheckConstraint(
            "weekly_gross_pence = weekly_contribution_pence + weekly_net_pence", name="gross_is_contribution_and_net"
        ),
        CheckConstraint(
            "weekly_gross_pence = weekly_council_pence + weekly_nhs_pence", name="gross_is_council_and_nhs"
        ),
        CheckConstraint("weekly_council_pence >= 0 AND weekly_nhs_pence >= 0", name="shares_not_negative"),
        {"info": held_by(Service.DP_API, append_only=True)},
    )

    id: Mapped[Identifier]
    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("agreement.id"))
    effective_from: Mapped[date]
    revision: Mapped[int]
    weekly_gross_pence: Mapped[Pence]
    weekly_contribution_pence: Mapped[Pence]
    weekly_net_pence: Mapped[Pence]
    weekly_council_pence: Mapped[Pence]
    weekly_nhs_pence: Mapped[Pence]
    reason: Mapped[str]
    created_at: Mapped[At]


class GrossToday(Table):
    """A dated projection of `budget` for hot paths: the weekly gross of each agreement that is active or suspended,
    on `valid_on`.

    Rebuilt daily and with each budget or agreement act; the nightly check proves it against the dated rows.
    """

    __tablename__ = "gross_today"
    __table_args__ = {"info": held_by(Service.DP_API, deletes=True)}

    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("agreement.id"), primary_key=True)
    budget_id: Mapped[UUID] = mapped_column(ForeignKey("budget.id"))
    weekly_gross_pence: Mapped[Pence]
    valid_on: Mapped[date]


class Account(Table):
    """Where an agreement's money is held: the provider's token and the last four digits, never a full number.

    `care_group` is the recipient's group of the day, copied here so that each transaction can carry it; NULL on a
    trial account alone.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("provider_code", "provider_account_ref"),
        Index("ix_account_agreement_id", "agreement_id"),
        Index("uq_account_trial", "provider_code", unique=True, postgresql_where=text("kind = 'trial'")),
        CheckConstraint("(kind = 'trial') = (agreement_id IS NULL)", name="trial_has_no_agreement"),
        CheckConstraint("(kind = 'trial') = (care_group IS NULL)", name="trial_has_no_care_group"),
        CheckConstraint("(status = 'closed') = (closed_on IS NOT NULL)", name="closed_has_day"),
        CheckConstraint("closed_on >= opened_on", name="closes_after_opening"),
        CheckConstraint("last_four ~ '^[0-9]{4}$'", name="last_four_digits"),
        {"info": held_by(Service.DP_API)},
    )

    id: Mapped[Identifier]
    agreement_id: Mapped[UUID | None] = mapped_column(ForeignKey("agreement.id"))
    kind: Mapped[AccountKind] = mapped_column(choice(AccountKind))
    status: Mapped[AccountStatus] = mapped_column(choice(AccountStatus))
    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"))
    provider_account_ref: Mapped[str]
    last_four: Mapped[str | None]
    care_group: Mapped[CareGroup | None] = mapped_column(choice(CareGroup))
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[At]
    updated_at: Mapped[At]

    __mapper_args__ = {"version_id_col": version}


class Card(Table):
    """One card of an account; a replacement or a second holder's card is another row."""

    __tablename__ = "card"
    __table_args__ = (
        UniqueConstraint("provider_code", "provider_card_ref"),
        CheckConstraint("last_four ~ '^[0-9]{4}$'", name="last_four_digits"),
        CheckConstraint("closed_on >= opened_on", name="closes_after_opening"),
        {"info": held_by(Service.DP_API)},
    )

    id: Mapped[Identifier]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"))
    provider_card_ref: Mapped[str]
    last_four: Mapped[str]
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]
    created_at: Mapped[At]
