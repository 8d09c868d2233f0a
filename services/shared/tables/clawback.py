"""Clawback: policy, runs, calculations and cases. Written by clawback."""

from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import At, Identifier, Pence, Table, choice, held_by
from services.shared.vocabulary.agreements import AccountKind
from services.shared.vocabulary.clawback import CaseGround, CaseStatus, RunTrigger
from services.shared.vocabulary.records import Service

CLAWBACK = Service.CLAWBACK
OPEN_CASE: Final = "closed_on IS NULL"
"""The one meaning of an open case, in whatever way it may be closed."""


class ClawbackPolicy(Table):
    """The council's surplus policy as dated data; a run applies the version in force on its day."""

    __tablename__ = "clawback_policy"
    __table_args__ = (
        CheckConstraint("threshold_weeks > 0", name="threshold_is_positive"),
        UniqueConstraint("effective_from"),
        {"info": held_by(CLAWBACK, append_only=True)},
    )

    version: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    effective_from: Mapped[date]
    threshold_weeks: Mapped[int] = mapped_column(Integer)
    source: Mapped[str]
    made_by: Mapped[str]
    reason: Mapped[str]


class ClawbackRun(Table):
    """One run of the surplus test over every agreement; its figures are final when it commits.

    `stale_accounts` were left out since their provider's feed is late: a balance that nobody has heard of is no ground.
    The row is written last, with its counts and digest; what names it has a foreign key that is checked at the commit.
    """

    __tablename__ = "clawback_run"
    __table_args__ = (
        Index("uq_clawback_run_scheduled", "as_of", unique=True, postgresql_where=text("trigger = 'scheduled'")),
        {"info": held_by(CLAWBACK, append_only=True)},
    )

    id: Mapped[Identifier]
    as_of: Mapped[date]
    trigger: Mapped[RunTrigger] = mapped_column(choice(RunTrigger))
    policy_version: Mapped[int] = mapped_column(ForeignKey("clawback_policy.version"))
    started_at: Mapped[At]
    finished_at: Mapped[At]
    accounts: Mapped[int]
    agreements: Mapped[int]
    flagged: Mapped[int]
    new_cases: Mapped[int]
    excess_pence: Mapped[Pence]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    stale_accounts: Mapped[int] = mapped_column(server_default=text("0"))


class ClawbackCase(Table):
    """A flagged agreement for people to look at: a flag is not a debt. At most one open case per agreement and
    ground.

    `calculation_id` is the standing calculation; it has no foreign key, since each row of the pair names the other.
    `weeks_of_cover_hundredths` is NULL where the weekly gross is nil: money then covers no number of weeks.
    `closed_on` is the Europe/London day on which it was closed, in whatever way; NULL while it is open (`OPEN_CASE`).
    `not_over_on` is the day of the last run that tested the agreement since the last flag and did not find it over;
    NULL while the last run that tested it did.
    """

    __tablename__ = "clawback_case"
    __table_args__ = (
        Index(
            "uq_clawback_case_open",
            "agreement_id",
            "ground",
            unique=True,
            postgresql_where=text(OPEN_CASE),
        ),
        CheckConstraint("(status = 'withdrawn') = (closed_on IS NOT NULL)", name="closed_has_day"),
        CheckConstraint("(status = 'withdrawn') = (withdrawal_reason IS NOT NULL)", name="withdrawn_has_reason"),
        {"info": held_by(CLAWBACK)},
    )

    id: Mapped[Identifier]
    agreement_id: Mapped[UUID] = mapped_column(ForeignKey("agreement.id"))
    ground: Mapped[CaseGround] = mapped_column(choice(CaseGround))
    status: Mapped[CaseStatus] = mapped_column(choice(CaseStatus))
    opened_on: Mapped[date]
    opened_by_run_id: Mapped[UUID] = mapped_column(ForeignKey("clawback_run.id", deferrable=True, initially="DEFERRED"))
    last_flagged_on: Mapped[date]
    calculation_id: Mapped[UUID]
    excess_pence: Mapped[Pence]
    weeks_of_cover_hundredths: Mapped[int | None]
    withdrawal_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column()
    updated_at: Mapped[At]
    closed_on: Mapped[date | None]
    not_over_on: Mapped[date | None]


class ClawbackCalculation(Table):
    """The snapshot of a surplus calculation: every figure, the policy, and the budget row it stood on; recomputable
    to the penny.

    `low_point_pence` is the lowest counted balance of the payment cycle that ends on `as_of` (the 28 days before the
    run's day), which tells a healthy account just after its load from a real surplus. `transactions` counts the posted
    rows that the balances stand on: rows are only ever added, so that an equal count means that nothing moved.

    Run, policy and budget have no foreign key: the writing statement takes them from rows that are never deleted, and
    checking each again costs more than the snapshot itself.
    """

    __tablename__ = "clawback_calculation"
    __table_args__ = (
        CheckConstraint("counted_pence = posted_pence - held_pence", name="counted_is_posted_less_held"),
        CheckConstraint("threshold_pence = threshold_weeks * weekly_gross_pence", name="threshold_is_weeks_of_gross"),
        CheckConstraint("excess_pence = counted_pence - threshold_pence", name="excess_is_counted_less_threshold"),
        CheckConstraint("excess_pence > 0", name="only_what_is_over"),
        Index("ix_clawback_calculation_case_id", "case_id"),
        {"info": held_by(CLAWBACK, append_only=True)},
    )

    id: Mapped[Identifier]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("clawback_case.id"))
    run_id: Mapped[UUID]
    as_of: Mapped[date]
    policy_version: Mapped[int] = mapped_column(Integer)
    budget_id: Mapped[UUID]
    weekly_gross_pence: Mapped[Pence]
    threshold_weeks: Mapped[int] = mapped_column(Integer)
    threshold_pence: Mapped[Pence]
    posted_pence: Mapped[Pence]
    held_pence: Mapped[Pence]
    counted_pence: Mapped[Pence]
    excess_pence: Mapped[Pence]
    transactions: Mapped[int]
    low_point_pence: Mapped[Pence]
    low_point_on: Mapped[date]
    last_load_on: Mapped[date | None]
    last_load_pence: Mapped[Pence | None]


class ClawbackCalculationLine(Table):
    """One account's part in a calculation: the source line of its figures.

    No foreign keys, for the reason given at the calculation: accounts and calculations are never deleted.
    """

    __tablename__ = "clawback_calculation_line"
    __table_args__ = {"info": held_by(CLAWBACK, append_only=True)}

    calculation_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_kind: Mapped[AccountKind] = mapped_column(choice(AccountKind))
    posted_pence: Mapped[Pence]
    held_pence: Mapped[Pence]
    transactions: Mapped[int]
    last_booked_on: Mapped[date | None]
