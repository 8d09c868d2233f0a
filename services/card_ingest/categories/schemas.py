"""Categories, their rules and what people change, in and out. Amounts are whole pence as they moved the balance."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from services.shared.values import fields
from services.shared.values.bodies import RequestBody, ResponseBody
from services.shared.vocabulary.money import SpendCategory, SpendHeading, TransactionType

MOST_AT_ONCE: Final = 1_000

Mcc = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
TransactionId = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class RegisteredPayee(StrEnum):
    """Payees whom the council has registered for an account's person; their names stand in no rule."""

    PERSONAL_ASSISTANT = "personal_assistant"
    MONEY_MANAGER = "money_manager"


class RuleKind(StrEnum):
    """What a rule goes by; in this order rules are asked."""

    PAYEE = "payee"
    MERCHANT = "merchant"
    MCC = "mcc"
    TYPE = "type"


class Category(ResponseBody):
    """What money can be spent on, and the heading of the council's published plan it is reported under."""

    code: SpendCategory
    heading: SpendHeading
    description: str


class RuleToTry(RequestBody):
    """A rule: one of `mcc`, `type`, `merchant`, `payee` and `registered`, and the category it gives.

    A merchant's words are looked for in cleaned names, one after the other; a payee is the whole name of whoever a
    transfer goes to, for one account where `account_id` is given.
    """

    mcc: Mcc | None = None
    type: TransactionType | None = None
    merchant: fields.Line | None = None
    payee: fields.Line | None = None
    registered: RegisteredPayee | None = None
    account_id: UUID | None = None
    category: SpendCategory


class NewRule(RuleToTry):
    """A rule from today or a later day on, with the reason for it; it holds until a later one with the same key."""

    effective_from: fields.Day | None = Field(default=None, description="Today when left out; never a day gone by.")
    reason: fields.Reason


class BacktestOfRule(RequestBody):
    """A rule to try on what has posted from a booked day to a booked day, both included."""

    rule: RuleToTry
    first_day: fields.Day
    last_day: fields.Day


class CategoryRule(ResponseBody):
    """A rule as it stands: who made it, from which day it holds, and why."""

    id: int
    kind: RuleKind
    mcc: str | None
    unknown_code: bool = Field(description="The code is on no list of ISO 18245 or of a card scheme.")
    type: TransactionType | None
    merchant: str | None = Field(description="The words that are looked for in cleaned names.")
    payee: str | None = Field(description="The whole name; hidden from auditors, since it may be a person's.")
    registered: RegisteredPayee | None
    account_id: UUID | None
    category: SpendCategory
    effective_from: date
    made_by: str
    reason: str | None = Field(description="Hidden from auditors where the rule is about one account's payee.")


class RuleFilter(ResponseBody):
    """Which rules to list; None leaves a question open."""

    rule_id: int | None
    kind: RuleKind | None
    mcc: str | None
    category: SpendCategory | None
    on: date | None


class Move(ResponseBody):
    """What the rule would move from one category to another, of one Europe/London month of booking."""

    month: str
    from_category: SpendCategory
    to_category: SpendCategory
    rows: int
    pence: int


class SampleMerchant(ResponseBody):
    """A merchant whose transactions would move; payees of transfers are never among the samples."""

    merchant: str
    mcc: str | None
    rows: int
    pence: int


class Backtest(ResponseBody):
    """What a rule would move of what has posted, if it were in force among the rules of today. Nothing is changed."""

    merchant: str | None = Field(description="The rule's words as they would be looked for.")
    unknown_code: bool
    first_day: date
    last_day: date
    rows: int
    pence: int
    kept_by_people: int = Field(description="Transactions that a person has categorised: no rule moves those.")
    moves: Sequence[Move]
    merchants: Sequence[SampleMerchant] = Field(description="The twenty with the most transactions.")


class TransactionRef(RequestBody):
    """A transaction, by its provider and the provider's id."""

    provider: fields.Code
    provider_transaction_id: TransactionId


class Matching(RequestBody):
    """The transactions with a payee or merchant, booked from a day to a day, of all accounts or of one."""

    payee: fields.Line
    first_day: fields.Day
    last_day: fields.Day
    account_id: UUID | None = None


class NewCategorisation(RequestBody):
    """A category for posted transactions, either listed or matching, and why. Name nobody in the reason."""

    transactions: Annotated[Sequence[TransactionRef], Field(min_length=1, max_length=MOST_AT_ONCE)] | None = None
    matching: Matching | None = None
    category: SpendCategory
    reason: fields.Reason


class Recategorised(ResponseBody):
    """What one act changed."""

    act_id: UUID
    category: SpendCategory
    transactions: int
    following: int = Field(description="How many of them only go along, since they take back another one of them.")
    unchanged: int = Field(description="Transactions that were in that category already.")
    pence: int
    made_at: datetime


class Categorisation(ResponseBody):
    """A category that a person gave a transaction; `act_id` is shared by what they changed at once."""

    act_id: UUID
    category: SpendCategory
    made_by: str
    made_at: datetime
    reason: str | None = Field(description="Null where the person's key has been destroyed.")
    follows_transaction_id: str | None = Field(
        description="The transaction that this one takes back, and went along with; null where it was meant itself."
    )


class History(ResponseBody):
    """How a transaction came by its category: the rule that decided when it posted, then people, the latest first."""

    provider: str
    provider_transaction_id: str
    category: SpendCategory = Field(description="As it counts now.")
    posted_category: SpendCategory
    rule: CategoryRule | None = Field(description="Null where no rule was in force for it.")
    items: Sequence[Categorisation]
    next_cursor: str | None
