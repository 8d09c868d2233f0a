"""How a kind of alert is found and raised: one question in SQL, one statement around it, told once for each key.

A question answers with `key`, `account_id`, `transaction_id`, `concerns_on` and `facts`. It gets $1 and $2, the days
between which its policy holds (the second not included), and then its own arguments. A key is about the thing (an
account and the provider's transaction id, or an account and a month), never about a batch or our own row numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from services.card_ingest.alerts.terms import Terms
from services.shared import driver
from services.shared.vocabulary.alerts import AlertKind, AlertRoute

_RAISE: Final = """
INSERT INTO alert (id, key, kind, route, policy_id, account_id, transaction_id, concerns_on, facts, raised_at, status,
    version)
SELECT gen_random_uuid(), found.key, '{kind}', ${route}, ${policy}, found.account_id, found.transaction_id,
    found.concerns_on, found.facts, ${now}, 'open', 1
FROM ({question}) AS found
ORDER BY found.key
ON CONFLICT (key) DO NOTHING
RETURNING key
"""

PAYEE: Final = "coalesce({row}.payee, nullif(upper(btrim({row}.merchant_name)), ''))"
"""Who was paid: the cleaned name, or the name as it came where the row has posted without one."""

SPENT_ON: Final = "least({row}.booked_on, ({row}.occurred_at AT TIME ZONE 'Europe/London')::date)"
"""The day on which somebody paid: a purchase is booked a day or more after it was made."""

CATEGORY: Final = """coalesce((
    SELECT changed.category FROM categorisation AS changed WHERE changed.transaction_id = {row}.id
    ORDER BY changed.id DESC LIMIT 1), {row}.category)"""
"""The category that counts now: what a person gave it last, else what it posted under."""

TRANSFERS: Final = ("faster_payment_out", "bacs_out", "standing_order")
SPENDING: Final = (
    *("purchase_pos", "purchase_ecom", "direct_debit", *TRANSFERS),
    *("atm_withdrawal", "cashback", "quasi_cash"),
)
"""Types by which the holder pays; charges of the card, recoveries and corrections are none of their doing."""


class Policy(NamedTuple):
    """One version of a kind's policy, and the days on which it holds: from the first to before the second."""

    id: int
    kind: AlertKind
    route: AlertRoute
    terms: Terms
    first_day: date
    before_day: date


@dataclass(frozen=True, slots=True)
class Finder:
    """A kind, its question, and the arguments that the policy's terms make for the question (from $3 on)."""

    kind: AlertKind
    question: str
    arguments: Callable[[Any], Sequence[object]]

    async def raise_found(
        self, connection: driver.Connection, policy: Policy, *others: object, now: datetime
    ) -> list[str]:
        """Raise what is found and has not been told yet; return the keys. `others` go after the terms' arguments."""
        arguments = [policy.first_day, policy.before_day, *self.arguments(policy.terms), *others]
        last = len(arguments)
        statement = _RAISE.format(
            kind=self.kind.value, question=self.question, route=last + 1, policy=last + 2, now=last + 3
        )
        raised = await connection.fetch(statement, *arguments, policy.route.value, policy.id, now)
        return [row["key"] for row in raised]


def in_words(values: Sequence[str]) -> str:
    """Return constants of ours as a list in SQL."""
    return ", ".join(f"'{value}'" for value in values)
