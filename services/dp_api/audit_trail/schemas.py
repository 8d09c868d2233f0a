"""Entries of the two books, as auditors see them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from pydantic import Field

from services.shared.values import bodies
from services.shared.vocabulary.records import Service

PERSONAL: Final = "[personal]"
PURGED: Final = "[purged]"

Value = str | int | bool | None | list[object] | dict[str, object]


class Change(bodies.ResponseBody):
    """What a field was and became; `[personal]` hides a person's value, `[purged]` one whose key has been destroyed."""

    before: Value
    after: Value


class AuditEntryView(bodies.ResponseBody):
    """One act or refusal: who, in which role, what, to what, when, in which request, why, and what changed."""

    id: int
    at: datetime
    service: Service
    actor: str
    actor_role: str
    action: str
    outcome: str
    subject_kind: str
    subject_id: str
    request_id: str | None
    reason: str | None = Field(description="Why, in the words of whoever did it; `[purged]` with its person's key.")
    legal_source: str | None
    changes: Mapping[str, Change]
    digest: str | None = Field(
        description="SHA-256, in hexadecimal, of the ordered rows, or of their ids, that a whole set's act wrote."
    )


class ReadEntryView(bodies.ResponseBody):
    """One request in which somebody was shown somebody."""

    id: int
    at: datetime
    service: Service
    actor: str
    actor_role: str
    action: str
    request_id: str | None
    subject_kind: str
    subject_ids: Sequence[UUID]


class AuditFilter(bodies.ResponseBody):
    """Which entries to list, by Europe/London days (both ends included); None leaves a question open."""

    subject_kind: str | None
    subject_id: str | None
    actor: str | None
    action: str | None
    first_day: date | None
    last_day: date | None


class ReadFilter(bodies.ResponseBody):
    """Which read entries to list, by Europe/London days (both ends included); None leaves a question open."""

    subject_id: UUID | None
    actor: str | None
    first_day: date | None
    last_day: date | None
