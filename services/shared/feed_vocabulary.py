"""The words of feeds beyond the first ones: how providers sign, what people decide about rows, findings and alerts."""

from enum import StrEnum


class SignatureScheme(StrEnum):
    """How a provider signs what it pushes."""

    STANDARD_WEBHOOKS = "standard_webhooks"
    STRIPE = "stripe"
    RSA_NONCE = "rsa_nonce"


class FeedKeyKind(StrEnum):
    """What a provider's key is: a shared secret, a public key, or the certificate with which it calls."""

    STANDARD_WEBHOOKS = "standard_webhooks"
    ED25519 = "ed25519"
    STRIPE = "stripe"
    RSA = "rsa"
    CLIENT_CERTIFICATE = "client_certificate"


class Resolution(StrEnum):
    """What two people can make of a quarantined row that no registration releases.

    `post` takes the row for good; `already_posted` says that it is one that has posted; `no_money` that it never moved
    any; `replace` takes back what posted under its id and posts this row instead.
    """

    POST = "post"
    ALREADY_POSTED = "already_posted"
    NO_MONEY = "no_money"
    REPLACE = "replace"


class ProposalStatus(StrEnum):
    """Whether the second person has answered the first."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class FindingKind(StrEnum):
    """What the books and a provider disagree about, or what of a feed is missing."""

    BALANCE_DIFFERS = "balance_differs"
    STATEMENT_DOES_NOT_ADD_UP = "statement_does_not_add_up"
    SEQUENCE_GAP = "sequence_gap"
    FEED_IS_LATE = "feed_is_late"
    COMPLETE_DAY_CHANGED = "complete_day_changed"


class FindingStatus(StrEnum):
    """Whether a finding still stands."""

    OPEN = "open"
    CLOSED = "closed"


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


class AlertRoute(StrEnum):
    """Who looks first."""

    CARE_PATHWAY = "care_pathway"
    FINANCE = "finance"


class AlertStatus(StrEnum):
    """Whether somebody still has to look."""

    OPEN = "open"
    CLOSED = "closed"
