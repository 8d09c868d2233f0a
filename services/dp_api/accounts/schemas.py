"""Accounts with their cards, in and out: tokens and last four digits, never a full number."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from services.dp_api.accounts import rules
from services.shared.values import bodies, fields
from services.shared.vocabulary.agreements import AccountKind, AccountStatus


def token(reference: str) -> str:
    """Return a provider's reference. Raises ValueError for one that holds a card or bank account number."""
    if rules.looks_like_account_number(reference):
        raise ValueError("send the provider's token: this looks like a card number, or a sort code and account number")
    return reference


ProviderRef = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$"),
    AfterValidator(token),
]
"""The name that a provider's feed gives an account or card."""


class OpenedKind(StrEnum):
    """The kinds of account that an agreement can have."""

    PREPAID_CARD = AccountKind.PREPAID_CARD.value
    BANK_ACCOUNT = AccountKind.BANK_ACCOUNT.value
    MONEY_MANAGER_ACCOUNT = AccountKind.MONEY_MANAGER_ACCOUNT.value


class NewAccount(bodies.RequestBody):
    """An account in which an agreement's money is held."""

    agreement_id: UUID
    kind: OpenedKind
    provider_code: fields.Code
    provider_account_ref: ProviderRef
    last_four: fields.LastFour | None = None
    opened_on: fields.Day | None = Field(default=None, description="Today when left out.")


class Closure(bodies.RequestBody):
    """Why, and from which day, an account or card is closed."""

    reason: fields.Reason
    closed_on: fields.Day | None = Field(default=None, description="Today when left out.")


class Balance(bodies.ResponseBody):
    """The money of an account in pence: posted, held by authorisations that have not cleared, and what is left."""

    posted_pence: int
    held_pence: int
    available_pence: int
    last_booked_on: date | None


class AccountView(bodies.ResponseBody):
    """An account with its balance; a trial account proves a feed's layout and has no agreement."""

    id: UUID
    agreement_id: UUID | None
    kind: AccountKind
    status: AccountStatus
    provider_code: str
    provider_account_ref: str
    last_four: str | None
    opened_on: date
    closed_on: date | None
    balance: Balance
    balance_as_of: datetime | None = Field(description="When the provider's feed last delivered anything.")
    feed_is_late: bool = Field(description="The feed is overdue: what has moved since `balance_as_of` is not known.")
    version: int
    created_at: datetime
    updated_at: datetime


class CardView(bodies.ResponseBody):
    """A card of an account."""

    id: UUID
    account_id: UUID
    provider_card_ref: str
    last_four: str
    opened_on: date
    closed_on: date | None
    created_at: datetime


class AccountWithCards(AccountView):
    """An account with its balance and its cards, the newest first."""

    cards: Sequence[CardView]


class AccountFilter(bodies.ResponseBody):
    """Which accounts to list; None leaves a question open."""

    agreement_id: UUID | None
    recipient_id: UUID | None
    kind: AccountKind | None
    status: AccountStatus | None
    provider_code: str | None
