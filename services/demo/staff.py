"""The county's teams and staff, set up as an administrator would."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.demo import members, names, streams
from services.demo.population import TEAM_ZONES
from services.dp_api.staff import operations, schemas
from services.shared.database import WriteSession

TEAM_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {code: f"{code.replace('-', ' ').title()} care pathway team" for code in TEAM_ZONES}
)


async def set_up(session: WriteSession, *, seed: int) -> None:
    """Make the teams and the staff; a second time changes nothing but the trail."""
    random = streams.stream(seed, "staff names")
    for code, name in TEAM_NAMES.items():
        await operations.set_team(session, code=code, values=schemas.TeamName(name=name))
    for member in members.members():
        values = schemas.StaffMemberSettings(
            display_name=names.full_name(random), is_active=True, teams=list(member.teams), logins=[]
        )
        await operations.set_staff_member(session, staff_number=member.staff_number, values=values)
