"""The words of feeds: how deliveries come and are signed, where their rows end, what people decide about them."""

from enum import StrEnum


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
