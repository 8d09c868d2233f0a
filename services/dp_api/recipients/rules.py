"""What must be true of a recipient's record, and the care group that their money is reported under."""

import re
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Final

from stdnum.gb import nhs

from services.shared import dates
from services.shared.law import figures, sources
from services.shared.law.findings import Finding
from services.shared.vocabulary.people import CareGroup, PrimarySupportReason, RecipientKind

MOST_YEARS: Final = 120
"""Nobody in England has lived longer; an earlier year of birth is a slip of the keyboard."""

AMENDED_AFTER_DEATH: Final = frozenset(
    {"full_name", "known_as", "date_of_birth", "nhs_number", "ethnicity", "team_code", "reason"}
)
"""What may still be put right about somebody who has died: who they were, and which team closes the case."""

_NHS_NUMBER: Final = re.compile(r"[0-9]{10}|[0-9]{3} [0-9]{3} [0-9]{4}", re.ASCII)
_POSTCODE: Final = re.compile(
    r"(GIR|[A-PR-UWYZ]([0-9]{1,2}|[A-HK-Y][0-9]([0-9]|[ABEHMNPRV-Y])?|[0-9][A-HJKPS-UW])) ?([0-9][ABD-HJLNP-UW-Z]{2})",
    re.ASCII,
)


def nhs_number(text: str) -> str:
    """Return the ten digits of an NHS number written with or without its spaces (3-3-4).

    Raises ValueError for anything else, for a wrong check digit (weights 10 to 2 on the first nine digits, modulus 11),
    and for ten noughts, which pass that sum and are nobody's.

    Source: NHS Data Dictionary, attribute NHS NUMBER.
    """
    if not _NHS_NUMBER.fullmatch(text):
        raise ValueError("an NHS number has ten digits, written together or as 3-3-4")
    digits = text.replace(" ", "")
    if not nhs.is_valid(digits) or not digits.strip("0"):
        raise ValueError("the check digit of the NHS number is wrong")
    return digits


def shown_nhs_number(digits: str) -> str:
    """Return an NHS number as people read it, 3-3-4.

    Source: NHS Data Dictionary, attribute NHS NUMBER.
    """
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}"


def postcode(text: str) -> str:
    """Return a United Kingdom postcode in capitals with its one space. Raises ValueError for any other form.

    Source: British Standard BS 7666-2, annex C (the forms a postcode can have).
    """
    found = _POSTCODE.fullmatch(" ".join(text.upper().split()))
    if found is None:
        raise ValueError("not the form of a United Kingdom postcode")
    return f"{found[1]} {found[4]}"


def birth_trouble(*, date_of_birth: date, today: date) -> str | None:
    """Say what cannot be right about a date of birth, or None.

    Council policy: a day of birth lies in the past, and not more than 120 years.
    """
    if date_of_birth > today:
        return "the date of birth lies in the future"
    if dates.age_on(date_of_birth, today) > MOST_YEARS:
        return f"the date of birth lies more than {MOST_YEARS} years back"
    return None


def too_young(*, date_of_birth: date, today: date) -> Finding | None:
    """Find somebody below the age for a direct payment: adults, and disabled young people of 16 and 17 in transition.

    Council policy: Direct Payments Development Plan 2018-2023, Appendix A.
    """
    youngest = figures.YOUNGEST_RECIPIENT_YEARS.on(today)
    if dates.age_on(date_of_birth, today) >= youngest:
        return None
    return Finding("too_young", f"direct payments are for people aged {youngest} and over", sources.PLAN_APPENDIX_A)


def amendments_too_late(*, died_on: date | None, fields: AbstractSet[str]) -> frozenset[str]:
    """Return those of the amended fields that make no sense for somebody who has died (need, address, administration).

    Council policy: a record of somebody who has died is only put right, not kept up.
    """
    return frozenset() if died_on is None else frozenset(fields) - AMENDED_AFTER_DEATH


def older_people_born_by(today: date) -> date:
    """Return the latest day of birth of those who have come of the older people's age (65) by today.

    Council policy: Direct Payments Development Plan 2018-2023, s.7 (budget headings by care group).
    """
    year = today.year - figures.OLDER_PEOPLE_YEARS.on(today)
    try:
        return today.replace(year=year)
    except ValueError:  # 29 February: nobody is born on that day of a common year, so the day before is the latest.
        return date(year, 2, 28)


def care_group(
    *, kind: RecipientKind, primary_support_reason: PrimarySupportReason, date_of_birth: date, today: date
) -> CareGroup:
    """Return the budget heading that a recipient's money is reported under on a day.

    Carers go by their kind; learning disability and mental health by the primary support reason; all others by age:
    65 and over are older people, younger adults physical disabilities.

    Council policy: Direct Payments Development Plan 2018-2023, s.7 (budget headings by care group).
    """
    if kind is RecipientKind.CARER:
        return CareGroup.CARERS
    if primary_support_reason is PrimarySupportReason.LEARNING_DISABILITY:
        return CareGroup.LEARNING_DISABILITIES
    if primary_support_reason is PrimarySupportReason.MENTAL_HEALTH:
        return CareGroup.MENTAL_HEALTH
    is_older = date_of_birth <= older_people_born_by(today)
    return CareGroup.OLDER_PEOPLE if is_older else CareGroup.PHYSICAL_DISABILITIES
