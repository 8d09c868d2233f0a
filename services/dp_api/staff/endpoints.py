"""HTTP for teams, staff members, and the caller's own standing."""

from typing import Annotated

from fastapi import Path

from services.dp_api.staff import operations, queries, schemas
from services.shared import paging
from services.shared.identity.permissions import GRANTED_TO
from services.shared.values import fields
from services.shared.web import dependencies, routing

router = routing.Router(prefix="/v1", tags=["staff"])

TeamCode = Annotated[fields.Code, Path(description="The team's code.")]
StaffNumber = Annotated[fields.StaffNumber, Path(description="The council's number of a member of staff.")]


@router.get("/me")
async def read_me(session: dependencies.Read, caller: dependencies.Caller) -> schemas.Me:
    """Say who the caller is to this software, whose caseloads they see, and what they may do."""
    return schemas.Me(
        name=caller.name,
        display_name=await queries.display_name(session, staff_number=caller.name),
        roles=sorted(caller.roles),
        teams=None if caller.teams is None else sorted(caller.teams),
        provider=caller.provider,
        permissions=[permission for permission in GRANTED_TO if caller.may(permission)],
    )


@router.get("/teams")
async def list_teams(session: dependencies.Read, page: dependencies.Page) -> paging.Paged[schemas.TeamView]:
    """List the care pathway teams by code."""
    rows = await queries.teams(session, page=page)
    return queries.TEAM_ORDER.paged(rows, page, key=lambda team: (team.code,))


@router.put("/teams/{code}")
async def set_team(code: TeamCode, body: schemas.TeamName, session: dependencies.Write) -> schemas.TeamView:
    """Name a team, making it when there is none of this code."""
    return await operations.set_team(session, code=code, values=body)


@router.get("/staff")
async def list_staff(session: dependencies.Read, page: dependencies.Page) -> paging.Paged[schemas.StaffMemberView]:
    """List the staff members by number, with their teams and the accounts they sign in with."""
    rows = await queries.staff(session, page=page)
    return queries.STAFF_ORDER.paged(rows, page, key=lambda member: (member.staff_number,))


@router.put("/staff/{staff_number}")
async def set_staff_member(
    staff_number: StaffNumber, body: schemas.StaffMemberSettings, session: dependencies.Write
) -> schemas.StaffMemberView:
    """Set everything about a staff member at once, registering them when the number is new."""
    return await operations.set_staff_member(session, staff_number=staff_number, values=body)
