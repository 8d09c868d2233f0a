"""Why a row did not post as new: stable codes, with the sentence and the remedy that go with each.

A sentence may name a field of the layout, never what stood in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Reason(StrEnum):
    """Why a row waits in quarantine."""

    UNKNOWN_CARD = "unknown_card"
    UNKNOWN_ACCOUNT = "unknown_account"
    ACCOUNT_CLOSED = "account_closed"
    CARD_OF_ANOTHER_ACCOUNT = "card_of_another_account"
    SAME_ID_OTHER_CONTENT = "same_id_other_content"
    REVERSES_POSTED = "reverses_posted_transaction"
    REVERSES_UNKNOWN = "reverses_unknown_transaction"
    REVERSED_BEFORE = "reversed_before_it_posted"
    CARD_NUMBER_IN_ROW = "card_number_in_row"
    CARD_NUMBER_AS_ACCOUNT = "card_number_as_account"
    BROKEN_JSON_LINE = "broken_json_line"
    UNREADABLE_ROW = "unreadable_row"
    CUT_OFF = "cut_off"
    DUPLICATE_KEY = "duplicate_key"
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_WORD = "unknown_word"
    WRONG_TYPE = "wrong_type"
    WRONG_LENGTH = "wrong_length"
    AMOUNT_MISSING = "amount_missing"
    AMOUNT_STATED_TWICE = "amount_stated_twice"
    AMOUNT_NOT_WHOLE_PENCE = "amount_not_whole_pence"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    AMOUNT_IS_ZERO = "amount_is_zero"
    AMOUNT_IS_NEGATIVE = "amount_is_negative"
    NOT_A_NUMBER = "not_a_number"
    CURRENCY_NOT_GBP = "currency_not_gbp"
    CURRENCY_COLUMN_UNREAD = "currency_column_unread"
    BAD_DATE = "bad_date"
    FUTURE_DATE = "future_date"
    BAD_MCC = "bad_mcc"
    DIRECTION_CONTRADICTS_TYPE = "direction_contradicts_type"
    ID_IN_EXPONENT_FORM = "id_in_exponent_form"
    COMPLETE_DAY_CHANGED = "complete_day_changed"
    EQUAL_TO_EARLIER_ROW = "equal_to_earlier_row"
    TOTALS_LINE = "totals_line"
    TOLD_BY_ANOTHER = "told_by_another_message"
    MAY_BE_TOLD_TWICE = "may_be_told_twice"
    TOLD_IN_PART = "told_in_part"


class Note(StrEnum):
    """What is to be said of a row that ended well without posting money."""

    HOLD_RELEASED = "hold_released"
    HOLD_ALREADY_CLOSED = "hold_already_closed"
    RELEASE_BEFORE_HOLD = "release_before_hold"
    PARTIAL_RELEASE = "partial_release"
    CARD_CHECK = "card_check"
    DECLINED = "declined"
    DECIDED_BEFORE = "decided_before"
    NOT_BOOKED = "not_booked"
    TELLS_NO_MONEY = "tells_no_money"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The sentence for a person, and what mends the cause. `{field}` stands for the layout's own field name."""

    message: str
    remedy: str


_SEND_AGAIN: Final = "Ask the provider for a corrected row under a new transaction id."
_SEND_THE_ROW: Final = "Ask the provider to send the row again as its layout says."

EXPLANATIONS: Final[Mapping[Reason | Note, Explanation]] = MappingProxyType(
    {
        Reason.UNKNOWN_CARD: Explanation(
            "no card of this provider is registered under this reference",
            "Add the card to its account: the row then posts by itself.",
        ),
        Reason.UNKNOWN_ACCOUNT: Explanation(
            "no account of this provider is open under this reference",
            "Open the account under this reference: the row then posts by itself.",
        ),
        Reason.ACCOUNT_CLOSED: Explanation(
            "the row is booked after the day on which the account was closed",
            "Ask the provider why a closed account was used; money owed is settled outside the account.",
        ),
        Reason.CARD_OF_ANOTHER_ACCOUNT: Explanation(
            "the row names a card and an account that do not belong together", _SEND_AGAIN
        ),
        Reason.SAME_ID_OTHER_CONTENT: Explanation(
            "this transaction id has come before with other content; the first stands and both are kept", _SEND_AGAIN
        ),
        Reason.REVERSES_POSTED: Explanation(
            "the row takes back a transaction that has posted",
            "Ask the provider for a posted row of type reversal: posted money is only moved by posted money.",
        ),
        Reason.REVERSES_UNKNOWN: Explanation(
            "the row takes back a transaction that has not come yet",
            "Wait for the transaction, or ask the provider for it: the row then posts by itself.",
        ),
        Reason.REVERSED_BEFORE: Explanation(
            "the provider has taken this transaction back before it came",
            "Ask the provider whether the money moved: two people decide whether the row posts.",
        ),
        Reason.CARD_NUMBER_IN_ROW: Explanation(
            "the row holds what looks like a full card number; its digits were destroyed, and the rest of it is kept",
            "Ask the provider to send a token or the last four digits instead: two people decide whether it posts.",
        ),
        Reason.CARD_NUMBER_AS_ACCOUNT: Explanation(
            "the row names its account or card by what looks like a full card number, whose digits were destroyed",
            "Ask the provider to name accounts and cards by a token, and for the row again under a new transaction id.",
        ),
        Reason.BROKEN_JSON_LINE: Explanation("the line is not JSON", _SEND_THE_ROW),
        Reason.UNREADABLE_ROW: Explanation(
            "the row cannot be read: it is cut off, has other columns than its heading or bytes outside its encoding",
            _SEND_THE_ROW,
        ),
        Reason.CUT_OFF: Explanation(
            "the delivery ends in the middle of this row, so rows after it may be missing too",
            "Ask the provider to send the whole file again: what has posted will not post twice.",
        ),
        Reason.DUPLICATE_KEY: Explanation("the row names a key twice", _SEND_THE_ROW),
        Reason.MISSING_FIELD: Explanation("{field} is missing", _SEND_THE_ROW),
        Reason.UNKNOWN_FIELD: Explanation("the row has a field that the layout does not know", _SEND_THE_ROW),
        Reason.UNKNOWN_WORD: Explanation("{field} holds a word that the layout does not know", _SEND_THE_ROW),
        Reason.WRONG_TYPE: Explanation("{field} is of the wrong type", _SEND_THE_ROW),
        Reason.WRONG_LENGTH: Explanation("{field} is empty or too long", _SEND_THE_ROW),
        Reason.AMOUNT_MISSING: Explanation("the amount is missing", _SEND_THE_ROW),
        Reason.AMOUNT_STATED_TWICE: Explanation(
            "the row states its amount twice: as amount and amount_pence, or as a debit and a credit", _SEND_THE_ROW
        ),
        Reason.AMOUNT_NOT_WHOLE_PENCE: Explanation("the amount is not in whole pence", _SEND_THE_ROW),
        Reason.AMOUNT_OUT_OF_RANGE: Explanation("the amount is beyond ten thousand million pounds", _SEND_THE_ROW),
        Reason.AMOUNT_IS_ZERO: Explanation("a posted row must move money, and this one states nil", _SEND_AGAIN),
        Reason.AMOUNT_IS_NEGATIVE: Explanation(
            "the amount is negative; the type of the row says which way the money goes", _SEND_THE_ROW
        ),
        Reason.NOT_A_NUMBER: Explanation("the amount is not a number", _SEND_THE_ROW),
        Reason.CURRENCY_NOT_GBP: Explanation(
            "the amount is not in pounds sterling", "Ask the provider for the amount billed to the account, in GBP."
        ),
        Reason.CURRENCY_COLUMN_UNREAD: Explanation(
            "the layout does not read {field}, in which the row names another currency than pounds sterling",
            "Name the column in a new version of the layout, as the amount's currency or as the till's; or two people "
            "decide whether the amount is in pounds.",
        ),
        Reason.BAD_DATE: Explanation("{field} is not a date or time that exists", _SEND_THE_ROW),
        Reason.FUTURE_DATE: Explanation("{field} lies after the day on which the row came", _SEND_THE_ROW),
        Reason.BAD_MCC: Explanation("the merchant category code does not have four digits", _SEND_THE_ROW),
        Reason.DIRECTION_CONTRADICTS_TYPE: Explanation(
            "the stated direction is not the one that the row's type has", _SEND_THE_ROW
        ),
        Reason.ID_IN_EXPONENT_FORM: Explanation(
            "{field} is a number that a spreadsheet has rounded (such as 4.9E+15), so that its last digits are lost",
            "Ask the provider for the file as it was before a spreadsheet opened it, or with this column as text.",
        ),
        Reason.COMPLETE_DAY_CHANGED: Explanation(
            "an earlier file held this day of the account whole, and this file says otherwise about it",
            "Compare the day with what is posted: two people replace it whole, or decide about its rows one by one.",
        ),
        Reason.EQUAL_TO_EARLIER_ROW: Explanation(
            "an earlier file held an equal row, and this layout has no ids to tell a repeat from a second purchase",
            "Ask the provider whether it is the same: two people decide whether it posts.",
        ),
        Reason.TOTALS_LINE: Explanation(
            "the row states the sum of the rows above and lacks a date, account or id, or calls itself a total",
            "Compare it with what the file came to: two people end it as no money.",
        ),
        Reason.TOLD_BY_ANOTHER: Explanation(
            "another message has told of this payment, which has posted once",
            "If these are two payments all the same, two people post this one too.",
        ),
        Reason.MAY_BE_TOLD_TWICE: Explanation(
            "another message has told of an equal payment, and nothing says whether it is this one",
            "Ask the bank whether it is the same: two people decide whether it posts.",
        ),
        Reason.TOLD_IN_PART: Explanation(
            "another message has told of this booking with another amount, in parts or as a sum",
            "Compare the two: two people end it once all of it has posted, or post it.",
        ),
        Note.HOLD_RELEASED: Explanation("the authorisation it names was released", ""),
        Note.HOLD_ALREADY_CLOSED: Explanation("the authorisation had been settled or released before", ""),
        Note.RELEASE_BEFORE_HOLD: Explanation(
            "the release came before its authorisation, and counts once that comes", ""
        ),
        Note.PARTIAL_RELEASE: Explanation("a part of the authorisation was released; the rest of it is still held", ""),
        Note.CARD_CHECK: Explanation("the provider asked whether the card is good; no money was held", ""),
        Note.DECIDED_BEFORE: Explanation("two people have decided about this very version of the transaction", ""),
        Note.NOT_BOOKED: Explanation("the bank has not booked it yet; it posts once a statement has it as booked", ""),
        Note.TELLS_NO_MONEY: Explanation("the event tells of something else than money that moved or is held", ""),
        Note.DECLINED: Explanation("the provider declined the attempt; it is kept for safeguarding", ""),
    }
)
"""Every code, with its sentence and its remedy; a note needs none."""


def detail(code: Reason | Note, *, field: str = "a field") -> str:
    """Return the sentence of a code, naming the field that it is about."""
    return EXPLANATIONS[code].message.format(field=field)


def remedy(code: str) -> str:
    """Return what mends the cause of a quarantined row."""
    return EXPLANATIONS[Reason(code)].remedy
