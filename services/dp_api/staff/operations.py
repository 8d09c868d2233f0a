"""Acts on teams and staff."""

from services.dp_api.staff import queries, schemas, statements
from services.shared import audit, clock
from services.shared.database import WriteSession
from services.shared.errors import Conflict, Invalid
from services.shared.tables.staff import StaffMember
from services.shared.values import staff_numbers


async def set_team(session: WriteSession, *, code: str, values: schemas.TeamName) -> schemas.TeamView:
    """Name a team, making it when there is none of this code."""
    before = await queries.team_name_for_change(session, code=code)
    await statements.name_team(session, code=code, name=values.name)
    await audit.record(
        session,
        action="set_team",
        subject=audit.Subject("team", code),
        before={"name": before},
        after={"name": values.name},
    )
    return schemas.TeamView(code=code, name=values.name)


async def set_staff_member(
    session: WriteSession, *, staff_number: str, values: schemas.StaffMemberSettings
) -> schemas.StaffMemberView:
    """Set everything about a staff member at once, registering them when the number is new.

    Raises Invalid for a team that does not exist, and Conflict for an account that belongs to somebody else, or that
    is the administrator's own: a person is one staff number, so that nobody is their own second person.
    """
    staff_number = staff_numbers.folded(staff_number)
    await _refuse_unknown_teams(session, codes=values.teams)
    await _refuse_own_login(session, staff_number=staff_number, values=values)
    await _refuse_foreign_logins(session, staff_number=staff_number, values=values)
    member = await session.get(StaffMember, staff_number, with_for_update=True)
    before = {} if member is None else _facts(await queries.staff_member(session, staff_number=staff_number))
    if member is None:
        member = StaffMember(staff_number=staff_number)
        session.add(member)
    member.display_name = values.display_name
    member.is_active = values.is_active
    member.updated_at = clock.now()
    await session.flush()
    await statements.replace_teams(session, staff_number=staff_number, codes=values.teams)
    logins = [(login.issuer, login.subject) for login in values.logins]
    await statements.replace_logins(session, staff_number=staff_number, logins=logins)
    after = await queries.staff_member(session, staff_number=staff_number)
    await audit.record(
        session,
        action="set_staff_member",
        subject=audit.Subject("staff_member", staff_number),
        before=before,
        after=_facts(after),
    )
    return after


async def _refuse_unknown_teams(session: WriteSession, *, codes: list[str]) -> None:
    unknown = await queries.unknown_teams(session, codes=codes)
    for number, code in enumerate(codes):
        if code in unknown:
            raise Invalid("there is no such team", code="unknown_team", pointer=f"/teams/{number}")


async def _refuse_foreign_logins(
    session: WriteSession, *, staff_number: str, values: schemas.StaffMemberSettings
) -> None:
    asked = [(login.issuer, login.subject) for login in values.logins]
    owners = await queries.login_owners(session, logins=asked)
    if any(owner != staff_number for _, owner in owners):
        raise Conflict("one of the accounts belongs to another staff member", code="login_taken")


async def _refuse_own_login(session: WriteSession, *, staff_number: str, values: schemas.StaffMemberSettings) -> None:
    """Raise Conflict where the actor would make their own account somebody's, or nobody's."""
    own = (session.actor.issuer, session.actor.subject)
    owners = await queries.login_owners(session, logins=[own])
    is_theirs_now = any(owner == staff_number for _, owner in owners)
    if is_theirs_now != (own in [(login.issuer, login.subject) for login in values.logins]):
        raise Conflict("another administrator says whose your own account is", code="own_login")


def _facts(member: schemas.StaffMemberView) -> dict[str, object]:
    return {
        "display_name": member.display_name,
        "is_active": member.is_active,
        "teams": list(member.teams),
        "logins": [f"{login.issuer} {login.subject}" for login in member.logins],
    }
