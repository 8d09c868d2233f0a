"""What people should look at, and what the books and the providers disagree about. Written by card_ingest."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import At, Code, Identifier, Pence, Table, choice, held_by
from services.shared.vocabulary.alerts import AlertKind, AlertRoute, AlertStatus
from services.shared.vocabulary.feeds import FindingKind, FindingStatus
from services.shared.vocabulary.records import Service

INGEST = Service.CARD_INGEST


class AlertPolicy(Table):
    """When a kind of alert is raised and who looks first, as dated data; a row holds until the next of its kind.

    `terms` are the kind's own figures and lists (amounts in whole pence, days, merchant category codes).
    """

    __tablename__ = "alert_policy"
    __table_args__ = (UniqueConstraint("kind", "effective_from"), {"info": held_by(INGEST, append_only=True)})

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    kind: Mapped[AlertKind] = mapped_column(choice(AlertKind))
    effective_from: Mapped[date]
    is_active: Mapped[bool]
    route: Mapped[AlertRoute] = mapped_column(choice(AlertRoute))
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_by: Mapped[str]
    reason: Mapped[str]


class Alert(Table):
    """Something that a person should look at: what was seen, by which policy, and why it was closed.

    `key` says what it is about, so that the same thing is told once. `facts` are figures and codes, never names.
    """

    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_alert_open", "route", "raised_at", postgresql_where=text("status = 'open'")),
        Index("ix_alert_account_id", "account_id"),
        CheckConstraint(
            "(status = 'closed') = (closed_at IS NOT NULL AND closed_by IS NOT NULL AND close_reason IS NOT NULL)",
            name="closed_has_reason",
        ),
        {"info": held_by(INGEST)},
    )

    id: Mapped[Identifier]
    key: Mapped[str]
    kind: Mapped[AlertKind] = mapped_column(choice(AlertKind))
    route: Mapped[AlertRoute] = mapped_column(choice(AlertRoute))
    policy_id: Mapped[int] = mapped_column(ForeignKey("alert_policy.id"))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    transaction_id: Mapped[int | None]
    concerns_on: Mapped[date]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    raised_at: Mapped[At]
    status: Mapped[AlertStatus] = mapped_column(choice(AlertStatus))
    closed_at: Mapped[At | None]
    closed_by: Mapped[str | None]
    close_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}


class AlertDue(Table):
    """A batch that has posted and has not been looked at for alerts yet; written in the batch's own transaction.

    Its transactions lie between `first_id` and `last_id`, among those of batches that posted beside it; both are NULL
    where it posted none.
    """

    __tablename__ = "alert_due"
    __table_args__ = {"info": held_by(INGEST, deletes=True)}

    batch_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_id: Mapped[int | None]
    last_id: Mapped[int | None]


class ReconciliationDue(Table):
    """Rows that have posted and that no look has compared with statements yet: they lie between two ids, among those of
    batches that posted beside them. Written in the batch's own transaction, once for batches of one transaction.
    """

    __tablename__ = "reconciliation_due"
    __table_args__ = {"info": held_by(INGEST, readers=(INGEST,), amends=False, deletes=True)}

    batch_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_id: Mapped[int]
    last_id: Mapped[int]


class StatementDue(Table):
    """A delivery whose statements no look has compared yet, or none since its rows have all posted. Written in the
    transaction that stores it.
    """

    __tablename__ = "statement_due"
    __table_args__ = {"info": held_by(INGEST, readers=(INGEST,), amends=False, deletes=True)}

    delivery_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class StatementWaiting(Table):
    """An account of which a look has seen statements that nothing could be compared with yet: no account was registered
    under the reference, or their closing day (`next_closing_on` is the first) was still to come.
    """

    __tablename__ = "statement_waiting"
    __table_args__ = (
        CheckConstraint("NOT has_account OR next_closing_on IS NOT NULL", name="waits_for_something"),
        {"info": held_by(INGEST, readers=(INGEST,), amends=False, deletes=True)},
    )

    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"), primary_key=True)
    account_ref: Mapped[str] = mapped_column(primary_key=True)
    has_account: Mapped[bool]
    next_closing_on: Mapped[date | None]


class FeedStatement(Table):
    """What a provider states about an account at the end of a day or statement, as delivered, in its own currency.

    `entries_pence` is the sum of the statement's rows with their effect on the balance; `is_proved` tells whether
    opening plus entries make closing, NULL where the statement does not say enough.
    """

    __tablename__ = "feed_statement"
    __table_args__ = (
        Index("ix_feed_statement_account", "provider_code", "account_ref", "closing_on"),
        Index("ix_feed_statement_delivery_number", "delivery_number"),
        Index(
            "ix_feed_statement_disproved", "provider_code", "account_ref", postgresql_where=text("is_proved IS FALSE")
        ),
        {"info": held_by(INGEST, append_only=True)},
    )

    id: Mapped[Identifier]
    delivery_number: Mapped[int]
    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"))
    account_ref: Mapped[str]
    statement_ref: Mapped[str | None]
    sequence: Mapped[int | None]
    currency: Mapped[str]
    opening_on: Mapped[date | None]
    opening_pence: Mapped[Pence | None]
    closing_on: Mapped[date | None]
    closing_pence: Mapped[Pence | None]
    entries: Mapped[int]
    entries_pence: Mapped[Pence]
    is_proved: Mapped[bool | None]


class ReconciliationFinding(Table):
    """A disagreement or a gap, as it was found: never an overwrite. A person closes it with a reason, or it closes by
    itself when it no longer holds.

    `key` says what it is about, so that the same thing stands open once. `account_ref` is the account's reference as
    its statements have it, whether or not an account is registered; NULL where it is about a provider or a delivery.
    """

    __tablename__ = "reconciliation_finding"
    __table_args__ = (
        Index("uq_reconciliation_finding_open", "key", unique=True, postgresql_where=text("status = 'open'")),
        Index("ix_reconciliation_finding_provider_code", "provider_code", "found_at"),
        Index(
            "ix_reconciliation_finding_account",
            "provider_code",
            "account_ref",
            "concerns_on",
            postgresql_where=text("status = 'open'"),
        ),
        CheckConstraint(
            "(status = 'closed') = (closed_at IS NOT NULL AND closed_by IS NOT NULL AND close_reason IS NOT NULL)",
            name="closed_has_reason",
        ),
        {"info": held_by(INGEST)},
    )

    id: Mapped[Identifier]
    key: Mapped[str]
    kind: Mapped[FindingKind] = mapped_column(choice(FindingKind))
    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    concerns_on: Mapped[date | None]
    stated_pence: Mapped[Pence | None]
    held_pence: Mapped[Pence | None]
    detail: Mapped[str]
    delivery_number: Mapped[int | None]
    found_at: Mapped[At]
    status: Mapped[FindingStatus] = mapped_column(choice(FindingStatus))
    closed_at: Mapped[At | None]
    closed_by: Mapped[str | None]
    close_reason: Mapped[str | None]
    account_ref: Mapped[str | None]
