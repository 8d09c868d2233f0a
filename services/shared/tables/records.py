"""The trail and the machinery that all three services share: audit, reads, seals, personal keys, idempotency, jobs.
Written by `shared`.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Identity, Index, Integer, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import BigInteger, Uuid

from services.shared.tables.base import EVERY_SERVICE, At, Table, choice, held_by
from services.shared.vocabulary.records import AuditBook, Service


class AuditEntry(Table):
    """One act or refusal: who, what, when, from where, why, and what changed. Personal values in `changes`, and the
    reason of an act that concerns one person, are encrypted with that person's own key, so that destroying the key
    purges them while the chain stays whole.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_subject_id", "subject_kind", "subject_id"),
        Index("ix_audit_entry_actor", "actor", "id"),
        Index("ix_audit_entry_at", "at"),
        {"info": held_by(*EVERY_SERVICE, append_only=True)},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[At]
    service: Mapped[Service] = mapped_column(choice(Service))
    actor: Mapped[str]
    actor_role: Mapped[str]
    action: Mapped[str]
    outcome: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    request_id: Mapped[str | None]
    reason: Mapped[str | None]
    legal_source: Mapped[str | None]
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)


class ReadEntry(Table):
    """Who was shown whom: one row per request, with the ids shown, written before the answer."""

    __tablename__ = "read_log"
    __table_args__ = (
        Index("ix_read_log_at", "at"),
        # Who was shown this person? Without it the whole book is read; entering a read costs no more with it.
        Index("ix_read_log_subject_ids", "subject_ids", postgresql_using="gin"),
        {"info": held_by(*EVERY_SERVICE, append_only=True)},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[At]
    service: Mapped[Service] = mapped_column(choice(Service))
    actor: Mapped[str]
    actor_role: Mapped[str]
    action: Mapped[str]
    request_id: Mapped[str | None]
    subject_kind: Mapped[str]
    subject_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))


class UnsealedEntry(Table):
    """The queue of committed entries that no block covers yet; a trigger on each book fills it and the sealer empties
    it.
    """

    __tablename__ = "unsealed_entry"
    __table_args__ = {"info": held_by(readers=(), emptied_by=(Service.DP_API,))}

    book: Mapped[AuditBook] = mapped_column(choice(AuditBook), primary_key=True)
    entry_id: Mapped[int] = mapped_column(primary_key=True)


class AuditSeal(Table):
    """A block of entries closed by the sealer: their hashes in order, chained to the block before and signed; also
    written outside.
    """

    __tablename__ = "audit_seal"
    __table_args__ = {"info": held_by(Service.DP_API, append_only=True)}

    book: Mapped[AuditBook] = mapped_column(choice(AuditBook), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed_at: Mapped[At]
    entry_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    entry_hashes: Mapped[bytes] = mapped_column(LargeBinary)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    block_hash: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class PersonalKey(Table):
    """The key, itself encrypted, under which one person's values in the trail are encrypted; destroying it purges
    them, and goes through `destroy_personal_key` alone.
    """

    __tablename__ = "personal_key"
    __table_args__ = {"info": held_by(*EVERY_SERVICE, append_only=True)}

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    key_encrypted: Mapped[bytes] = mapped_column(LargeBinary)


class KeyCheck(Table):
    """What tells whether a key of the installation is still there: a known text that it encrypted, its digest of one,
    or its public half. Written at the first start with the key; the owner deletes the row of a key that nothing needs.
    """

    __tablename__ = "key_check"
    __table_args__ = {"info": held_by(*EVERY_SERVICE, amends=False)}

    setting: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(primary_key=True)
    made: Mapped[bytes] = mapped_column(LargeBinary)
    first_used_at: Mapped[At]


class IdempotencyRecord(Table):
    """The stored answer of an act, so that the same request sent again gets the same answer and no second effect."""

    __tablename__ = "idempotency_record"
    __table_args__ = (
        Index("ix_idempotency_record_created_at", "created_at"),
        {"info": held_by(*EVERY_SERVICE, amends=False, deletes=True)},
    )

    caller: Mapped[str] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(Integer)
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    body_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[At]


class JobRun(Table):
    """The claim of a job's period, written in the transaction of its effects: at most one per (job, period)."""

    __tablename__ = "job_run"
    __table_args__ = {"info": held_by(*EVERY_SERVICE, append_only=True)}

    job: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    finished_at: Mapped[At]
    outcome: Mapped[dict[str, Any]] = mapped_column(JSONB)


class SchedulerHeartbeat(Table):
    """When a service's scheduler was last alive; readiness reports it."""

    __tablename__ = "scheduler_heartbeat"
    __table_args__ = {"info": held_by(*EVERY_SERVICE)}

    service: Mapped[Service] = mapped_column(choice(Service), primary_key=True)
    at: Mapped[At]
