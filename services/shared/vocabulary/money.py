"""The words of money as it moves: what a card or bank event is, where it stands, what it was spent on."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class TransactionType(StrEnum):
    """What a card or bank event is, whatever its provider calls it."""

    LOAD = "load"
    CONTRIBUTION_IN = "contribution_in"
    FASTER_PAYMENT_IN = "faster_payment_in"
    PURCHASE_POS = "purchase_pos"
    PURCHASE_ECOM = "purchase_ecom"
    DIRECT_DEBIT = "direct_debit"
    DIRECT_DEBIT_BOUNCE = "direct_debit_bounce"
    STANDING_ORDER = "standing_order"
    FASTER_PAYMENT_OUT = "faster_payment_out"
    BACS_OUT = "bacs_out"
    ATM_WITHDRAWAL = "atm_withdrawal"
    CASHBACK = "cashback"
    QUASI_CASH = "quasi_cash"
    FEE = "fee"
    REFUND = "refund"
    REVERSAL = "reversal"
    CHARGEBACK = "chargeback"
    REPRESENTMENT = "representment"
    UNLOAD = "unload"
    ADJUSTMENT = "adjustment"
    CARD_TRANSFER = "card_transfer"


_IN = (
    *(TransactionType.LOAD, TransactionType.CONTRIBUTION_IN, TransactionType.FASTER_PAYMENT_IN),
    *(TransactionType.REFUND, TransactionType.REVERSAL, TransactionType.CHARGEBACK),
    TransactionType.DIRECT_DEBIT_BOUNCE,
)
_EITHER_WAY = (TransactionType.ADJUSTMENT, TransactionType.CARD_TRANSFER)

SIGN: Final = MappingProxyType({kind: 1 if kind in _IN else -1 for kind in TransactionType if kind not in _EITHER_WAY})
"""Effect of one delivered penny on the balance; a type that is absent goes either way, and its event says which."""


class EventStatus(StrEnum):
    """Where a card event stands: only `posted` moves the balance; `authorised` is a hold."""

    AUTHORISED = "authorised"
    POSTED = "posted"
    REVERSED = "reversed"
    EXPIRED = "expired"
    DECLINED = "declined"


class SpendHeading(StrEnum):
    """The four expenditure headings under which the Plan reports (s.3), and what falls outside them."""

    SOCIAL_CARE_PROVIDERS = "social_care_providers"
    LEISURE = "leisure"
    TOURIST_SITES = "tourist_sites"
    HIGH_STREET_RETAILERS = "high_street_retailers"
    NOT_SPEND = "not_spend"


class SpendCategory(StrEnum):
    """What public money was spent on: the ten answers of the council's survey (Plan, s.11) and the flows a card shows
    beside them.
    """

    PERSONAL_ASSISTANT = "personal_assistant"
    HOME_CARE = "home_care"
    RESPITE = "respite"
    DAY_CARE = "day_care"
    SUPPORTED_LIVING = "supported_living"
    AIDS_AND_ADAPTATIONS = "aids_and_adaptations"
    TRAVEL = "travel"
    DOMESTIC = "domestic"
    INSURANCE = "insurance"
    SOCIAL_ACTIVITIES = "social_activities"
    LEISURE = "leisure"
    TOURISM = "tourism"
    RETAIL_HOUSEHOLD = "retail_household"
    HMRC_TAX = "hmrc_tax"
    PENSION = "pension"
    PAYROLL_OR_SUPPORT_FEE = "payroll_or_support_fee"
    MONEY_MANAGER_FEE = "money_manager_fee"
    CASH = "cash"
    CARD_FEE = "card_fee"
    COUNCIL_LOAD = "council_load"
    CLIENT_CONTRIBUTION = "client_contribution"
    COUNCIL_RECOVERY = "council_recovery"
    REFUND = "refund"
    UNCATEGORISED = "uncategorised"
