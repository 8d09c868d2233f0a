"""Teams and recipients, made through dp_api's own operations."""

from datetime import date
from typing import Any

from services.dp_api.recipients import operations, schemas
from services.dp_api.staff import operations as staff_operations
from services.dp_api.staff import schemas as staff_schemas
from services.shared.database import WriteSession
from services.shared.vocabulary.people import (
    AdministeredBy,
    Ethnicity,
    HomeCareZone,
    PrimarySupportReason,
    RecipientKind,
)

TODAY = date(2026, 11, 2)
NORTH = "north"
SOUTH = "south"
NHS_NUMBERS = ("9990000018", "9990000026", "9990000034", "9990000042", "9990000050", "9990000069")
"""Numbers whose check digit is right and that are never issued."""


def new_recipient(**changes: Any) -> schemas.NewRecipient:
    """Return what is known of an older adult of the north team."""
    known: dict[str, Any] = {
        "kind": RecipientKind.ADULT,
        "full_name": "Ada Example",
        "date_of_birth": date(1950, 3, 4),
        "primary_support_reason": PrimarySupportReason.PHYSICAL_PERSONAL_CARE,
        "ethnicity": Ethnicity.NOT_RECORDED,
        "team_code": NORTH,
        "address_lines": ["1 Example Street", "Melton"],
        "postcode": "LE13 1AA",
        "home_care_zone": HomeCareZone.MELTON,
        "administered_by": AdministeredBy.FAMILY,
    }
    return schemas.NewRecipient(**(known | changes))


async def a_team(session: WriteSession, code: str = NORTH) -> str:
    """Make a team, or name it again."""
    await staff_operations.set_team(session, code=code, values=staff_schemas.TeamName(name=f"Team {code}"))
    return code


async def a_recipient(session: WriteSession, *, today: date = TODAY, **changes: Any) -> schemas.RecipientForCare:
    """Register a recipient of the north team, which is made first."""
    values = new_recipient(**changes)
    await a_team(session, values.team_code)
    return await operations.register_recipient(session, values=values, today=today)
