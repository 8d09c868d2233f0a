"""What the feed's endpoints take and answer. Amounts are whole pence; nothing here is a person's."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints

from services.shared.values import fields
from services.shared.values.bodies import RequestBody, ResponseBody
from services.shared.vocabulary.feeds import DeliveryDoor, DeliveryStatus, FeedKeyKind, RowOutcome, SignatureScheme

ProviderCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,39}$")]
ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Hours = Annotated[int, Field(ge=1, le=8_784)]
KeyText = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"^[\x20-\x7e\r\n]*$")]
Fingerprint = Annotated[str | None, BeforeValidator(lambda found: found.hex() if isinstance(found, bytes) else found)]

_PUSH_PROFILE = "The layout of what it pushes; none means our own, as the media type says."
_FIRST_DAY = "The first day on which a row of it can be booked; none where it has declared none."
_EXPECTED = "Hours within which a delivery is expected; none where nothing was agreed."


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


class NonceReceipt(Receipt):
    """The receipt of a delivery whose scheme wants its own nonce answered, under the name that the scheme gives it."""

    nonce: int | str = Field(serialization_alias="Nonce", description="The delivery's nonce, as its body had it.")


class DeliveryRow(ResponseBody):
    """What became of one row; rows are numbered from 1, a heading not counted."""

    row_number: int
    outcome: RowOutcome
    code: str | None
    message: str | None
    remedy: str | None
    delivered_pence: int | None


class TrialRow(ResponseBody):
    """What would become of one row, without anything of its content."""

    row_number: int
    outcome: RowOutcome
    code: str | None
    message: str | None
    remedy: str | None
    delivered_pence: int | None


class TrialReceipt(ResponseBody):
    """What would become of a delivery. Nothing of it was stored, and nothing was posted."""

    provider: str
    profile: str
    profile_version: int
    sha256: str = Field(description="Of the bytes as they were received.")
    size_bytes: int
    rows: int
    delivered_pence: int = Field(description="As the delivery states them.")
    unread_amounts: int = Field(description="Rows whose amount cannot be read: above nil, the total is unproved.")
    posted: Counted
    already_posted: Counted
    held: Counted
    no_money: Counted
    quarantined: Counted
    waiting: Sequence[Waiting] = Field(description="The rows that would wait, by reason.")
    sample: Sequence[TrialRow] = Field(description="At most 200 rows, those that would wait before all others.")


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
    signature_scheme: SignatureScheme = Field(
        default=SignatureScheme.STANDARD_WEBHOOKS, description="How its pushes are signed."
    )
    push_profile: ProfileName | None = Field(default=None, description=_PUSH_PROFILE)
    expected_every_hours: Hours | None = Field(default=None, description=_EXPECTED)
    first_day_on: fields.Day | None = Field(default=None, description=_FIRST_DAY)


class ProviderAmendment(RequestBody):
    """What is to change about a provider; a field that is not sent stays as it is."""

    name: fields.Line = fields.absent()
    signature_scheme: SignatureScheme = fields.absent()
    push_profile: ProfileName | None = Field(default_factory=fields.absent, description=_PUSH_PROFILE)
    expected_every_hours: Hours | None = Field(default_factory=fields.absent, description=_EXPECTED)
    first_day_on: fields.Day | None = Field(default_factory=fields.absent, description=_FIRST_DAY)


class NewFeedKey(RequestBody):
    """A key of a provider. A secret that both sides hold is made here unless the provider has made it."""

    kind: FeedKeyKind
    public_part: KeyText | None = Field(
        default=None,
        description="For `ed25519` and `rsa` the public key (PEM or base64), for `client_certificate` its PEM.",
    )
    secret: fields.Line | None = Field(
        default=None, description="For `standard_webhooks` and `stripe`: the secret, where the provider made it."
    )


class Key(ResponseBody):
    """A key of a provider, without its secret."""

    id: UUID
    kind: FeedKeyKind
    fingerprint: Fingerprint = Field(description="SHA-256 of a client certificate, in hexadecimal.")
    created_at: datetime
    retired_at: datetime | None


class PollState(ResponseBody):
    """How a provider's own interface is asked and how that goes, without its address, token or cursor."""

    is_active: bool = Field(description="False too where the provider refused us: set it again to go on.")
    every_seconds: int
    next_at: datetime = Field(description="When it is asked next.")
    last_at: datetime | None
    last_outcome: str | None
    failures: int = Field(description="Since the last answer that was good.")
    cursor_at: datetime | None = Field(description="When the cursor last moved; null at the beginning.")


class Provider(ResponseBody):
    """A provider, how its feed is set, and its keys; what any key that is not retired proves is taken."""

    code: str
    name: str
    created_at: datetime
    signature_scheme: SignatureScheme
    push_profile: str | None = Field(description=_PUSH_PROFILE)
    expected_every_hours: int | None = Field(description=_EXPECTED)
    first_day_on: date | None = Field(description=_FIRST_DAY)
    keys: Sequence[Key]
    poll: PollState | None = Field(description="Null where we do not ask it.")


class NewKey(ResponseBody):
    """A secret that was made here. It is shown this once."""

    id: UUID
    kind: FeedKeyKind
    secret: str
    created_at: datetime


class Providers(ResponseBody):
    """Every provider, by code."""

    items: Sequence[Provider]
