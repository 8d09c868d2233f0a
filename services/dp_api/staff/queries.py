"""Every SELECT about teams and staff."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Select, Text, any_, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from services.dp_api.staff import schemas
from services.shared import direct, paging
from services.shared.database import AnySession, WriteSession
from services.shared.direct import Reading
from services.shared.errors import NotFound
from services.shared.tables.staff import StaffLogin, StaffMember, StaffTeam, Team

TEAM_ORDER: Final = paging.Order(Team.code)
STAFF_ORDER: Final = paging.Order(StaffMember.staff_number)
_MEMBER: Final = select(StaffMember.staff_number, StaffMember.display_name, StaffMember.is_active, StaffMember.version)


async def team_name_for_change(session: WriteSession, *, code: str) -> str | None:
    """Return a team's name, and hold its row until the act ends; None where there is no such team."""
    name: str | None = await session.scalar(select(Team.name).where(Team.code == code).with_for_update())
    return name


async def teams(session: AnySession, *, page: paging.Page) -> Sequence[schemas.TeamView]:
    """Return teams by code, one more than the page holds when there is one."""
    question = select(Team.code, Team.name).order_by(Team.code).limit(page.rows_asked_for)
    if (reached := TEAM_ORDER.after(page)) is not None:
        question = question.where(Team.code > reached[0])
    return [schemas.TeamView(code=row.code, name=row.name) for row in await session.execute(question)]


async def unknown_teams(asking: Reading, *, codes: Iterable[str]) -> frozenset[str]:
    """Return those of the codes that name no team."""
    asked = frozenset(codes)
    known = await direct.ask(asking, _TEAMS_OF, {"codes": list(asked)})
    return asked - {row["code"] for row in known}


async def display_name(session: AnySession, *, staff_number: str) -> str | None:
    """Return what a staff member is called, or None where the council has registered nobody of that number."""
    name: str | None = await session.scalar(
        select(StaffMember.display_name).where(StaffMember.staff_number == staff_number)
    )
    return name


async def staff_member(session: AnySession, *, staff_number: str) -> schemas.StaffMemberView:
    """Return one staff member. Raises NotFound."""
    found = await _members(session, question=_MEMBER.where(StaffMember.staff_number == staff_number))
    if not found:
        raise NotFound("no such staff member")
    return found[0]


async def staff(session: AnySession, *, page: paging.Page) -> Sequence[schemas.StaffMemberView]:
    """Return staff members by number, one more than the page holds when there is one."""
    question = _MEMBER.order_by(StaffMember.staff_number).limit(page.rows_asked_for)
    if (reached := STAFF_ORDER.after(page)) is not None:
        question = question.where(StaffMember.staff_number > reached[0])
    return await _members(session, question=question)


async def login_owners(
    session: AnySession, *, logins: Sequence[tuple[str, str]]
) -> Sequence[tuple[tuple[str, str], str]]:
    """Return ((issuer, subject), staff number) of each of these accounts that belongs to somebody."""
    question = select(StaffLogin.issuer, StaffLogin.subject, StaffLogin.staff_number).where(
        tuple_(StaffLogin.issuer, StaffLogin.subject).in_(logins)
    )
    return [((row.issuer, row.subject), row.staff_number) for row in await session.execute(question)]


async def _members(session: AnySession, *, question: Select[*tuple[Any, ...]]) -> Sequence[schemas.StaffMemberView]:
    rows = (await session.execute(question)).all()
    numbers = [row.staff_number for row in rows]
    team_codes = await _teams_of(session, numbers=numbers)
    logins = await _logins_of(session, numbers=numbers)
    return [
        schemas.StaffMemberView(
            staff_number=row.staff_number,
            display_name=row.display_name,
            is_active=row.is_active,
            teams=team_codes[row.staff_number],
            logins=logins[row.staff_number],
            version=row.version,
        )
        for row in rows
    ]


async def _teams_of(session: AnySession, *, numbers: Sequence[str]) -> defaultdict[str, list[str]]:
    question = select(StaffTeam.staff_number, StaffTeam.team_code).where(StaffTeam.staff_number.in_(numbers))
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in await session.execute(question.order_by(StaffTeam.team_code)):
        found[row.staff_number].append(row.team_code)
    return found


async def _logins_of(session: AnySession, *, numbers: Sequence[str]) -> defaultdict[str, list[schemas.LoginView]]:
    question = select(StaffLogin.staff_number, StaffLogin.issuer, StaffLogin.subject).where(
        StaffLogin.staff_number.in_(numbers)
    )
    found: defaultdict[str, list[schemas.LoginView]] = defaultdict(list)
    for row in await session.execute(question.order_by(StaffLogin.issuer, StaffLogin.subject)):
        found[row.staff_number].append(schemas.LoginView(issuer=row.issuer, subject=row.subject))
    return found


_TEAMS_OF: Final = direct.compiled(select(Team.code).where(Team.code == any_(bindparam("codes", type_=ARRAY(Text)))))
