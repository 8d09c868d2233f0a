"""What the feed's endpoints take and answer. Amounts are whole pence; nothing here is a person's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.shared.vocabulary import DeliveryDoor, DeliveryStatus, RowOutcome
from services.shared.web import fields
from services.shared.web.bodies import RequestBody, ResponseBody

ProviderCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,39}$")]


class Counted(ResponseBody):
    """Rows, and their pence as the delivery states them (sign included)."""

    rows: int
    pence: int


class Waiting(Counted):
    """Rows that wait for one reason, and what mends it."""

    code: str
    message: str
    remedy: str


class Receipt(ResponseBody):
    """What became of a delivery: every row that came is in exactly one of the five outcomes, and its pence with it."""

    delivery_id: UUID
    provider: str
    door: DeliveryDoor
    profile: str
    profile_version: int
    account_ref: str | None
    sha256: str = Field(description="Of the bytes as they were received.")
    size_bytes: int
    received_at: datetime
    already_received: bool = Field(description="The same delivery had come before: this is its receipt.")
    status: DeliveryStatus
    rows: int
    rows_done: int = Field(description="Rows posted or otherwise ended so far; `rows` once the status is `posted`.")
    delivered_pence: int = Field(description="Of the rows done, as the delivery states them.")
    unread_amounts: int = Field(description="Rows whose amount cannot be read: above nil, the total is unproved.")
    posted: Counted
    already_posted: Counted
    held: Counted
    no_money: Counted
    quarantined: Counted
    waiting: Sequence[Waiting] = Field(description="The rows in quarantine by reason.")
    finished_at: datetime | None
    rows_url: str


class DeliveryRow(ResponseBody):
    """What became of one row; rows are numbered from 1, a heading not counted."""

    row_number: int
    outcome: RowOutcome
    code: str | None
    message: str | None
    remedy: str | None
    delivered_pence: int | None


class QuarantinedRow(ResponseBody):
    """A row that waits, without anything of its content."""

    id: UUID
    provider: str
    delivery_id: UUID
    row_number: int
    code: str
    message: str
    remedy: str
    waits_for_registration: bool = Field(description="It posts by itself once its card or account is registered.")
    delivered_pence: int | None
    created_at: datetime
    age_days: int


class Quarantine(ResponseBody):
    """The rows that wait, counted by reason, and one page of them."""

    waiting: Sequence[Waiting]
    items: Sequence[QuarantinedRow]
    next_cursor: str | None


class NewProvider(RequestBody):
    """A card provider or bank whose feed is to be taken in."""

    code: ProviderCode
    name: fields.Line


class Key(ResponseBody):
    """A signing key of a provider, without its secret."""

    id: UUID
    created_at: datetime
    retired_at: datetime | None


class Provider(ResponseBody):
    """A provider and its signing keys; deliveries signed with any key that is not retired are taken."""

    code: str
    name: str
    created_at: datetime
    keys: Sequence[Key]


class NewKey(ResponseBody):
    """A new signing key. The secret is shown this once."""

    id: UUID
    secret: str
    created_at: datetime


class Providers(ResponseBody):
    """Every provider, by code."""

    items: Sequence[Provider]
