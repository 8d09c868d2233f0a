"""The council's words: enumerations that more than one room uses, in the terms of the Act, the Plan and the feeds."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Service(StrEnum):
    """The three services; each has one database role and writes its own tables."""

    DP_API = "dp_api"
    CARD_INGEST = "card_ingest"
    CLAWBACK = "clawback"


class RecipientKind(StrEnum):
    """An adult with needs for care and support, or a carer with needs for support (Care Act 2014, ss. 18 and 20)."""

    ADULT = "adult"
    CARER = "carer"


class PrimarySupportReason(StrEnum):
    """Why support is needed, as the national client level data collection names it."""

    PHYSICAL_ACCESS_AND_MOBILITY = "physical_access_and_mobility"
    PHYSICAL_PERSONAL_CARE = "physical_personal_care"
    SENSORY_VISUAL = "sensory_visual"
    SENSORY_HEARING = "sensory_hearing"
    SENSORY_DUAL = "sensory_dual"
    MEMORY_AND_COGNITION = "memory_and_cognition"
    LEARNING_DISABILITY = "learning_disability"
    MENTAL_HEALTH = "mental_health"
    SOCIAL_SUBSTANCE_MISUSE = "social_substance_misuse"
    SOCIAL_ASYLUM_SEEKER = "social_asylum_seeker"
    SOCIAL_ISOLATION_OR_OTHER = "social_isolation_or_other"
    SUPPORT_TO_CARER = "support_to_carer"


class CareGroup(StrEnum):
    """The budget headings of the council's published tables (Direct Payments Development Plan 2018-2023, s.7)."""

    OLDER_PEOPLE = "older_people"
    LEARNING_DISABILITIES = "learning_disabilities"
    PHYSICAL_DISABILITIES = "physical_disabilities"
    MENTAL_HEALTH = "mental_health"
    CARERS = "carers"


class Ethnicity(StrEnum):
    """The groups of the council's published table (Direct Payments Development Plan 2018-2023, s.13)."""

    ASIAN = "asian"
    BLACK = "black"
    MIXED = "mixed"
    OTHER = "other"
    WHITE = "white"
    NOT_RECORDED = "not_recorded"


class AdministeredBy(StrEnum):
    """Who runs the direct payment day to day (Direct Payments Development Plan 2018-2023, s.1)."""

    ALONE = "alone"
    FAMILY = "family"
    REPRESENTATIVE = "representative"
    SOMEONE_ELSE = "someone_else"


class HomeCareZone(StrEnum):
    """The fourteen home-care zones by which the council buys managed home care."""

    COALVILLE_AND_ASHBY = "coalville_and_ashby"
    CHARNWOOD_NORTH = "charnwood_north"
    CHARNWOOD_SOUTH = "charnwood_south"
    WEST_LEICESTER = "west_leicester"
    OADBY_AND_WIGSTON = "oadby_and_wigston"
    HINCKLEY = "hinckley"
    MELTON = "melton"
    SOUTH_LEICESTERSHIRE = "south_leicestershire"
    MARKET_HARBOROUGH = "market_harborough"
    CASTLE_DONINGTON = "castle_donington"
    LUTTERWORTH = "lutterworth"
    BOTTESFORD = "bottesford"
    WEST_LEICESTERSHIRE_RURAL = "west_leicestershire_rural"
    HARBOROUGH_RURAL = "harborough_rural"


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


class EngagementRelationship(StrEnum):
    """What a personal assistant is to the person who employs them (SI 2014/2871, reg. 3, turns on it)."""

    NONE = "none"
    SPOUSE_OR_PARTNER = "spouse_or_partner"
    CLOSE_RELATIVE = "close_relative"
    OTHER_RELATIVE = "other_relative"
    FRIEND_OR_NEIGHBOUR = "friend_or_neighbour"


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


class RowOutcome(StrEnum):
    """The one place in which a delivered row ends."""

    POSTED = "posted"
    ALREADY_POSTED = "already_posted"
    HELD = "held"
    NO_MONEY = "no_money"
    QUARANTINED = "quarantined"


class QuarantineStatus(StrEnum):
    """Whether a quarantined row still waits for its cause to be mended."""

    WAITING = "waiting"
    RELEASED = "released"


class DeliveryDoor(StrEnum):
    """How a delivery came in."""

    SIGNED_PUSH = "signed_push"
    STAFF_UPLOAD = "staff_upload"
    COMMAND_LINE = "command_line"
    WATCHED_FOLDER = "watched_folder"
    POLLING = "polling"


class DeliveryStatus(StrEnum):
    """How far the posting of a stored delivery has come."""

    STORED = "stored"
    POSTING = "posting"
    POSTED = "posted"


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


class CaseStatus(StrEnum):
    """Where a clawback case stands; nothing moves money before people have checked support and decided."""

    AWAITING_SUPPORT_CHECK = "awaiting_support_check"
    WITHDRAWN = "withdrawn"


class CaseGround(StrEnum):
    """Why a case was opened."""

    SURPLUS = "surplus"


class RunTrigger(StrEnum):
    """What set a clawback run off; only a scheduled run claims its day."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"


class AuditBook(StrEnum):
    """The two sealed books: what was done, and who was shown whom."""

    ACTS = "acts"
    READS = "reads"
