"""The form of a profile for bank statements. Camt.053, camt.054 and MT940 have fixed layouts, so it says only what
banks leave open: which reference is an id, how the account is named, and what the bank's own codes mean.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from services.shared.vocabulary.money import SIGN, TransactionType


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class StatementIdentity(_Part, frozen=True):
    """The references that make a row the same row wherever it comes again, the first that is there counts.

    A row with none of them is known by its content, and how many equal rows stand before it in the file: real repeats
    survive, and a statement that is issued again, under whatever number, posts nothing twice. `covers` says what such
    rows are of their account: all of a day, so that another file which says otherwise about the day is held for a
    person; or some more of it, so that a row equal to one of an earlier file is.
    """

    references: tuple[str, ...] = ()
    covers: Literal["complete_days", "increments"] = "complete_days"


class StatementAccount(_Part, frozen=True):
    """How a statement names its account: the first of these that is there.

    `kept_as = "token"` makes a UUID of it, always the same one, since no sort code with account number may be kept;
    `as_written` is for references that are no account numbers.
    """

    named_by: tuple[Literal["iban", "other"], ...] = ("iban", "other")
    kept_as: Literal["token", "as_written"] = "token"


class StatementTypes(_Part, frozen=True):
    """The transaction type: by the beginning of the bank's code, the longest counts, if its money goes the stated way;
    else by that way alone.
    """

    money_out: TransactionType
    money_in: TransactionType
    reversed_out: TransactionType = TransactionType.ADJUSTMENT
    reversed_in: TransactionType = TransactionType.REVERSAL
    words: Mapping[str, TransactionType] = {}

    def __post_init__(self) -> None:
        ways = ((self.money_out, -1), (self.money_in, 1), (self.reversed_out, -1), (self.reversed_in, 1))
        if any(SIGN.get(kind, sign) != sign for kind, sign in ways):
            raise ValueError("a type of money that comes in is given for money that goes out, or the other way round")


class _StatementProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", kw_only=True):
    name: str
    version: int
    title: str
    identity: StatementIdentity = StatementIdentity()
    account: StatementAccount = StatementAccount()
    type: StatementTypes


class Camt053Profile(_StatementProfile, frozen=True, tag="camt053"):
    """Bank-to-customer statements of ISO 20022 (camt.053)."""


class Camt054Profile(_StatementProfile, frozen=True, tag="camt054"):
    """Debit and credit notifications of ISO 20022 (camt.054): entries without balances."""


class Mt940Profile(_StatementProfile, frozen=True, tag="mt940"):
    """Customer statements of SWIFT (MT940)."""


StatementProfile: TypeAlias = Camt053Profile | Camt054Profile | Mt940Profile
