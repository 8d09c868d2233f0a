"""What is written of teams and staff in one statement each."""

from collections.abc import Iterable

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from services.shared.database import WriteSession
from services.shared.tables.staff import StaffLogin, StaffTeam, Team


async def name_team(session: WriteSession, *, code: str, name: str) -> None:
    """Name a team, making it when there is none of this code."""
    naming = insert(Team).values(code=code, name=name)
    await session.execute(naming.on_conflict_do_update(index_elements=[Team.code], set_={"name": name}))


async def replace_teams(session: WriteSession, *, staff_number: str, codes: Iterable[str]) -> None:
    """Put a member of staff in these teams and in no other."""
    await session.execute(delete(StaffTeam).where(StaffTeam.staff_number == staff_number))
    rows = [{"staff_number": staff_number, "team_code": code} for code in sorted(set(codes))]
    if rows:
        await session.execute(insert(StaffTeam), rows)


async def replace_logins(session: WriteSession, *, staff_number: str, logins: Iterable[tuple[str, str]]) -> None:
    """Give a member of staff these log-ins (issuer and subject) and no other."""
    await session.execute(delete(StaffLogin).where(StaffLogin.staff_number == staff_number))
    rows = [
        {"staff_number": staff_number, "issuer": issuer, "subject": subject} for issuer, subject in sorted(set(logins))
    ]
    if rows:
        await session.execute(insert(StaffLogin), rows)
