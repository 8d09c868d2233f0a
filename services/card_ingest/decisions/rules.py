"""What may be decided about a waiting row, by the reason for which it waits."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.card_ingest.reasons import Reason
from services.shared.values import staff_numbers
from services.shared.vocabulary.feeds import Resolution, RowOutcome
from services.shared.vocabulary.money import EventStatus

ENDS: Final = frozenset({Resolution.ALREADY_POSTED, Resolution.NO_MONEY})
"""What ends a row without posting it: possible for any."""

_POST: Final = ENDS | {Resolution.POST}

POSSIBLE: Final[Mapping[Reason, frozenset[Resolution]]] = MappingProxyType(
    {
        Reason.SAME_ID_OTHER_CONTENT: _POST | {Resolution.REPLACE},
        Reason.REVERSES_UNKNOWN: _POST,
        Reason.REVERSED_BEFORE: _POST,
        Reason.COMPLETE_DAY_CHANGED: _POST | {Resolution.REPLACE},
        Reason.EQUAL_TO_EARLIER_ROW: _POST,
        Reason.CARD_NUMBER_IN_ROW: _POST,
        Reason.CURRENCY_COLUMN_UNREAD: _POST,
        Reason.MAY_BE_TOLD_TWICE: _POST,
        Reason.TOLD_IN_PART: _POST,
        Reason.TOLD_BY_ANOTHER: frozenset({Resolution.POST}),
    }
)
"""The one table of what people can make of a row. A row of any other reason has no account that takes it, or cannot be
read: once its cause is mended it posts by itself, and until then people can only end it.
"""

UNDER_ITS_OWN_ID: Final = frozenset(
    {
        Reason.REVERSES_UNKNOWN,
        Reason.REVERSED_BEFORE,
        Reason.COMPLETE_DAY_CHANGED,
        Reason.CARD_NUMBER_IN_ROW,
        Reason.CURRENCY_COLUMN_UNREAD,
    }
)
"""Reasons for which a decided row posts under the id it came with: nothing else has posted under that one."""

TOLD: Final = frozenset({Reason.TOLD_BY_ANOTHER, Reason.MAY_BE_TOLD_TWICE, Reason.TOLD_IN_PART})
"""Reasons that another message gave: its row may have posted under the very id that this one came with."""


def is_undone_match(*, code: str, released_as: RowOutcome | None, resolution: Resolution) -> bool:
    """Tell whether a decision undoes that a row tells again of a payment: it posts after all, once.

    Council policy: what the software found to be one payment, two people may find to be two.
    """
    is_matched = code == Reason.TOLD_BY_ANOTHER and released_as is RowOutcome.ALREADY_POSTED
    return is_matched and resolution is Resolution.POST


def possible(*, code: str, status: EventStatus | None) -> frozenset[Resolution]:
    """Return what people can make of a row; `status` is its event's, None where the row could not be read.

    Only an event that moves posted money is ever posted by a decision.

    Council policy: money that no rule can place is placed by two people, and none of it is dropped.
    """
    return POSSIBLE.get(Reason(code), ENDS) if status is EventStatus.POSTED else ENDS


def are_two_people(*, proposed_by: str, confirmed_by: str) -> bool:
    """Tell whether another person confirms than the one who proposed.

    A machine is nobody's second person, and a staff number spelt in another way is no other one.

    Council policy: nobody decides alone about money that has gone astray (separation of duties).
    """
    return staff_numbers.are_two_people(proposed_by, confirmed_by)


def decided_id(*, code: str, transaction_id: str, delivery_number: int, row_number: int) -> str:
    """Return the id under which a decided row posts: its own, or one that says where it came from if that is taken.

    Council policy: each posted transaction has an id of its own, and what posted first keeps it.
    """
    if Reason(code) in UNDER_ITS_OWN_ID:
        return transaction_id
    return beside_id(transaction_id=transaction_id, delivery_number=delivery_number, row_number=row_number)


def beside_id(*, transaction_id: str, delivery_number: int, row_number: int) -> str:
    """Return the id under which a row posts whose own is taken: it says where it came from.

    Council policy: each posted transaction has an id of its own, and what posted first keeps it.
    """
    return f"{transaction_id}@{delivery_number}-{row_number}"


def withdrawn_id(transaction_id: str) -> str:
    """Return the id of the row that takes a replaced transaction back.

    Council policy: posted money is only moved by posted money, and both rows stay to be seen.
    """
    return f"{transaction_id}:withdrawn"


def replaced_id(transaction_id: str) -> str:
    """Return the id of the version that stands in a replaced transaction's place.

    Council policy: posted money is only moved by posted money, and both rows stay to be seen.
    """
    return f"{transaction_id}:replaced"
