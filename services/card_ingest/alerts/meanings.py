"""Each kind of alert in plain words, for whoever is asked to look."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.shared.vocabulary.alerts import AlertKind

MEANINGS: Final[Mapping[AlertKind, str]] = MappingProxyType(
    {
        AlertKind.CASH_WITHOUT_PERMISSION: "cash was taken, and the agreement does not permit cash",
        AlertKind.QUERIED_MERCHANT: "money went, or was tried to go, to a kind of seller that the council asks about",
        AlertKind.REPEATED_DECLINES: "the card was declined many times in few days",
        AlertKind.BOUNCED_DIRECT_DEBIT: "a direct debit came back: care, insurance or tax may not have been paid",
        AlertKind.CARE_PAYMENTS_STOPPED: "care was paid regularly and no longer is, while money is there",
        AlertKind.SPEND_AFTER_END: "money left the account after the agreement ended or the account was closed",
        AlertKind.SPEND_AFTER_DEATH: "money left the account after the person's death",
        AlertKind.SAME_PAYEE_ACROSS_PEOPLE: "several people pay one payee from whom that is not expected",
        AlertKind.NEW_PAYEE_OVER_LIMIT: "the first transfer to a payee is a large one",
        AlertKind.NEGATIVE_BALANCE: "the account was overdrawn at the end of a day",
        AlertKind.DUPLICATE_CHARGE: "the same sum went to the same payee twice within hours",
        AlertKind.DISPUTED_TRANSACTION: "the provider has sent two versions of one transaction",
        AlertKind.BOOKED_BEFORE_OPENING: "money moved on the account before the day on which it was opened",
    }
)
"""Question, not answer: what was seen, never what it means about anybody."""
