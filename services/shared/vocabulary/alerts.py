"""The words of alerts: what a person should look at, and who looks first."""

from enum import StrEnum


class AlertKind(StrEnum):
    """What a person should look at; never a verdict on anybody."""

    CASH_WITHOUT_PERMISSION = "cash_without_permission"
    QUERIED_MERCHANT = "queried_merchant"
    REPEATED_DECLINES = "repeated_declines"
    BOUNCED_DIRECT_DEBIT = "bounced_direct_debit"
    CARE_PAYMENTS_STOPPED = "care_payments_stopped"
    SPEND_AFTER_END = "spend_after_end"
    SPEND_AFTER_DEATH = "spend_after_death"
    SAME_PAYEE_ACROSS_PEOPLE = "same_payee_across_people"
    NEW_PAYEE_OVER_LIMIT = "new_payee_over_limit"
    NEGATIVE_BALANCE = "negative_balance"
    DUPLICATE_CHARGE = "duplicate_charge"
    DISPUTED_TRANSACTION = "disputed_transaction"
    BOOKED_BEFORE_OPENING = "booked_before_opening"


class AlertRoute(StrEnum):
    """Who looks first."""

    CARE_PATHWAY = "care_pathway"
    FINANCE = "finance"


class AlertStatus(StrEnum):
    """Whether somebody still has to look."""

    OPEN = "open"
    CLOSED = "closed"
