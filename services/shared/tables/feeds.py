"""Providers' feeds as delivered: who sends, what came, what became of every row. Written by card_ingest."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import At, Code, Identifier, Pence, Table, choice, held_by
from services.shared.values import staff_numbers
from services.shared.vocabulary.feeds import (
    DeliveryDoor,
    DeliveryStatus,
    FeedKeyKind,
    ProposalStatus,
    QuarantineStatus,
    Resolution,
    RowOutcome,
    SignatureScheme,
)
from services.shared.vocabulary.records import Service

INGEST = Service.CARD_INGEST
_TOLD = "code IN ('told_by_another_message', 'may_be_told_twice', 'told_in_part')"


class FeedProvider(Table):
    """A card provider or bank whose feed is taken in: how it signs, in which layout it pushes JSON (NULL is our own),
    and after how many hours without a delivery it is late (NULL where nothing was agreed). No row of it is booked
    before `first_day_on` (NULL where it has declared no first day).
    """

    __tablename__ = "feed_provider"
    __table_args__ = (
        CheckConstraint("code ~ '^[a-z][a-z0-9_-]{1,39}$'", name="code_is_a_slug"),
        CheckConstraint("expected_every_hours > 0", name="expected_sometime"),
        {"info": held_by(INGEST)},
    )

    code: Mapped[Code] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[At]
    signature_scheme: Mapped[SignatureScheme] = mapped_column(
        choice(SignatureScheme), server_default=SignatureScheme.STANDARD_WEBHOOKS.value
    )
    push_profile: Mapped[str | None]
    expected_every_hours: Mapped[int | None]
    first_day_on: Mapped[date | None]


class FeedKey(Table):
    """A provider's key, encrypted; several may hold at once, so that keys can be rotated.

    `fingerprint` is the SHA-256 of a client certificate, by which its bearer is known, and NULL for any other kind.
    """

    __tablename__ = "feed_key"
    __table_args__ = (
        CheckConstraint("retired_at > created_at", name="retires_after_creation"),
        CheckConstraint(
            "(kind = 'client_certificate') = (fingerprint IS NOT NULL)", name="certificate_has_fingerprint"
        ),
        Index("uq_feed_key_fingerprint", "fingerprint", unique=True, postgresql_where=text("retired_at IS NULL")),
        {"info": held_by(INGEST, readers=(INGEST,))},
    )

    id: Mapped[Identifier]
    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"), index=True)
    secret_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[At]
    retired_at: Mapped[At | None]
    kind: Mapped[FeedKeyKind] = mapped_column(choice(FeedKeyKind), server_default=FeedKeyKind.STANDARD_WEBHOOKS.value)
    fingerprint: Mapped[bytes | None] = mapped_column(LargeBinary)


class FeedPoll(Table):
    """A provider's own interface that we ask for what is new: where, with which token, and how far we have come.

    `cursor` is the provider's, as its last answer gave it, and `cursor_at` when it last moved; `failures` counts since
    the last answer that was good. Until `leased_until` one worker asks, and nobody else does.
    """

    __tablename__ = "feed_poll"
    __table_args__ = (
        CheckConstraint("every_seconds > 0", name="polled_sometime"),
        {"info": held_by(INGEST, readers=(INGEST,))},
    )

    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"), primary_key=True)
    url: Mapped[str]
    profile: Mapped[str]
    token_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    every_seconds: Mapped[int]
    is_active: Mapped[bool]
    cursor: Mapped[str | None]
    next_at: Mapped[At]
    last_at: Mapped[At | None]
    last_outcome: Mapped[str | None]
    failures: Mapped[int]
    leased_until: Mapped[At | None]
    cursor_at: Mapped[At | None]


class FeedDelivery(Table):
    """One delivery as it came in; `sha256` is of the bytes as received, so that a byte-equal file sent again is known
    at once. A mended profile has another version and makes the same bytes another delivery. `sequence` is the
    provider's own count of its deliveries, where it keeps one.
    """

    __tablename__ = "feed_delivery"
    __table_args__ = (
        UniqueConstraint(
            "provider_code",
            "sha256",
            "account_ref",
            "profile",
            "profile_version",
            name="uq_feed_delivery_content",
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_feed_delivery_provider_code_received_at", "provider_code", "received_at"),
        Index("ix_feed_delivery_sequence", "provider_code", "sequence", postgresql_where=text("sequence IS NOT NULL")),
        Index(
            "uq_feed_delivery_external_id",
            "provider_code",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        {"info": held_by(INGEST, append_only=True)},
    )

    id: Mapped[Identifier]
    number: Mapped[int] = mapped_column(Identity(always=True), unique=True)
    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"))
    door: Mapped[DeliveryDoor] = mapped_column(choice(DeliveryDoor))
    profile: Mapped[str]
    profile_version: Mapped[int]
    account_ref: Mapped[str | None]
    external_id: Mapped[str | None]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int]
    received_at: Mapped[At]
    sequence: Mapped[int | None]


class FeedContent(Table):
    """The raw bytes of a delivery, card numbers redacted, compressed and then encrypted; kept for a set time.

    A large file is kept in chunks that end with a line, so that it never stands in memory whole.
    """

    __tablename__ = "feed_content"
    __table_args__ = {"info": held_by(INGEST, readers=(INGEST,), append_only=True)}

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("feed_delivery.id"), primary_key=True)
    chunk: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    is_redacted: Mapped[bool]


class FeedProgress(Table):
    """How far a delivery has come: mutable, apart from the append-only delivery. Pence are as delivered, sign
    included.
    """

    __tablename__ = "feed_progress"
    __table_args__ = (
        Index("ix_feed_progress_unfinished", "delivery_id", postgresql_where=text("status <> 'posted'")),
        {"info": held_by(INGEST)},
    )

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("feed_delivery.id"), primary_key=True)
    status: Mapped[DeliveryStatus] = mapped_column(choice(DeliveryStatus))
    rows: Mapped[int]
    rows_done: Mapped[int]
    delivered_pence: Mapped[Pence]
    unread_amounts: Mapped[int]
    posted_rows: Mapped[int]
    posted_pence: Mapped[Pence]
    already_posted_rows: Mapped[int]
    already_posted_pence: Mapped[Pence]
    held_rows: Mapped[int]
    held_pence: Mapped[Pence]
    no_money_rows: Mapped[int]
    no_money_pence: Mapped[Pence]
    quarantined_rows: Mapped[int]
    quarantined_pence: Mapped[Pence]
    finished_at: Mapped[At | None]


class FeedBatch(Table):
    """One posting transaction: a run of a delivery's rows, or rows released from quarantine; `digest` is of its
    ordered rows.
    """

    __tablename__ = "feed_batch"
    __table_args__ = (Index("ix_feed_batch_delivery_id", "delivery_id"), {"info": held_by(INGEST, append_only=True)})

    number: Mapped[int] = mapped_column(Identity(always=False), primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("feed_delivery.id"))
    first_row: Mapped[int]
    rows: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    posted_at: Mapped[At]


class FeedRow(Table):
    """What became of a delivered row that did not post as new: already posted, held, no money, quarantined.

    A posted row's result is the transaction itself (`card_transaction.delivery_number`, `row_number`), so that
    nothing is written twice.
    """

    __tablename__ = "feed_row"
    __table_args__ = {"info": held_by(INGEST, append_only=True)}

    delivery_number: Mapped[int] = mapped_column(primary_key=True)
    row_number: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[RowOutcome] = mapped_column(choice(RowOutcome))
    code: Mapped[str | None]
    detail: Mapped[str | None]
    delivered_pence: Mapped[Pence | None]


class QuarantinedRow(Table):
    """A row that could not post, with the reason and its content encrypted; it waits until its cause is mended, and
    never vanishes.

    `waits_for` is the card or account reference whose registration releases it, NULL where a person must act.
    `transaction_id` is the provider's id, where the row could be read: a posted transaction of that id is disputed
    while another version of it waits here.
    """

    __tablename__ = "quarantined_row"
    __table_args__ = (
        Index("ix_quarantined_row_waiting", "provider_code", "waits_for", postgresql_where=text("status = 'waiting'")),
        Index(
            "ix_quarantined_row_disputes",
            "provider_code",
            "transaction_id",
            postgresql_where=text("code = 'same_id_other_content'"),
        ),
        Index("ix_quarantined_row_told", "provider_code", "transaction_id", postgresql_where=text(_TOLD)),
        UniqueConstraint("delivery_number", "row_number"),
        {"info": held_by(INGEST)},
    )

    id: Mapped[Identifier]
    delivery_number: Mapped[int]
    row_number: Mapped[int]
    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"))
    code: Mapped[str]
    detail: Mapped[str]
    waits_for: Mapped[str | None]
    delivered_pence: Mapped[Pence | None]
    content_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    status: Mapped[QuarantineStatus] = mapped_column(choice(QuarantineStatus))
    created_at: Mapped[At]
    released_at: Mapped[At | None]
    released_as: Mapped[RowOutcome | None] = mapped_column(choice(RowOutcome))
    transaction_id: Mapped[str | None]


class QuarantineResolution(Table):
    """What one person proposes to make of a quarantined row, and what a second one answers.

    `withdraws` is the posted transactions (their provider's ids) that a proposal to replace a changed day takes back,
    as the proposer was shown them; NULL for any other.
    """

    __tablename__ = "quarantine_resolution"
    __table_args__ = (
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="answered_has_answerer"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="answered_has_moment"),
        CheckConstraint("decided_by <> proposed_by OR status = 'rejected'", name="two_people"),
        # Both are staff numbers in the one way they are written, or the check before could not tell one from two.
        CheckConstraint(f"proposed_by ~ '^{staff_numbers.FORM}$'", name="proposed_by_person"),
        CheckConstraint(f"decided_by ~ '^{staff_numbers.FORM}$'", name="decided_by_person"),
        Index(
            "uq_quarantine_resolution_open",
            "quarantined_row_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        {"info": held_by(INGEST)},
    )

    id: Mapped[Identifier]
    quarantined_row_id: Mapped[UUID] = mapped_column(ForeignKey("quarantined_row.id"), index=True)
    resolution: Mapped[Resolution] = mapped_column(choice(Resolution))
    reason: Mapped[str]
    proposed_by: Mapped[str]
    proposed_at: Mapped[At]
    status: Mapped[ProposalStatus] = mapped_column(choice(ProposalStatus))
    decided_by: Mapped[str | None]
    decided_at: Mapped[At | None]
    decision_reason: Mapped[str | None]
    withdraws: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
