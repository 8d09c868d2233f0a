"""Posted transactions, out, as far as the caller is shown them."""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from pydantic import Field

from services.shared.identity.shown import FieldSet
from services.shared.values import bodies
from services.shared.vocabulary.money import SpendCategory


class TransactionForAudit(bodies.ResponseBody):
    """A posted transaction without the merchant's name; `amount_pence` is its effect on the balance."""

    provider_transaction_id: str
    type: str
    amount_pence: int
    merchant_pence: int | None = Field(description="In the merchant's currency, in its minor unit.")
    merchant_currency: str | None
    occurred_at: datetime
    booked_on: date
    category: str = Field(description="As it counts now: what a person gave it last, else what it posted under.")
    posted_category: str
    is_recategorised: bool
    category_rule_id: int | None = Field(description="The rule that gave it `posted_category`; null where none did.")
    mcc: str | None
    is_disputed: bool = Field(description="Another version of it has come, and waits for two people to choose.")


class TransactionView(TransactionForAudit):
    """A posted transaction; `amount_pence` is its effect on the balance, a purchase is negative."""

    merchant_name: str | None
    merchant_category: str | None
    reference: str | None
    reverses_transaction_id: str | None


AnyTransaction: TypeAlias = TransactionView | TransactionForAudit

TRANSACTION_VIEWS: Final[Mapping[FieldSet, type[AnyTransaction]]] = MappingProxyType(
    {
        FieldSet.CARE: TransactionView,
        FieldSet.FINANCE: TransactionView,
        FieldSet.AUDIT: TransactionForAudit,
    }
)
"""Where a person shops is shown to those who help them and those who pay; auditors see merchant category codes."""


class TransactionFilter(bodies.ResponseBody):
    """Which transactions of an account to list, by booked day (both ends included) and category."""

    first_day: date | None
    last_day: date | None
    category: SpendCategory | None
