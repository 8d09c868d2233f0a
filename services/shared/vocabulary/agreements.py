"""The words of agreements and of the accounts that hold their money."""

from enum import StrEnum


class AgreementKind(StrEnum):
    """The four direct payment agreements (Direct Payments Development Plan 2018-2023, s.2): who signs and answers for
    the money.
    """

    SERVICE_USER = "service_user"
    CARER = "carer"
    NOMINATED_PERSON = "nominated_person"
    AUTHORISED_PERSON = "authorised_person"


class LegalBasis(StrEnum):
    """The power to pay: Care Act 2014 ss. 31 and 32, Children Act 1989 s.17A, Mental Health Act 1983 s.117."""

    S31 = "s31"
    S32 = "s32"
    S17A = "s17a"
    S117 = "s117"


class PaymentSchedule(StrEnum):
    """How often money is loaded, always in advance; amounts are stored per week (Plan, s.8 and Appendix B)."""

    FOUR_WEEKLY = "four_weekly"
    MONTHLY = "monthly"
    ONE_OFF = "one_off"


class AgreementStatus(StrEnum):
    """Where an agreement stands; moves are in `lifecycles`."""

    DRAFT = "draft"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


class AccountKind(StrEnum):
    """Where the money is held. A trial account proves a feed's layout: no payment, report or clawback touches it."""

    PREPAID_CARD = "prepaid_card"
    BANK_ACCOUNT = "bank_account"
    MONEY_MANAGER_ACCOUNT = "money_manager_account"
    TRIAL = "trial"


class AccountStatus(StrEnum):
    """Whether an account takes transactions."""

    OPEN = "open"
    CLOSED = "closed"
