"""One movement of an account, as the county's own plain record: what the feeds say and what a test holds the database
against.
"""

from datetime import date
from typing import NamedTuple

from services.demo.payees import Payee
from services.shared.vocabulary.money import SIGN, EventStatus, TransactionType


class Movement(NamedTuple):
    """An event of an account: `number` counts within the account, `second` within the day (UTC), `pence` is a
    magnitude.

    A settled authorisation bears the authorisation's number; `refers_to` is the number that a refund or reversal
    undoes.
    """

    on: date
    second: int
    number: int
    type: TransactionType
    status: EventStatus
    pence: int
    payee: Payee | None = None
    refers_to: int | None = None

    @property
    def effect_pence(self) -> int:
        """What it does to the posted balance."""
        return SIGN[self.type] * self.pence if self.status is EventStatus.POSTED else 0
