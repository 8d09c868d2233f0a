"""The terms of each kind of alert: the figures and lists that its policy sets. Amounts are whole pence."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.shared.vocabulary.alerts import AlertKind
from services.shared.vocabulary.money import SpendCategory

Pence = Annotated[int, Field(ge=1, le=10_000_000_000)]
Days = Annotated[int, Field(ge=1, le=366)]
DaysOrNone = Annotated[int, Field(ge=0, le=366)]
Times = Annotated[int, Field(ge=2, le=1_000)]
Mcc = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]


class Terms(BaseModel):
    """What every kind's terms share: they are frozen, strict, and name no field that the kind does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class LeastTerms(Terms):
    """Movements of this size and more; for cash without permission, and for bounced direct debits."""

    least_pence: Pence


class QueriedMerchantTerms(LeastTerms):
    """Purchases of this size and more at sellers of these kinds, declined attempts too where the policy says so."""

    mccs: Annotated[tuple[Mcc, ...], Field(min_length=1, max_length=500)]
    with_declined: bool


class RepeatedDeclinesTerms(Terms):
    """So many declined attempts on one account within so many days."""

    declines: Times
    days: Days


class CarePaymentsStoppedTerms(Terms):
    """Care was paid on so many days of the `look_back_days`, and on none of the last `silent_days`, while this much
    money is there.
    """

    categories: Annotated[tuple[SpendCategory, ...], Field(min_length=1)]
    paid_days: Times
    look_back_days: Days
    silent_days: Days
    least_balance_pence: Pence


class SpendAfterTerms(LeastTerms):
    """Spending of this size and more that is booked more than so many days after the end, or the death."""

    grace_days: DaysOrNone


class SamePayeeTerms(Terms):
    """So many people paid the same payee by transfer within so many days; payments in these categories are expected."""

    people: Times
    days: Days
    expected_categories: tuple[SpendCategory, ...]


class NewPayeeTerms(Terms):
    """A first transfer to a payee above this sum, on an account that has been open for more than `settling_days`;
    payments in these categories are expected. Payments older than `look_back_days` are no longer asked about.
    """

    over_pence: Pence
    settling_days: DaysOrNone
    look_back_days: Days
    expected_categories: tuple[SpendCategory, ...]


class NegativeBalanceTerms(Terms):
    """A posted balance that is below nought by more than this at the end of a day of the last `look_back_days`."""

    over_pence: Annotated[int, Field(ge=0, le=10_000_000_000)]
    look_back_days: Days


class DuplicateChargeTerms(LeastTerms):
    """Two charges of one size, this or more, to one payee within so many hours."""

    hours: Annotated[int, Field(ge=1, le=744)]


class NoTerms(Terms):
    """A kind that has no figures: it is raised whenever the thing is there."""


BY_KIND: Final[Mapping[AlertKind, type[Terms]]] = MappingProxyType(
    {
        AlertKind.CASH_WITHOUT_PERMISSION: LeastTerms,
        AlertKind.QUERIED_MERCHANT: QueriedMerchantTerms,
        AlertKind.REPEATED_DECLINES: RepeatedDeclinesTerms,
        AlertKind.BOUNCED_DIRECT_DEBIT: LeastTerms,
        AlertKind.CARE_PAYMENTS_STOPPED: CarePaymentsStoppedTerms,
        AlertKind.SPEND_AFTER_END: SpendAfterTerms,
        AlertKind.SPEND_AFTER_DEATH: SpendAfterTerms,
        AlertKind.SAME_PAYEE_ACROSS_PEOPLE: SamePayeeTerms,
        AlertKind.NEW_PAYEE_OVER_LIMIT: NewPayeeTerms,
        AlertKind.NEGATIVE_BALANCE: NegativeBalanceTerms,
        AlertKind.DUPLICATE_CHARGE: DuplicateChargeTerms,
        AlertKind.DISPUTED_TRANSACTION: NoTerms,
        AlertKind.BOOKED_BEFORE_OPENING: NoTerms,
    }
)


def read(kind: AlertKind, text: str | bytes) -> Terms:
    """Return a kind's terms from JSON. Raises pydantic's ValidationError where they are not the kind's own."""
    return BY_KIND[kind].model_validate_json(text)


def plain(terms: Terms) -> dict[str, Any]:
    """Return the terms in JSON's own types."""
    return terms.model_dump(mode="json")
