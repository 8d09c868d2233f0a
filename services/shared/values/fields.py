"""The kinds of field that request bodies share: a line of text, a longer text, a reason, a code, a day, whole pence."""

import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from services.shared.values import staff_numbers

_WRITTEN_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def day(value: object) -> object:
    """Return the day that a text such as `2026-04-06` names; anything but that form is left for the type to refuse.

    Pydantic alone would read "1577836800" as the second of an epoch. Raises ValueError for 30 February.
    """
    if not isinstance(value, str) or not _WRITTEN_DAY.fullmatch(value):
        return value if isinstance(value, date) else None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("there is no such day") from None


MOST_PENCE: Final = 10_000_000_000
"""A hundred million pounds: more is a slip of the keyboard, and the database's BIGINT is far from full."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*$")]
"""Text on one line, without control characters."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""Text that may run over lines."""

Reason = Annotated[
    str, StringConstraints(min_length=3, max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]
"""Why an act is done, in the words of whoever does it; kept in the audit trail."""

Code = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""A short name that the council gives, such as a team's."""

StaffNumber = Annotated[
    str,
    AfterValidator(staff_numbers.folded),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 40,
            "pattern": staff_numbers.SENT,
            "description": "The council's number of a member of staff; taken as capitals.",
        }
    ),
]
"""A member of staff, by number: taken as capitals, so that one person is one number however it is written."""

LastFour = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
"""The last four digits of a card or account, which is all that is ever kept of its number."""

Pence = Annotated[int, Field(ge=0, le=MOST_PENCE)]
"""An amount in whole pence, not negative."""

Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1)), BeforeValidator(day)]
"""A day, written YYYY-MM-DD."""


def absent() -> Any:
    """Return the default of an amendment's field: never read, since only the fields that were sent count.

    A field declared so may be left out, and an explicit null is still refused where its type has none.
    """
    return None
